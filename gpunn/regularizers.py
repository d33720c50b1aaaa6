"""Penalties on weights and activities: functions of a tensor that give one number."""
import math

from . import _objects, ops
from ._names import one_of, require


class Regularizer(_objects.Configured):
    """Called on a tensor, gives the penalty."""

    def __call__(self, x):
        raise NotImplementedError(f"{type(self).__name__} must define __call__(x)")


class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x^2)"""

    def __init__(self, l1=0.0, l2=0.0):
        self.l1, self.l2 = _factor("L1L2", "l1", l1, 0.0), _factor("L1L2", "l2", l2, 0.0)

    def __call__(self, x):
        if self.l1 and self.l2:
            return L1(self.l1)(x) + L2(self.l2)(x)
        return L1(self.l1)(x) if self.l1 else L2(self.l2)(x)


class L1(Regularizer):
    """l1 * sum(|x|)"""

    def __init__(self, l1=0.01):
        self.l1 = _factor("L1", "l1", l1, 0.01)

    def __call__(self, x):
        return self.l1 * ops.sum(ops.abs(x))


class L2(Regularizer):
    """l2 * sum(x^2)"""

    def __init__(self, l2=0.01):
        self.l2 = _factor("L2", "l2", l2, 0.01)

    def __call__(self, x):
        return self.l2 * ops.sum(ops.square(x))


class OrthogonalRegularizer(Regularizer):
    """factor * the mean |cosine| between two rows, or columns, of a matrix."""

    def __init__(self, factor=0.01, mode="rows"):
        self.factor = _factor("OrthogonalRegularizer", "factor", factor, 0.01)
        self.mode = one_of("OrthogonalRegularizer", "mode", mode, ("rows", "columns"))

    def __call__(self, x):
        if len(x.shape) != 2:
            raise ValueError(f"OrthogonalRegularizer: expected a matrix, got shape {tuple(x.shape)}")
        x = ops.normalize(x if self.mode == "rows" else ops.transpose(x), axis=1)
        n = x.shape[0]
        cosines = ops.matmul(x, ops.transpose(x)) * (1.0 - ops.eye(n, dtype=x.dtype))
        return self.factor * ops.sum(ops.abs(cosines)) / (n * (n - 1.0))


def _factor(who: str, name: str, value, default: float) -> float:
    value = default if value is None else value
    require(who, name, 0 <= value < math.inf, "a number >= 0", value)
    return float(value)


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
KNOWN = {"l1": L1, "l2": L2, "l1_l2": l1_l2, "l1l2": L1L2, "L1": L1, "L2": L2, "L1L2": L1L2,
         "orthogonal_regularizer": OrthogonalRegularizer, "OrthogonalRegularizer": OrthogonalRegularizer}
get, deserialize = _objects.lookups("regularizer", KNOWN)
serialize = _objects.serialize
