"""Layers that draw random numbers: what they keep on average, when they act, and which seeds repeat."""
import numpy as np
import pytest

from gpunn import layers, ops, set_seed
from gpunn.tensor import Tensor

N = 20_000
ONES = np.ones((4, N // 4), "float32")
RANDOM = {
    "dropout": lambda **k: layers.Dropout(0.3, **k),
    "gaussian_noise": lambda **k: layers.GaussianNoise(0.3, **k),
    "gaussian_dropout": lambda **k: layers.GaussianDropout(0.3, **k),
    "alpha_dropout": lambda **k: layers.AlphaDropout(0.3, **k),
}


@pytest.mark.parametrize("make", RANDOM.values(), ids=RANDOM)
def test_does_nothing_but_while_training(make):
    layer = make()
    np.testing.assert_array_equal(layer(ONES).numpy(), ONES)
    assert not np.array_equal(layer(ONES, training=True).numpy(), ONES)


@pytest.mark.parametrize("make", RANDOM.values(), ids=RANDOM)
def test_draws_anew_at_every_call_and_repeats_after_set_seed(make):
    def two():
        set_seed(7)
        layer = make()
        return layer(ONES, training=True).numpy(), layer(ONES, training=True).numpy()
    (a, b), (c, d) = two(), two()
    assert not np.array_equal(a, b)
    np.testing.assert_array_equal(a, c)
    np.testing.assert_array_equal(b, d)


@pytest.mark.parametrize("make", RANDOM.values(), ids=RANDOM)
def test_a_seed_of_its_own_does_not_depend_on_the_process(make):
    set_seed(1)
    a = make(seed=5)(ONES, training=True).numpy()
    set_seed(2)
    b, c = make(seed=5)(ONES, training=True).numpy(), make(seed=6)(ONES, training=True).numpy()
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


def test_dropout_keeps_the_mean_and_uses_one_mask_both_ways():
    set_seed(3)
    x = Tensor(ONES.copy(), requires_grad=True)
    y = layers.Dropout(0.3)(x, training=True)
    kept = y.numpy() != 0
    assert abs(kept.mean() - 0.7) < 4 * (0.21 / N) ** 0.5
    np.testing.assert_allclose(y.numpy()[kept], 1 / 0.7, rtol=1e-6)
    ops.sum(y).backward()
    np.testing.assert_array_equal(x.grad, y.numpy())


def test_dropout_with_a_noise_shape_drops_whole_lines():
    y = layers.Dropout(0.5, noise_shape=(None, 1))(np.ones((64, 5), "float32"), training=True).numpy()
    assert set(y.sum(1)) == {0.0, 10.0}


@pytest.mark.parametrize("layer, shape, axes", [
    (layers.SpatialDropout1D(0.5), (8, 5, 16), (1,)),
    (layers.SpatialDropout2D(0.5), (8, 3, 3, 16), (1, 2)),
    (layers.SpatialDropout2D(0.5, data_format="channels_first"), (8, 16, 3, 3), (2, 3)),
    (layers.SpatialDropout3D(0.5), (8, 2, 3, 3, 16), (1, 2, 3)),
])
def test_spatial_dropout_drops_whole_channels(layer, shape, axes):
    y = layer(np.ones(shape, "float32"), training=True).numpy()
    assert set(np.unique(y.mean(axes))) == {0.0, 2.0}


def test_noise_has_the_deviation_that_was_asked_for():
    set_seed(4)
    noise = layers.GaussianNoise(0.3)(ONES, training=True).numpy() - 1
    assert abs(noise.mean()) < 4 * 0.3 / N ** 0.5 and abs(noise.std() - 0.3) < 0.01
    factor = layers.GaussianDropout(0.2)(ONES, training=True).numpy()
    assert abs(factor.mean() - 1) < 0.02 and abs(factor.std() - 0.5) < 0.02


def test_alpha_dropout_keeps_mean_and_variance():
    set_seed(5)
    x = np.random.default_rng(0).normal(size=(4, N)).astype("float32")
    y = layers.AlphaDropout(0.2)(x, training=True).numpy()
    assert abs(y.mean()) < 0.03 and abs(y.std() - 1) < 0.03


def test_recurrent_dropout_is_the_same_at_every_step():
    layer = layers.SimpleRNN(64, "linear", dropout=0.5, return_sequences=True, kernel_initializer="identity",
                             recurrent_initializer="zeros", use_bias=False)
    y = layer(np.ones((2, 5, 64), "float32"), training=True).numpy()
    assert set(np.unique(y)) == {0.0, 2.0}
    for t in range(1, 5):
        np.testing.assert_array_equal(y[:, t], y[:, 0])


@pytest.mark.parametrize("cls", [layers.SimpleRNN, layers.LSTM, layers.GRU])
def test_recurrent_layers_drop_inputs_and_states_while_training(cls):
    x = np.ones((2, 5, 3), "float32")
    for options in ({"dropout": 0.5}, {"recurrent_dropout": 0.5}):
        layer = cls(8, **options)
        calm = layer(x).numpy()
        np.testing.assert_array_equal(calm, layer(x).numpy())
        assert not np.array_equal(layer(x, training=True).numpy(), calm)


def test_attention_drops_weights_while_training():
    x = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
    layer = layers.MultiHeadAttention(2, 3, dropout=0.5)
    calm = layer(x, x).numpy()
    np.testing.assert_allclose(calm, layer(x, x, return_attention_scores=True)[0].numpy(), atol=1e-6)
    assert not np.array_equal(layer(x, x, training=True).numpy(), calm)


def test_spectral_normalization_brings_the_largest_singular_value_to_one():
    layer = layers.SpectralNormalization(layers.Dense(6), power_iterations=50)
    x = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    layer(x, training=True)
    assert abs(np.linalg.svd(layer.kernel.numpy(), compute_uv=False)[0] - 1) < 1e-3
    before = layer.get_weights()
    layer(x)
    for a, b in zip(before, layer.get_weights()):
        np.testing.assert_array_equal(a, b)
    zero = layers.SpectralNormalization(layers.Dense(3, kernel_initializer="zeros"))
    assert np.isfinite(zero(x, training=True).numpy()).all()
