"""Operators, numbers, dtypes, functions that are no rows, and what ops refuse."""
import numpy as np
import pytest

import gpunn
from gpunn import activations, ops
from gpunn.symbol import Symbol
from gpunn.tensor import Tensor, Variable, grad

X = np.array([[1.0, -2.0], [3.0, 4.0]], "float32")
OPERATORS = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "//": lambda a, b: a // b, "%": lambda a, b: a % b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "==": lambda a, b: a == b, "!=": lambda a, b: a != b,
    "@": lambda a, b: a @ b
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators(name):
    f, other = OPERATORS[name], np.array([[2.0, 5.0], [1.0, 3.0]], "float32")
    for a, b in ((Tensor(X), Tensor(other)), (Tensor(X), other), (X, Tensor(other)), (Variable(X), other)):
        np.testing.assert_allclose(f(a, b).numpy(), f(X, other), 1e-6)
    if name != "@":
        np.testing.assert_allclose(f(Tensor(X), 2.0).numpy(), f(X, np.float32(2)), 1e-6)
        np.testing.assert_allclose(f(3, Tensor(X)).numpy(), f(np.float32(3), X), 1e-6)
    y = f(Symbol((None, 2)), other if name == "@" else other[0])
    assert isinstance(y, Symbol) and y.shape == (None, 2)


def test_unary_and_attributes():
    x = Tensor(X)
    np.testing.assert_array_equal((-x).numpy(), -X)
    np.testing.assert_array_equal(abs(x).numpy(), abs(X))
    np.testing.assert_array_equal((~(x > 0)).numpy(), ~(X > 0))
    np.testing.assert_array_equal((x ** 2).numpy(), X ** 2)
    np.testing.assert_allclose((2.0 ** x).numpy(), 2.0 ** X)
    np.testing.assert_array_equal(x.T.numpy(), X.T)
    assert x.reshape(4).shape == x.reshape((4, 1)).shape[:1] == (4,)
    assert x.transpose(1, 0).shape == (2, 2) and x.astype("int32").dtype == "int32"
    assert (x.sum().item(), x.mean(0).tolist(), x.max().item(), x.min().item()) == (
        6.0, [2.0, 1.0], 4.0, -2.0
    )
    assert (x == None) is False and (x != None) is True and len({x, Tensor(X)}) == 2       # noqa: E711


def test_importing_tensor_brings_operators():
    assert gpunn.Tensor is Tensor and (gpunn.Tensor(X) + 1).shape == (2, 2)


@pytest.mark.parametrize(
    "a, b, dtype",
    [
        (np.float32, 1.5, "float32"), (np.float32, np.float64(1.5), "float32"), (np.int32, 1.5, "float32"),
        (np.int32, 2, "int32"), (np.int32, True, "int32"), (np.float64, 2, "float64"), (bool, 2, "int32"),
        (np.uint8, 3, "uint8")
    ],
)
def test_a_number_takes_the_dtype_of_the_array(a, b, dtype):
    assert ops.add(np.ones(2, a), b).dtype == ops.multiply(b, np.ones(2, a)).dtype == dtype


@pytest.mark.parametrize(
    "a, b, dtype",
    [
        ("float32", "int32", "float32"), ("float32", "int64", "float32"), ("float32", "float64", "float64"),
        ("int32", "int64", "int64"), ("uint8", "int32", "int32"), ("bool", "float32", "float32")
    ],
)
def test_arrays_meet_in_the_dtype_that_holds_both(a, b, dtype):
    assert ops.add(np.ones(2, a), np.ones(2, b)).dtype == ops.add(np.ones(2, b), np.ones(2, a)).dtype == dtype


def test_integers_become_floats_where_they_must():
    i = np.array([1, 2], "int32")
    assert (
        ops.divide(i, i).dtype == ops.mean(i).dtype == ops.exp(i).dtype == ops.sigmoid(i).dtype == "float32"
    )
    assert ops.sum(i).dtype == ops.sum(i > 1).dtype == ops.abs(i).dtype == ops.square(i).dtype == "int32"


NESTED = [[1.0, 2.0], [3.0, 5.0]]
ON_LISTS = {
    "take_along_axis": ([[1], [0]], 1), "trace": (), "diag": (), "tril": (), "moveaxis": (0, 1), "diff": (),
    "swapaxes": (0, 1), "tile": (2,), "roll": (1,), "flip": (), "sort": (), "vsplit": (2,), "hsplit": (2,),
    "average": (), "clip": (2, 3.5), "round": (), "power": (2,), "nan_to_num": ()
}


@pytest.mark.parametrize("name", ON_LISTS)
def test_lists_are_arrays(name):
    f = {"power": np.power, "sort": lambda x: np.sort(x, -1)}.get(name, getattr(np, name))
    arguments = tuple(np.array(a) if isinstance(a, list) else a for a in ON_LISTS[name])
    np.testing.assert_allclose(getattr(ops, name)(NESTED, *ON_LISTS[name]), f(np.array(NESTED), *arguments))


BYTES, YES = np.array([[200, 5], [100, 255]], "uint8"), np.array([[True, False], [True, True]])
WHOLE = {                               # what Keras gives: the values and the dtype
    "norm": (lambda: ops.norm(BYTES), np.linalg.norm(BYTES.astype(float)), "float32"),
    "norm in linalg": (lambda: ops.linalg.norm(np.array([3, 4])), 5.0, "float32"),
    "norm of bool": (lambda: ops.norm(YES, axis=1), np.sqrt([1.0, 2.0]), "float32"),
    "average": (lambda: ops.average(BYTES, weights=BYTES), np.average(BYTES.astype(float), weights=BYTES),
                "float32"),
    "prod": (lambda: ops.prod(BYTES, dtype="float32"), 25500000.0, "float32"),
    "clip": (lambda: ops.clip(np.arange(4), 0.5, 2.5), [0.5, 1, 2, 2.5], "float32"),
    "clip to integers": (lambda: ops.clip(np.arange(4, dtype="int32"), 1, 2), [1, 1, 2, 2], "int32"),
    "round": (lambda: ops.round(BYTES), BYTES, "uint8"),
    "round to tens": (lambda: ops.round(np.array([17, -4], "int32"), -1), [20, 0], "int32"),
    "nan_to_num": (lambda: ops.nan_to_num(BYTES), BYTES, "uint8"),
    "square of bool": (lambda: ops.square(YES), YES, "int32"),
    "mod of bool": (lambda: ops.mod(YES, True), 0 * YES, "int32"),
    "power of bool": (lambda: ops.power(YES, YES), YES | ~YES, "int32"),
    "power": (lambda: ops.power(np.array([2, 3], "int32"), 2.0), [4, 9], "float32"),
    "isclose": (lambda: ops.isclose(np.array([0], "uint8"), np.array([255], "uint8"), atol=2), [False], "bool"),
    "diff of bool": (lambda: ops.diff(YES), [[True], [False]], "bool"),
    "tril of bool": (lambda: ops.tril(YES), np.tril(YES), "bool"),
    "segment_max": (lambda: ops.segment_max(np.array([3, 7], "int32"), [2, 2]), [-2**31, -2**31, 7], "int32"),
    "matmul of int8": (lambda: ops.matmul(np.full((1, 2), 100, "int8"), np.full((2, 1), 100, "int8")), [[20000]],
                       "int32"),
    "full": (lambda: ops.full((2,), 7), [7, 7], "float32"),
    "bitwise_and": (lambda: ops.bitwise_and(BYTES, 4), BYTES & 4, "uint8"),
    "bitwise_or": (lambda: ops.bitwise_or(6, 9), 15, "int32"),
    "bits": (lambda: ~ops.convert_to_tensor(BYTES) ^ 3, ~BYTES ^ 3, "uint8"),
    "logic": (lambda: ~ops.convert_to_tensor(YES) | False, ~YES, "bool"),
    "hard_shrink": (lambda: ops.hard_shrink([np.nan, 0.1, 2.0]), [np.nan, 0.0, 2.0], "float32"),
    "softmax": (lambda: ops.sum(ops.softmax(np.ones((2, 2), "float32"), axis=None)), 1.0, "float32"),
}


@pytest.mark.parametrize("what", WHOLE)
def test_integers_and_booleans(what):
    f, expected, dtype = WHOLE[what]
    y = f()
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-6)
    assert y.dtype == dtype and y.shape == np.shape(expected)


def test_gradient_in_the_dtype_of_the_argument():
    x = Variable(X)
    ops.sum(ops.multiply(x, np.ones((2, 2)))).backward()
    assert x.grad.dtype == np.float32


def test_gradients_land_in_the_buffer():
    """A weight's gradient is written into the memory that the weight has for it."""
    w, b = Variable(np.ones((2, 3), "float32")), Variable(np.zeros(3, "float32"))
    w.grad, b.grad = np.full((2, 3), 9.0, "float32"), np.full(3, 9.0, "float32")
    places = w.grad, b.grad
    ops.sum(ops.dense(X, w, b) + b).backward()
    assert w.grad is places[0] and b.grad is places[1]
    np.testing.assert_allclose(b.grad, np.full(3, 4.0))
    np.testing.assert_allclose(w.grad, np.repeat(X.sum(0)[:, None], 3, 1))


def test_not_rows():
    assert ops.shape(X) == (2, 2) and ops.ndim(X) == 2 and ops.size(X) == 4 and ops.dtype(X) == "float32"
    assert ops.is_tensor(Tensor(X)) and ops.is_tensor(Symbol((2,))) and not ops.is_tensor(X)
    assert ops.empty((2, 3)).shape == (2, 3) and ops.empty_like(X).dtype == "float32"
    assert type(ops.convert_to_numpy(Tensor(X))) is np.ndarray
    assert ops.convert_to_tensor([Tensor(X), Tensor(X)]).shape == (2, 2, 2)
    assert ops.linspace(0, 1, 3, retstep=True)[1].item() == 0.5
    assert ops.nn.relu is ops.numpy.relu is ops.relu


def test_stop_gradient():
    assert grad(lambda x: ops.sum(ops.stop_gradient(x) * x))(Tensor(X)).tolist() == X.tolist()


def test_custom_gradient():
    @ops.custom_gradient
    def cube(x):
        return x * x * x, lambda upstream: upstream * 7.0
    assert grad(lambda x: ops.sum(cube(x) * 2.0))(Tensor(X)).tolist() == np.full((2, 2), 14.0).tolist()
    np.testing.assert_allclose(cube(Tensor(X)).numpy(), X ** 3)


ACTIVATIONS = {
    "linear": lambda x: x, "exponential": np.exp, "arctan": np.arctan,
    "binary_step": lambda x: (x >= 0).astype(x.dtype), "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "swish": lambda x: x / (1 + np.exp(-x))
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_by_name(name):
    np.testing.assert_allclose(activations.get(name)(Tensor(X)).numpy(), ACTIVATIONS[name](X), 1e-5)


@pytest.mark.parametrize("name", activations.KNOWN)
def test_activation_round_trip(name):
    f = activations.get(name)
    assert activations.deserialize(activations.serialize(f)) is f


def test_relu_with_options():
    x = np.array([-1.0, 0.5, 2.0, 9.0], "float32")
    np.testing.assert_allclose(activations.relu(x, 0.1, 6, 1.0).numpy(), [-0.2, -0.05, 2.0, 6.0], 1e-6)
    np.testing.assert_allclose(activations.relu(x, 0.1).numpy(), [-0.1, 0.5, 2.0, 9.0], 1e-6)


def test_fused_activations():
    assert [activations.fused(activations.get(n)) for n in ("relu", "tanh", "sigmoid", None, "gelu")] == [
        "relu", "tanh", "sigmoid", "linear", None]
    assert activations.fused(lambda x: x) is None


IMAGES, SEQUENCE = np.zeros((1, 4, 4, 3), "float32"), np.zeros((1, 4, 3), "float32")
KERNEL = np.zeros((3, 3, 3, 2), "float32")


@pytest.mark.parametrize(
    "make, message",
    [
        (
            lambda: ops.reshape(X, (3, 2)),
            r"reshape: 4 elements of shape \(2, 2\) do not fit the shape \(3, 2\)"
        ),
        (lambda: ops.transpose(X, (0, 0)), "transpose: axes .0, 0. are not an order of the 2 axes"),
        (lambda: ops.sum(X, 2), "sum: axis 2 is out of range for 2 dimensions; expected -2 to 1"),
        (lambda: ops.squeeze(X, 0), r"squeeze: axis 0 of shape \(2, 2\) has 2 elements, expected 1"),
        (
            lambda: ops.concatenate([X, np.ones((3, 3))], 0),
            "concatenate: shapes .* must agree except on axis 0"
        ),
        (lambda: ops.split(X, 3), "split: axis 0 of size 2 does not divide into 3 equal parts"),
        (lambda: ops.pad(X, 1, "around"), "pad: mode must be 'constant', .* got 'around'"),
        (lambda: ops.pad(X, ((1, 1), (1, 1), (1, 1))), "pad: 3 pairs of widths for 2 axes"),
        (lambda: ops.meshgrid(X[0], indexing="yx"), "meshgrid: indexing must be 'xy' or 'ij', got 'yx'"),
        (
            lambda: ops.matmul(X, np.ones((3, 2), "float32")),
            r"matmul: shapes .* do not fit: 2 columns against 3 rows"
        ),
        (lambda: ops.matmul(X, 2.0), "matmul: expected at least one axis each"),
        (lambda: ops.einsum("ij,jk->ik", X), "einsum: .* names 2 operands, got 1"),
        (lambda: ops.einsum("ijk->i", X), "einsum: 'ijk' in 'ijk->i' names 3 axes"),
        (lambda: ops.norm(X, 2.5, (0, 1)), "norm: a matrix' order is 'fro'"),
        (lambda: ops.norm(np.ones(3), "fro", 0), "norm: a vector's order is a number, got 'fro'"),
        (lambda: ops.norm(np.ones((2, 2, 2)), 2), "norm: ord=2 needs one axis or two, got 3"),
        (
            lambda: ops.dense(X, np.ones((3, 2), "float32")),
            "dense: x of shape .* the kernel of shape .* expects .3,"
        ),
        (
            lambda: ops.conv(IMAGES, KERNEL[:, :, :2]),
            "conv: the input has 3 channels, but the kernel expects 2 a group"
        ),
        (
            lambda: ops.conv(SEQUENCE, KERNEL),
            r"conv: a kernel of shape \(3, 3, 3, 2\) needs an input of 4 dimensions"
        ),
        (
            lambda: ops.conv(IMAGES, np.zeros((5, 5, 3, 2), "float32")),
            "conv: the kernel of size .5, 5. does not fit the input"
        ),
        (lambda: ops.conv(IMAGES, KERNEL, padding="full"), "conv: padding is 'valid' or 'same', got 'full'"),
        (
            lambda: ops.conv(IMAGES, KERNEL, (1, 2, 3)),
            "conv: strides: expected a positive integer or 2 of them"
        ),
        (lambda: ops.conv(X, X), r"conv: expected sequences \(n, t, c\), images"),
        (lambda: ops.conv(IMAGES, KERNEL, data_format="nchw"), "conv: data_format is 'channels_last' or"),
        (
            lambda: ops.conv_transpose(IMAGES, KERNEL),
            "conv_transpose: the input has 3 channels, but the kernel .* expects 2"
        ),
        (
            lambda: ops.conv_transpose(IMAGES, np.zeros((3, 3, 2, 3), "float32"), padding="full"),
            "conv_transpose: padding is"
        ),
        (
            lambda: ops.conv_transpose(IMAGES, np.zeros((3, 3, 2, 3), "float32"), 2, output_padding=2),
            "conv_transpose: output_padding 2 must be smaller than the stride 2"
        ),
        (lambda: ops.max_pool(IMAGES, 5), "max_pool: the window of size .5, 5. does not fit the input"),
        (lambda: ops.average_pool(X, 2), r"average_pool: expected sequences"),
        (lambda: ops.one_hot(np.array([1]), 3, sparse=True), "one_hot: sparse=True is not supported"),
        (lambda: ops.moments(X, 0, synchronized=True), "moments: synchronized=True is not supported"),
        (lambda: ops.dot_product_attention(X, X, X), "dot_product_attention: query must be of shape"),
        (
            lambda: ops.dot_product_attention(*(np.zeros((1, 2, h, 4), "float32") for h in (3, 2, 2))),
            "dot_product_attention: the query heads must be a multiple of 2 key heads, got 3"
        ),
        (
            lambda: ops.categorical_crossentropy(X, X[:, :1]),
            "categorical_crossentropy: target and output must have one shape"
        ),
        (
            lambda: ops.sparse_categorical_crossentropy(np.array([1, 0, 1]), X),
            "sparse_categorical_crossentropy: labels must"
        ),
        (lambda: activations.get("rellu"), "unknown activation 'rellu'; did you mean 'relu'"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_every_public_name_is_there():
    assert {n: type(getattr(gpunn, n)) for n in gpunn.__all__}
    v = gpunn.Variable([1.0, 2.0])
    assert (v * 2 + 1).numpy().tolist() == [3.0, 5.0] and (v + v).backward
