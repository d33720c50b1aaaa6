"""Rows I: the gates and neurons that the lectures differentiate, with their numbers."""
import numpy as np
import pytest

import gpunn as keras
from gpunn import ops


def floats(tensors):
    return [float(t) for t in tensors]


def test_i1_i13_the_chain_rule_from_the_last_function_back():
    """f = a(W1, b(W2, c(W3))) = W1 exp(W2 sin(W3))"""
    w = [np.float64(v) for v in (1.5, -0.7, 0.4)]
    grads = keras.grad(lambda a, b, c: a * ops.exp(b * ops.sin(c)), (0, 1, 2))(*w)
    inner = np.exp(w[1] * np.sin(w[2]))
    want = [inner, w[0] * inner * np.sin(w[2]), w[0] * inner * w[1] * np.cos(w[2])]
    np.testing.assert_allclose(floats(grads), want, rtol=1e-6)


@pytest.mark.parametrize("f, dx, dy", [
    (lambda x, y: x + y, 1, 1), (lambda x, y: x * y, 5, -2), (ops.maximum, 0, 1), (ops.minimum, 1, 0)])
def test_i2_i3_i4_gates(f, dx, dy):
    assert floats(keras.grad(f, (0, 1))(-2.0, 5.0)) == [dx, dy]


def test_i5_x14_a_sum_times_z():
    value, grads = keras.value_and_grad(lambda x, y, z: (x + y) * z, (0, 1, 2))(-2.0, 5.0, -4.0)
    assert float(value) == -12 and floats(grads) == [-4, -4, 3]
    assert floats(keras.grad(lambda q, z: q * z, (0, 1))(3.0, -4.0)) == [-4, 3]


def test_i6_a_sigmoid_neuron_gate_by_gate():
    def neuron(w0, x0, w1, x1, w2):
        return 1.0 / (1.0 + ops.exp(-(w0 * x0 + w1 * x1 + w2)))
    out, grads = keras.value_and_grad(neuron, range(5))(2.0, -1.0, -3.0, -2.0, -3.0)
    assert float(out) == pytest.approx(0.7311, abs=5e-5)
    np.testing.assert_allclose(floats(grads), [-0.1966, 0.3932, -0.3932, -0.5898, 0.1966], atol=7e-5)
    assert round((1 - 0.73) * 0.73, 2) == 0.20


@pytest.mark.parametrize("f, x, slope", [(lambda x: 1 / x, 1.37, -1 / 1.37 ** 2), (lambda x: 1.0 + x, 0.37, 1),
                                         (ops.exp, -1.0, np.exp(-1)), (lambda x: -1.0 * x, 1.0, -1)])
def test_i6_derivatives_of_gates(f, x, slope):
    assert float(keras.grad(f)(x)) == pytest.approx(slope, rel=1e-6)


def test_i9_how_a_weight_changes_the_loss():
    """x - w1 -> z - w2 -> y: dJ/dw2 = dJ/dy dy/dw2, dJ/dw1 = dJ/dy dy/dz dz/dw1"""
    x, w1, w2, target = 0.5, 0.8, -1.2, 1.0
    z = np.tanh(w1 * x)
    y = w2 * z
    grads = keras.grad(lambda a, b: ops.square(b * ops.tanh(a * x) - target), (0, 1))(w1, w2)
    np.testing.assert_allclose(floats(grads), [2 * (y - target) * w2 * (1 - z * z) * x, 2 * (y - target) * z],
                               rtol=1e-5)


def near(number, printed: str):
    """Right to the last digit that is printed."""
    return abs(number - float(printed)) <= 0.51 * 10.0 ** -len(printed.partition(".")[2])


@pytest.mark.parametrize("x, value, slope", [(-.5, "1.8987", "-2.64872"), (-.25, "1.34653", "-1.78403"), (0, "1", "-1"),
                                             (.25, ".841301", "-.278801"), (.5, ".856531", ".393469")])
def test_i10_the_table(x, value, slope):
    y, dy = keras.value_and_grad(lambda x: ops.exp(-x) + x * x)(np.float64(x))
    assert near(float(y), value) and near(float(dy), slope)
