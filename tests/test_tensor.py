"""The tape: gradients in closed form, leaves, buffers, and what it refuses."""
import math

import numpy as np
import pytest

import gpunn
from gpunn import ops
from gpunn.tensor import Tensor, Variable, gradients


@pytest.mark.parametrize("x, value, slope", [(-.5, 1.898721, -2.64872), (-.25, 1.34653, -1.78403), (0., 1., -1.),
                                             (.25, .841301, -.278801), (.5, .856531, .393469)])
def test_the_table_of_a_function_of_one_variable(x, value, slope):
    y, dy = gpunn.value_and_grad(lambda x: ops.exp(-x) + x * x)(np.float32(x))
    assert float(y) == pytest.approx(value, rel=1e-5) and float(dy) == pytest.approx(slope, rel=1e-5)


def test_product_of_a_sum():
    dx, dy, dz = gpunn.grad(lambda x, y, z: (x + y) * z, argnums=(0, 1, 2))(-2.0, 5.0, -4.0)
    assert [float(d) for d in (dx, dy, dz)] == [-4, -4, 3]


def test_a_sigmoid_neuron():
    def neuron(w, x):
        return ops.sigmoid(w[0] * x[0] + w[1] * x[1] + w[2])
    y, (dw, dx) = gpunn.value_and_grad(neuron, (0, 1))(np.array([2., -3., -3.]), np.array([-1., -2.]))
    assert float(y) == pytest.approx(1 / (1 + math.exp(-1)), rel=1e-6)
    s = float(y) * (1 - float(y))
    np.testing.assert_allclose(dw.numpy(), [-s, -2 * s, s], rtol=1e-6)
    np.testing.assert_allclose(dx.numpy(), [2 * s, -3 * s], rtol=1e-6)


def test_a_value_used_twice_gets_both_gradients():
    assert float(gpunn.grad(lambda x: x * x + 3.0 * x + x)(2.0)) == 8


def test_a_leaf_writes_into_its_buffer_and_a_second_pass_replaces():
    v = Variable(np.array([1., 2.], "float32"))
    v.grad = buffer = np.full(2, 9, "float32")
    for _ in range(2):
        ops.sum(v * v).backward()
        assert v.grad is buffer
        np.testing.assert_array_equal(buffer, [2, 4])


def test_weights_that_the_loss_does_not_see_have_zero_gradients():
    a, b = Variable(np.ones(2, "float32")), Variable(np.ones(3, "float32"))
    b.grad = np.full(3, 7, "float32")
    gradients(ops.sum(a * 2.0), [a, b])
    np.testing.assert_array_equal(a.grad, 2)
    np.testing.assert_array_equal(b.grad, 0)


def test_assign_in_place():
    v = Variable(np.zeros(3, "float32"))
    place = v.data
    v.assign([1, 2, 3])
    v.assign_add(np.ones(3))
    v.assign_sub(2.0)
    assert v.data is place
    np.testing.assert_array_equal(v.numpy(), [0, 1, 2])


def test_deep_graphs_do_not_recurse():
    assert float(gpunn.grad(lambda x: sum_of_steps(x, 5000))(1.0)) == 1


def sum_of_steps(x, n):
    for _ in range(n):
        x = x + 1.0
    return x


def test_no_grad_leaves_no_tape():
    v = Variable(np.ones(2, "float32"))
    with gpunn.no_grad():
        y = ops.sum(v * v)
    assert not y.requires_grad
    with pytest.raises(ValueError, match="was not computed from anything that requires a gradient"):
        y.backward()


def test_a_graph_is_used_once():
    y = ops.sum(Variable(np.ones(2, "float32")) * 2.0)
    y.backward()
    with pytest.raises(RuntimeError, match="already used; call the model again first"):
        y.backward()


@pytest.mark.parametrize("act, message", [
    (lambda: (Variable(np.ones(2, "float32")) * 2.0).backward(), r"a tensor of shape \(2,\) needs the gradient dy"),
    (lambda: gpunn.grad(lambda x: x * 2.0)(np.ones(3, "float32")), r"must return one number, got \(3,\)"),
    (lambda: Variable(np.ones(2), name="w").assign(np.ones(3)), r"w: expected a value of shape \(2,\), got \(3,\)"),
])
def test_refused(act, message):
    with pytest.raises(ValueError, match=message):
        act()


def test_other_libraries_read_it():
    t = Tensor(np.arange(3, dtype="float32"))
    assert np.from_dlpack(t).sum() == 3 and np.asarray(t).sum() == 3 and t.tolist() == [0, 1, 2]
    assert (float(np.sum(t)), float(np.mean(t)), float(np.max(t)), float(np.min(t))) == (3, 1, 2, 0)
    assert np.sum(t, dtype="int32").dtype == "int32" and t.sum(0, True).shape == (1,)
    with pytest.raises(TypeError, match="`out` must be None"):
        np.sum(t, out=np.empty(()))


def test_a_number_is_formatted_as_one():
    assert f"{ops.sum(np.ones(3, 'float32')):.2f}" == "3.00" and "shape=(2,)" in f"{Tensor(np.ones(2))}"


def test_arrays_may_be_given_by_name():
    x = Tensor(np.ones((2, 3), "float32"), requires_grad=True)
    y = ops.sum(axis=1, x=ops.add(x, x2=ops.multiply(x1=x, x2=x)))
    ops.sum(y).backward()
    assert y.tolist() == [6, 6] and (x.grad == 3).all()


def test_variables_from_initializers():
    assert gpunn.Variable("ones", (2, 3)).numpy().tolist() == [[1, 1, 1]] * 2
    v = gpunn.Variable(lambda shape, dtype: np.full(shape, 2, dtype), shape=(2,), dtype="int32", name="v")
    assert (v.numpy().tolist(), v.dtype, v.path) == ([2, 2], "int32", "v")
    with pytest.raises(ValueError, match=r"an initializer needs a shape. Fix: Variable\('zeros', shape=...\)"):
        gpunn.Variable("zeros")
