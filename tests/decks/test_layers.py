"""Rows H: neurons, perceptrons, convolution, pooling and attention with the numbers of the lectures."""
import math

import numpy as np
import pytest

import gpunn as keras
from gpunn import layers, ops

R = np.random.default_rng(0)


def dense(kernel, bias, activation=None):
    """A Dense layer with these weights."""
    kernel = np.array(kernel, "float32")
    layer = layers.Dense(kernel.shape[1], activation)
    layer.build((None, len(kernel)))
    layer.set_weights([kernel, np.array(bias, "float32")])
    return layer


def test_h3_two_neurons():
    """z1 = t11 x1 + t21 x2 + b1, a1 = max(0, z1); z2 likewise"""
    a = dense([[1.0, -2.0], [0.5, 1.0]], [0.25, -3.0], "relu")(np.array([[2.0, 4.0]], "float32"))
    np.testing.assert_array_equal(a.numpy(), [[1 * 2 + 0.5 * 4 + 0.25, max(0, -2 * 2 + 1 * 4 - 3)]])


def test_h4_h12_h6_dot_product_bias_nonlinearity():
    x, w, bias = R.normal(size=(5, 3)), R.normal(size=(3, 4)), R.normal(size=4)
    z = np.array([[bias[i] + sum(row[j] * w[j, i] for j in range(3)) for i in range(4)] for row in x])
    np.testing.assert_allclose(dense(w, bias, "sigmoid")(x.astype("float32")).numpy(), 1 / (1 + np.exp(-z)), rtol=1e-4)


def test_h5_a_line_in_the_plane():
    """g(1 + 3 x1 - 2 x2): a half on the line, more on one side"""
    neuron = dense([[3.0], [-2.0]], [1.0], "sigmoid")
    x1 = np.linspace(-2, 2, 9)
    on = np.stack([x1, (1 + 3 * x1) / 2], 1).astype("float32")
    np.testing.assert_allclose(neuron(on).numpy(), 0.5, atol=1e-6)
    assert (neuron(on + [0.1, 0]).numpy() > 0.5).all() and (neuron(on + [0, 0.1]).numpy() < 0.5).all()
    z = 1 + 3 * -1 - 2 * 2                                      # the lecture's point (-1, 2): z = -6, g = 0.002
    assert neuron(np.array([[-1.0, 2.0]], "float32")).item() == pytest.approx(1 / (1 + math.exp(-z)), rel=1e-5)


def test_h10_a_linear_function_is_a_matrix():
    layer = layers.Dense(2, use_bias=False)
    x = R.normal(size=(4, 3)).astype("float32")
    np.testing.assert_allclose(layer(x).numpy(), x @ layer.get_weights()[0], rtol=1e-5)
    assert layer.count_params() == 6


def test_h9_a_binary_support_vector_machine():
    keras.set_seed(0)
    x = R.normal(size=(200, 2)).astype("float32")
    y = np.where(x @ [2, -1] > 0.2, 1.0, -1.0)
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "hinge")
    model.fit(x, y[:, None], epochs=30, verbose=0)
    assert np.mean(np.sign(model.predict(x, verbose=0)[:, 0]) == y) > 0.97


def test_h26_xor_needs_a_hidden_layer():
    keras.set_seed(0)
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32"), np.array([[0], [1], [1], [0]], "float32")
    for hidden, low, high in (([], 0.24, 0.26), ([layers.Dense(8, "tanh")], 0.0, 0.01)):
        model = keras.Sequential([keras.Input((2,)), *hidden, layers.Dense(1)])
        model.compile(keras.optimizers.Adam(0.05), "mse")
        model.fit(x, y, epochs=300, verbose=0)
        assert low <= model.evaluate(x, y, verbose=0) < high


def convolved(x, kernel, stride):
    """(h, w, c), (fh, fw, c, k): the neuron (i, j) sees rows i s .. i s + fh - 1, columns j s .. j s + fw - 1"""
    fh, fw, *_ = kernel.shape
    rows, columns = (x.shape[0] - fh) // stride + 1, (x.shape[1] - fw) // stride + 1
    return np.array([[np.tensordot(x[i * stride:i * stride + fh, j * stride:j * stride + fw], kernel, 3)
                      for j in range(columns)] for i in range(rows)])


@pytest.mark.parametrize("stride", [1, 2])
def test_h14_h16_x8_rows_use_the_height_and_columns_the_width(stride):
    x = R.normal(size=(1, 7, 9, 2)).astype("float32")
    layer = layers.Conv2D(3, (2, 4), strides=stride, use_bias=False)
    y = layer(x).numpy()
    np.testing.assert_allclose(y[0], convolved(x[0], layer.get_weights()[0], stride), rtol=1e-4, atol=1e-5)


def test_h14_h15_zero_padding():
    x = np.ones((1, 5, 7, 1), "float32")
    assert layers.Conv2D(1, 3, padding="same")(x).shape == (1, 5, 7, 1)
    layer = layers.Conv2D(1, 3, strides=2, padding="same", use_bias=False, kernel_initializer="ones")
    y = layer(x)
    assert y.shape == (1, 3, 4, 1)
    np.testing.assert_array_equal(y.numpy()[0, :, :, 0], [[4, 6, 6, 4], [6, 9, 9, 6], [4, 6, 6, 4]])


@pytest.mark.parametrize("height, width, channels, maps", [(3, 3, 1, 32), (5, 2, 3, 8)])
def test_h17_parameters_are_shared_in_a_map(height, width, channels, maps):
    layer = layers.Conv2D(maps, (height, width))
    assert layer(np.zeros((1, 9, 9, channels), "float32")).shape == (1, 10 - height, 10 - width, maps)
    assert layer.count_params() == (height * width * channels + 1) * maps


@pytest.mark.parametrize("layer, f", [(layers.MaxPooling2D, np.max), (layers.AveragePooling2D, np.mean)])
def test_h18_pooling_2x2_stride_2(layer, f):
    x = R.normal(size=(2, 6, 4, 3)).astype("float32")
    pool = layer(2, strides=2)
    np.testing.assert_allclose(pool(x).numpy(), f(x.reshape(2, 3, 2, 2, 2, 3), axis=(2, 4)), rtol=1e-5, atol=1e-6)
    assert pool.count_params() == 0 and layer(2)(x[:, :5]).shape == (2, 2, 2, 3)


def test_h19_a_shifted_image_gives_a_shifted_map():
    x = np.zeros((1, 12, 12, 1), "float32")
    x[0, 3:6, 3:6] = 1
    layer = layers.Conv2D(4, 3)
    np.testing.assert_allclose(layer(np.roll(x, (2, 3), (1, 2))).numpy(), np.roll(layer(x).numpy(), (2, 3), (1, 2)),
                               atol=1e-6)
    pool = keras.Sequential([layer, layers.GlobalMaxPooling2D()])
    np.testing.assert_allclose(pool(np.roll(x, (2, 3), (1, 2))).numpy(), pool(x).numpy(), atol=1e-6)


def test_h2_masked_attention_sees_no_future():
    x = R.normal(size=(1, 6, 8)).astype("float32")
    changed = x.copy()
    changed[0, 4:] += 1
    attention = layers.MultiHeadAttention(2, 4)
    for causal in (True, False):
        one, two = (attention(v, v, use_causal_mask=causal).numpy() for v in (x, changed))
        assert np.allclose(one[0, :4], two[0, :4], atol=1e-6) == causal


def test_h28_the_output_of_every_layer():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(3, "tanh"), layers.Dense(2, "tanh"), layers.Dense(1)])
    inside = keras.Model(model.inputs, [layer.output for layer in model.layers])
    x = R.normal(size=(5, 2)).astype("float32")
    seen = inside.predict(x, verbose=0)
    assert [y.shape for y in seen] == [(5, 3), (5, 2), (5, 1)]
    np.testing.assert_allclose(seen[0], np.tanh(x @ model.get_weights()[0]), rtol=1e-5)
    np.testing.assert_allclose(seen[2], model.predict(x, verbose=0), rtol=1e-6)


def test_h20_a_typical_network():
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(8, 3, padding="same", activation="relu"),
                              layers.MaxPooling2D(2), layers.Conv2D(16, 3, padding="same", activation="relu"),
                              layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(10, "softmax")])
    assert [layer.output.shape[1:] for layer in model.layers] == [
        (28, 28, 8), (14, 14, 8), (14, 14, 16), (7, 7, 16), (784,), (10,)]
    np.testing.assert_allclose(ops.sum(model(np.ones((2, 28, 28, 1), "float32")), -1).numpy(), 1, rtol=1e-5)
