"""Rows D: value and derivative of every activation of the lectures' tables, and X9, the derivative at a tie."""
import numpy as np
import pytest

import gpunn as keras
from gpunn import layers, ops

X = np.array([-3.0, -0.7, -0.01, 0.02, 0.5, 4.0])
S, T, A = 1 / (1 + np.exp(-X)), np.tanh(X), 0.25
LAMBDA, ALPHA = 1.05070098, 1.67326324

TABLE = {
    "d01_linear": ("linear", X, 1 + 0 * X),
    "d02_binary_step": ("binary_step", (X >= 0).astype(float), 0 * X),
    "d03_sigmoid": ("sigmoid", S, S * (1 - S)),
    "d04_tanh": ("tanh", 2 / (1 + np.exp(-2 * X)) - 1, 1 - T * T),
    "d05_arctan": ("arctan", np.arctan(X), 1 / (X * X + 1)),
    "d06_relu": ("relu", np.maximum(0, X), (X > 0).astype(float)),
    "d08_elu": (layers.ELU(alpha=A), np.where(X < 0, A * (np.exp(X) - 1), X), np.where(X < 0, A * np.exp(X), 1)),
    "d09_softplus": ("softplus", np.log(1 + np.exp(X)), S),
    "d10_leaky_relu": (layers.LeakyReLU(0.01), np.maximum(0.01 * X, X), np.where(X < 0, 0.01, 1)),
    "d13_selu": ("selu", LAMBDA * np.where(X < 0, ALPHA * (np.exp(X) - 1), X),
                 LAMBDA * np.where(X < 0, ALPHA * np.exp(X), 1)),
}


@pytest.mark.parametrize("row", TABLE)
def test_values_and_derivatives(row):
    f, value, slope = TABLE[row]
    f = keras.activations.get(f) if isinstance(f, str) else f
    x = X.astype("float32")
    np.testing.assert_allclose(np.asarray(f(x)), value, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(keras.grad(lambda x: ops.sum(f(x)))(x).numpy(), slope, rtol=1e-5, atol=1e-7)


def test_d08_the_derivative_of_elu_is_its_value_plus_alpha():
    f, x = layers.ELU(alpha=A), X[X < 0].astype("float32")
    np.testing.assert_allclose(keras.grad(lambda x: ops.sum(f(x)))(x).numpy(), f(x).numpy() + A, rtol=1e-5)


def test_d07_prelu_learns_its_slope():
    layer, x = layers.PReLU(alpha_initializer=keras.initializers.Constant(A)), X.astype("float32")[None]
    np.testing.assert_allclose(layer(x).numpy(), np.where(x < 0, A * x, x), rtol=1e-6)
    np.testing.assert_allclose(keras.grad(lambda x: ops.sum(layer(x)))(x).numpy(), np.where(x < 0, A, 1), rtol=1e-6)
    ops.sum(layer(x)).backward()
    np.testing.assert_allclose(layer.trainable_weights[0].grad, np.minimum(x[0], 0), rtol=1e-6)


@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_d11_softmax_over_the_last_axis(shift):
    z = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 5.0]])
    want = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    np.testing.assert_allclose(keras.activations.softmax(z + shift).numpy(), want, rtol=1e-6)


def test_d12_maxout():
    x, layer = np.random.default_rng(0).normal(size=(5, 3)).astype("float32"), layers.Dense(2)
    y = layers.Maxout(1)(layer(x)).numpy()
    w, b = layer.get_weights()
    np.testing.assert_allclose(y[:, 0], np.maximum(x @ w[:, 0] + b[0], x @ w[:, 1] + b[1]), rtol=1e-5)


def test_d14_linear_layers_make_one_linear_layer():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(8), layers.Dense(8), layers.Dense(2)])
    x = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
    a, b, c = model.get_weights()[::2]
    np.testing.assert_allclose(model.predict(x, verbose=0), x @ (a @ b @ c), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation, low, high", [("sigmoid", 0, 1e-4), ("relu", 0.05, 50)])
def test_d15_g17_relu_keeps_gradients_from_vanishing(activation, low, high):
    """The slope of the lowest of ten layers against that of the highest."""
    keras.set_seed(0)
    model = keras.Sequential([keras.Input((32,)), *(layers.Dense(32, activation, kernel_initializer="he_normal")
                                                    for _ in range(10))])
    x = np.random.default_rng(0).normal(size=(16, 32)).astype("float32")
    ops.mean(ops.square(model(x))).backward()
    first, last = (np.linalg.norm(model.layers[i].kernel.grad) for i in (0, 9))
    assert low <= first / last < high


def test_x9_derivatives_at_a_tie():
    """ReLU'(0) is 0, as in Keras; of max(x, x) each x has half. The lectures' tables say 1, and 1 to each."""
    assert float(keras.grad(ops.relu)(0.0)) == 0
    assert [float(d) for d in keras.grad(ops.maximum, (0, 1))(2.0, 2.0)] == [0.5, 0.5]
