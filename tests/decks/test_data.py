"""Rows B: tensors, batches and the parameter counts that the lectures work out."""
import numpy as np
import pytest

import gpunn as keras
from gpunn import layers


def neurons(model):
    return sum(layer.units for layer in model.layers)


@pytest.mark.parametrize("sizes, units, weights, biases, all_of_them", [
    ((3, 4, 2), 6, 20, 6, 26), ((3, 4, 4, 1), 9, 32, 9, 41), ((10_000, 1000), 1000, 10_000_000, 1000, 10_001_000)])
def test_b14_b15_b16_counts(sizes, units, weights, biases, all_of_them):
    model = keras.Sequential([keras.Input(sizes[:1]), *map(layers.Dense, sizes[1:])])
    assert neurons(model) == units and model.count_params() == all_of_them
    assert sum(layer.kernel.size for layer in model.layers) == weights
    assert sum(layer.bias.size for layer in model.layers) == biases


def test_b11_b12_x13_flatten_48_dense_8_reshape():
    model = keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten(), layers.Dense(8), layers.Reshape((2, 2, 2))])
    assert [layer.compute_output_shape((None, 4, 4, 3)) for layer in model.layers[:1]] == [(None, 48)]
    assert model.count_params() == 48 * 8 + 8 == 392 and model.output_shape == (None, 2, 2, 2)


def test_b1_b10_images_and_classes():
    assert keras.datasets.mnist.SET.title == "MNIST"
    (x, y), (u, v) = keras.datasets.mnist_5k.load_data()
    assert x.shape[1:] == u.shape[1:] == (28, 28) and set(y) == set(v) == set(range(10))


@pytest.mark.parametrize("rank", range(1, 6))
def test_b2_operations_up_to_five_axes(rank):
    x = np.random.default_rng(0).normal(size=(2, 3, 2, 3, 2)[:rank])
    np.testing.assert_allclose(keras.ops.sum(x * x, axis=-1).numpy(), (x * x).sum(-1), rtol=1e-6)
    np.testing.assert_allclose(keras.activations.relu(x).numpy(), np.maximum(x, 0))
    if rank > 1:
        w = np.ones((x.shape[-1], 4))
        np.testing.assert_allclose(keras.ops.matmul(x, w).numpy(), x @ w, rtol=1e-6)


def test_b3_vectors_of_20000_words():
    ids = np.random.default_rng(0).integers(0, 20_000, (500, 3))
    counts = layers.CategoryEncoding(20_000, "count")(ids).numpy()
    assert counts.shape == (500, 20_000) and (counts.sum(1) == 3).all()
    assert counts[7, ids[7, 0]] == (ids[7] == ids[7, 0]).sum()
    assert keras.Input(batch_shape=(100_000, 3)).shape == (100_000, 3)


@pytest.mark.parametrize("layer", [layers.SimpleRNN, layers.LSTM, layers.GRU])
def test_b4_time_is_axis_1(layer):
    made = layer(4, return_sequences=True)
    x = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
    whole = made(x).numpy()
    assert whole.shape == (2, 6, 4)
    np.testing.assert_allclose(made(x[:, :3]).numpy(), whole[:, :3], rtol=1e-5, atol=1e-6)      # only the past counts


@pytest.mark.parametrize("channels", [1, 3])
def test_b5_channels_last_and_first_give_equal_numbers(channels):
    last, first = layers.Conv2D(4, 3, strides=2), layers.Conv2D(4, 3, strides=2, data_format="channels_first")
    x = np.random.default_rng(0).normal(size=(2, 16, 16, channels)).astype("float32")
    y, _ = last(x), first(x.transpose(0, 3, 1, 2))
    first.set_weights(last.get_weights())
    np.testing.assert_allclose(first(x.transpose(0, 3, 1, 2)).numpy(), y.numpy().transpose(0, 3, 1, 2), atol=1e-5)
    assert last(keras.Input(batch_shape=(128, 256, 256, channels))).shape == (128, 127, 127, 4)


@pytest.mark.parametrize("shape, form", [((4, 240, 144, 256, 3), "channels_last"),
                                         ((4, 240, 3, 144, 256), "channels_first")])
def test_b6_video(shape, form):
    video = keras.Input(batch_shape=shape)
    assert np.prod(video.shape) == 106_168_320 and np.prod(video.shape) * 4 / 2 ** 20 == 405.0
    frames = layers.TimeDistributed(layers.Flatten(data_format=form))(video)
    assert frames.shape == (4, 240, 144 * 256 * 3)


def test_b9_draw_forward_loss_update():
    x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    y, w = x @ [[1.0], [2.0], [3.0]], keras.Variable(np.zeros((3, 1), "float32"))
    optimizer = keras.optimizers.SGD(0.1)
    for step in range(200):
        rows, wanted = keras.classic.sample_training_data((x, y), 32, seed=step)
        loss = keras.ops.mean(keras.ops.square(keras.ops.matmul(rows, w) - wanted.astype("float32")))
        loss.backward()
        optimizer.apply([w.grad], [w])
    np.testing.assert_allclose(w.numpy()[:, 0], [1, 2, 3], atol=1e-3)


def test_b13_signals_go_one_way_from_the_input_up():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4, name="lower"), layers.Dense(2, name="upper")])
    x = np.ones((1, 3), "float32")
    before = model.get_layer("lower")(x).numpy()
    model.get_layer("upper").set_weights([np.zeros((4, 2)), np.ones(2)])
    np.testing.assert_array_equal(model.get_layer("lower")(x).numpy(), before)
    assert model.count_params() == 26                           # the input has no weights


def test_b17_normalized_inputs():
    x = np.random.default_rng(0).normal(5, 3, (500, 4)).astype("float32")
    layer = layers.Normalization()
    layer.adapt(x)
    y = layer(x).numpy()
    np.testing.assert_allclose([y.mean(0), y.std(0)], [[0] * 4, [1] * 4], atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(keras.utils.normalize(x), axis=-1), 1, rtol=1e-5)


def test_b18_fare_and_age():
    (x, y), _ = keras.datasets.titanic.load_data()
    table = keras.datasets.titanic.load_table()
    assert set(np.unique(y)) == {0, 1} and x.shape[1] == 2
    assert x[:, 0].max() == np.nanmax(table["fare"]) and 60 < x[:, 1].max() <= np.nanmax(table["age"])


def test_b21_how_much_data_is_needed():
    (x, y), (u, v) = keras.datasets.digits.load_data()
    scores = []
    for size in (20, 200, 1200):
        keras.set_seed(0)
        model = keras.Sequential([layers.Flatten(), layers.Dense(32, "relu"), layers.Dense(10, "softmax")])
        model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(x[:size] / 16, y[:size], epochs=30, verbose=0, validation_data=(u / 16, v)).history
        scores.append(history["val_accuracy"][-1])
    assert scores[0] < scores[1] < scores[2] and len(history["loss"]) == len(history["val_loss"]) == 30


def test_b22_h23_layers_of_an_autoencoder_are_reused():
    x = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
    encoder = layers.Dense(3, "tanh")
    auto = keras.Sequential([keras.Input((6,)), encoder, layers.Dense(6)])
    auto.compile("adam", "mse")
    auto.fit(x, x, verbose=0)
    learned = encoder.get_weights()
    encoder.trainable = False
    model = keras.Sequential([keras.Input((6,)), encoder, layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(x, x[:, :1], verbose=0)
    for a, b in zip(learned, encoder.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert len(model.trainable_weights) == 2


def test_h25_objects_are_named_and_found():
    """A lying or a standing bar somewhere in 10 x 10 pixels: which, and the row and column of its middle."""
    dice = np.random.default_rng(0)
    kind, at = dice.integers(0, 2, 1500), dice.integers(2, 8, (1500, 2))
    rows, columns = (np.abs(np.arange(10) - at[:, i:i + 1]) for i in (0, 1))
    lying = kind[:, None] == 0
    x = ((rows <= np.where(lying, 0, 2))[:, :, None] & (columns <= np.where(lying, 2, 0))[:, None, :]).astype("float32")
    keras.set_seed(0)
    picture = layers.Input((10, 10, 1))
    hidden = layers.Dense(64, "relu")(layers.Flatten()(layers.Conv2D(8, 3, activation="relu")(picture)))
    model = keras.Model(picture, {"kind": layers.Dense(1, "sigmoid", name="kind")(hidden),
                                  "at": layers.Dense(2, name="at")(hidden)})
    model.compile("adam", {"kind": "binary_crossentropy", "at": "mse"})
    model.fit(x[:1200], {"kind": kind[:1200], "at": at[:1200]}, epochs=40, verbose=0)
    found = model.predict(x[1200:], verbose=0)
    assert ((found["kind"][:, 0] > 0.5) == kind[1200:]).mean() > 0.98 and np.abs(found["at"] - at[1200:]).mean() < 0.3
