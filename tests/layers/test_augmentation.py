"""Random images: what each layer may do to a picture, when it does it, and where the pixels go."""
import numpy as np
import pytest

from gpunn import layers, set_seed
from gpunn.backend import constant, current, rng, to_numpy
from gpunn.backend.program import Program
from gpunn.layers.augmentation import _beta
from gpunn.tensor import Tensor

X = np.arange(2 * 4 * 4 * 1, dtype="float32").reshape(2, 4, 4, 1)
MAKE = {
    "flip": lambda **k: layers.RandomFlip(**k),
    "rotation": lambda **k: layers.RandomRotation(0.3, **k),
    "translation": lambda **k: layers.RandomTranslation(0.3, 0.3, **k),
    "zoom": lambda **k: layers.RandomZoom(0.3, **k),
    "brightness": lambda **k: layers.RandomBrightness(0.3, **k),
    "contrast": lambda **k: layers.RandomContrast(0.9, **k),
}


def stack(n):
    return np.repeat(X[:1], n, 0)


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_acts_only_while_training_and_on_its_own(make):
    x = stack(16)
    np.testing.assert_array_equal(make()(x, training=False).numpy(), x)
    y = make()(x).numpy()
    assert y.shape == x.shape and len(np.unique(y.reshape(16, -1), axis=0)) > 1


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_takes_one_image_and_channels_first(make):
    assert make()(X[0]).shape == X[0].shape
    layer = make(seed=3, data_format="channels_first")
    y = layer(X.transpose(0, 3, 1, 2).copy()).numpy().transpose(0, 2, 3, 1)
    set_seed(1)
    a = make(seed=3, data_format="channels_first")(X.transpose(0, 3, 1, 2).copy()).numpy()
    set_seed(1)
    np.testing.assert_array_equal(a.transpose(0, 2, 3, 1), make(seed=3)(X).numpy())
    assert y.shape == X.shape


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_a_step_can_be_recorded(make):
    layer, x = make(), Tensor(constant(stack(8)))
    program = Program(current(), lambda: [layer(x, training=True).data])
    results = [to_numpy(program()[0]).copy() for _ in range(5)]
    assert program.replay is not None and results[-1].shape == x.shape


@pytest.mark.parametrize("mode, allowed", [
    ("horizontal", lambda x: [x, x[:, ::-1]]),
    ("vertical", lambda x: [x, x[::-1]]),
    ("horizontal_and_vertical", lambda x: [x, x[:, ::-1], x[::-1], x[::-1, ::-1]]),
])
def test_flips_are_mirrors_each_with_its_share(mode, allowed):
    y = layers.RandomFlip(mode, seed=1)(stack(400)).numpy()
    counts = [sum(np.array_equal(image, a) for image in y) for a in allowed(X[0])]
    assert sum(counts) == 400
    assert all(abs(c - 400 / len(counts)) < 60 for c in counts)


def test_a_quarter_turn_is_counter_clockwise():
    y = layers.RandomRotation((0.25, 0.25))(X).numpy()
    np.testing.assert_allclose(y[0, ..., 0], np.rot90(X[0, ..., 0]), atol=1e-4)


def test_a_shift_goes_down_and_right():
    y = layers.RandomTranslation((0.25, 0.25), (0.5, 0.5), fill_mode="constant")(X).numpy()[0, ..., 0]
    expected = np.zeros((4, 4))
    expected[1:, 2:] = X[0, :3, :2, 0]
    np.testing.assert_allclose(y, expected, atol=1e-4)


def test_zooming_in_by_half_shows_the_middle():
    y = layers.RandomZoom((-0.5, -0.5), (0.0, 0.0))(X).numpy()[0, ..., 0]
    rows = np.interp(1.5 + (np.arange(4) - 1.5) / 2, np.arange(4), X[0, :, 0, 0])
    np.testing.assert_allclose(y, rows[:, None] + np.arange(4), atol=1e-4)


def test_brightness_adds_one_number_to_each_image_and_stays_in_range():
    y = layers.RandomBrightness((0.1, 0.2), seed=1)(stack(50)).numpy()
    added = y - stack(50)
    assert np.ptp(added.reshape(50, -1), axis=1).max() < 1e-4 and len(np.unique(added[:, 0, 0, 0].round(3))) > 40
    assert 25.5 <= added.min() and added.max() <= 51
    assert layers.RandomBrightness((0.9, 1.0), (0, 20))(X).numpy().max() == 20
    assert layers.RandomBrightness(0.3).get_config()["factor"] == (-0.3, 0.3)


def test_contrast_scales_around_each_channels_mean():
    y = layers.RandomContrast((0.5, 0.5), seed=2)(stack(50) + 100).numpy()
    x = stack(50) + 100
    scale = (y - y.mean((1, 2), keepdims=True)) / (x - x.mean((1, 2), keepdims=True))
    np.testing.assert_allclose(y.mean((1, 2)), x.mean((1, 2)), rtol=1e-5)
    assert np.ptp(scale.reshape(50, -1), axis=1).max() < 1e-4 and 0.5 <= scale.min() and scale.max() <= 1.5
    layer = layers.deserialize(layers.serialize(layers.RandomContrast(0.3)))
    assert layer.factor == (0, 0.3) and layer.value_range == [0, 255]


def replayed(layer, x, steps):
    """The different results of a recorded step."""
    x = Tensor(constant(x))

    def step():
        with rng.root().step():
            return [layer(x, training=True).data]
    program = Program(current(), step)
    found = {to_numpy(program()[0]).tobytes() for _ in range(steps)}
    assert program.replay is not None
    return found


def test_a_crop_is_a_window_of_the_image_the_same_for_a_batch():
    layer, found = layers.RandomCrop(2, 3), set()
    windows = {(r, c): X[:, r:r + 2, c:c + 3] for r in range(3) for c in range(2)}
    for _ in range(60):
        y = layer(X).numpy()
        found |= {at for at, w in windows.items() if np.array_equal(w, y)}
    assert found == set(windows)
    assert layer(X, training=False).shape == (2, 2, 3, 1) == layer.compute_output_shape(X.shape)
    assert layers.RandomCrop(6, 3)(X[0]).shape == (6, 3, 1)
    assert len(replayed(layers.RandomCrop(3, 2), X, 40)) == 6


def test_mix_up_blends_images_and_labels_alike():
    x = np.eye(64, dtype="float32").reshape(64, 8, 8, 1)
    layer = layers.MixUp(alpha=0.7)
    mixed = layer({"images": x, "labels": x.reshape(64, 64)})
    images, labels = mixed["images"].numpy().reshape(64, 64), mixed["labels"].numpy()
    np.testing.assert_allclose(images, labels, atol=1e-6)
    np.testing.assert_allclose(images.sum(1), 1, rtol=1e-5)
    assert len(np.unique(np.diag(images).round(3))) > 30
    np.testing.assert_array_equal(layer(x, training=False).numpy(), x)
    assert layer(x).shape == x.shape
    assert len(replayed(layer, x, 6)) == 6


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0, 2.0])
def test_the_shares_of_mix_up_follow_the_beta_distribution(alpha):
    q = _beta(alpha).astype("float64")
    np.testing.assert_allclose(np.mean((q[1:] + q[:-1]) / 2), 0.5, atol=1e-4)
    np.testing.assert_allclose(q.var(), 1 / (4 * (2 * alpha + 1)), rtol=2e-3)


@pytest.mark.parametrize("make, words", [
    (lambda: layers.RandomFlip("diagonal"), "mode must be '"),
    (lambda: layers.RandomRotation(2.0), "factor must be a number or two from -1.0 to 1, got 2.0"),
    (lambda: layers.RandomZoom(0.1, fill_mode="mirror"), "fill_mode must be '"),
])
def test_says(make, words):
    with pytest.raises(ValueError, match=words):
        make()
