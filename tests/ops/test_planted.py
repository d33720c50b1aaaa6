"""The checks must catch what they are for: gradients and values that are wrong on purpose."""
import numpy as np
import pytest

from gpunn.backend import kernels_of
from gpunn.tensor import op

from . import check
from .table import Row, n


def planted(wrong):
    """x * y + y**2 with a gradient of y that `wrong` has spoilt."""
    @op
    def f(x, y):
        k = kernels_of(x)
        product = k.binary("multiply", x, y)

        def backward(dy, need):
            dx = k.binary("multiply", dy, y)
            first, second = (
                k.binary("multiply", dy, x), k.binary("multiply", k.binary("multiply", dy, y), 2.0)
            )
            return dx, wrong(k, first, second)
        return k.binary("add", product, k.binary("multiply", y, y)), backward
    sample = (n(3, 4), n(3, 4))
    return Row(
        "planted", f, lambda x, y: x * y + y * y, [sample], (0, 1), True, 1.0, True, ("float64", "float32")
    ), sample


def right(k, first, second):
    return k.binary("add", first, second)


@pytest.mark.parametrize("wrong", [
    lambda k, first, second: k.unary("negative", right(k, first, second)),
    lambda k, first, second: k.binary("multiply", right(k, first, second), 1 + 1e-6),
    lambda k, first, second: first, lambda k, first, second: k.binary("subtract", first, second)
], ids=["sign", "factor 1 + 1e-6", "missing term", "sign of a term"])
def test_wrong_gradient_is_caught(wrong):
    with pytest.raises(AssertionError, match="planted.*gradient 1"):
        check.gradient(*planted(wrong))


def test_right_gradient_passes():
    check.gradient(*planted(right))


def test_wrong_value_is_caught():
    row, sample = planted(right)
    off = Row(
        row.name, lambda x, y: row.f(x, y) + 1e-3, row.reference, row.samples, row.wrt, True, 1.0, True,
        row.dtypes
    )
    with pytest.raises(AssertionError, match="planted"):
        check.forward(off, sample, "float32")


def test_wrong_shape_and_dtype_are_caught():
    with pytest.raises(AssertionError, match="shape"):
        check.close(np.zeros((1, 3)), np.zeros(3), 1e-5, "planted")
    with pytest.raises(AssertionError, match="dtype"):
        check.close(np.zeros(3), np.zeros(3, np.int32), 1e-5, "planted")
