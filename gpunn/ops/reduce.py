"""Sums, means, extremes along axes."""
from math import prod as product

from ..backend import backend_of, empty, filled, filled_with, host_read
from ..tensor import op
from .arithmetic import add, divide, maximum, minimum, multiply, not_equal, power, subtract, where
from .core import array, as_dtype, axes_of, axis_index, floating, into, kernels_of, named, tensor, wide
from .create import cast, full, ones_like, stop_gradient
from .math import abs, as_floats, exp, isclose, isfinite, log, sqrt, square
from .shape import expand_dims, moveaxis, ndim_of, ravel, reshape, squeeze

FEW = 1 << 14                   # numbers of a gradient that may be kept for good
SMALL = ("bool", "int8", "int16", "uint8", "uint16")


def _summable(x):
    """Small integers and booleans are summed as int32."""
    x = array(x)
    return as_dtype(x, "int32") if x.dtype.name in SMALL else x


def _kept(shape, axes) -> tuple:
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def _spread(k, dy, scale, x, axes, need):
    """scale * dy in the shape of x, along the axes that were reduced; what is known beforehand is not computed."""
    known = filled_with(dy)
    if known is not None and need is True and x.size <= FEW:
        return filled(x, x.shape, known * scale)
    dy = backend_of(x).xp.broadcast_to(dy.reshape(_kept(x.shape, axes)), x.shape)
    return k.binary("multiply", dy, scale, out=need if need is not True else empty(x))


@op(arrays=1)
def sum(x, axis=None, keepdims: bool = False):
    """The sum along axes."""
    x = _summable(x)
    k, axes = kernels_of(x), axes_of(axis, x.ndim, "sum")
    return k.reduce("sum", x, axes, keepdims), lambda dy, need: (_spread(k, dy, 1.0, x, axes, need[0]),)


@op(arrays=1)
def mean(x, axis=None, keepdims: bool = False):
    """The mean along axes."""
    x = floating(x)
    k, axes = kernels_of(x), axes_of(axis, x.ndim, "mean")
    scale = 1.0 / (product([x.shape[i] for i in axes]) or 1)
    return k.reduce("mean", x, axes, keepdims), lambda dy, need: (_spread(k, dy, scale, x, axes, need[0]),)


@op
def _prod(x, *, axis, keepdims):
    """The gradient is the product of the others: y / x, and at a single zero the product of the rest."""
    x = _summable(x)
    k, axes = kernels_of(x), axes_of(axis, x.ndim, "prod")
    y = k.reduce("prod", x, axes, keepdims)

    def backward(dy, need):
        zero = k.binary("equal", x, 0.0)
        safe = k.where(zero, 1.0, x)
        rest = k.reduce("prod", safe, axes, True)
        zeros = k.reduce("sum", k.copy(zero, dtype=x.dtype), axes, True)
        others = k.binary("subtract", zeros, k.copy(zero, dtype=x.dtype))
        share = k.where(k.binary("equal", others, 0.0), k.binary("divide", rest, safe), 0.0)
        return (k.binary("multiply", share, dy.reshape(rest.shape), out=into(need[0])),)
    return y, backward


@op
def _extreme(x, *, name, axis, keepdims):
    """The gradient is shared by all places that hold the extreme."""
    x = array(x)
    k, axes = kernels_of(x), axes_of(axis, x.ndim, name)
    y = k.reduce(name, x, axes, keepdims)

    def backward(dy, need):
        kept = _kept(x.shape, axes)
        hit = k.copy(k.binary("equal", x, y.reshape(kept)), dtype=x.dtype)
        share = k.binary("divide", dy.reshape(kept), k.reduce("sum", hit, axes, True))
        return (k.binary("multiply", hit, share, out=into(need[0])),)
    return y, backward


def prod(x, axis=None, keepdims: bool = False, dtype=None):
    """The product along axes."""
    return _prod(x if dtype is None else cast(x, dtype), axis=axis, keepdims=keepdims)


def max(x, axis=None, keepdims: bool = False, initial=None):
    """The largest element along axes."""
    return _from("max", x, axis, keepdims, initial)


def min(x, axis=None, keepdims: bool = False, initial=None):
    """The smallest element along axes."""
    return _from("min", x, axis, keepdims, initial)


amax, amin = max, min


def _from(name, x, axis, keepdims, initial):
    if initial is None:
        return _extreme(x, name=name, axis=axis, keepdims=keepdims)
    x = tensor(x)
    axes = axes_of(axis, x.ndim, name)
    if 0 in [x.shape[i] for i in axes]:
        rest = _kept(x.shape, axes) if keepdims else [n for i, n in enumerate(x.shape) if i not in axes]
        return full(rest, initial, x.dtype)
    return {"max": maximum, "min": minimum}[name](_extreme(x, name=name, axis=axis, keepdims=keepdims), initial)


def _truth(name: str, meaning: str):
    @op(arrays=1)
    def f(x, axis=None, keepdims: bool = False):
        x = array(x)
        k = kernels_of(x)
        held = x if x.dtype.kind == "b" else k.binary("not_equal", x, 0)
        return k.reduce(name, held, axes_of(axis, x.ndim, name), keepdims), None
    return named(f, name, meaning)


any, all = _truth("any", "Is any element not 0?"), _truth("all", "Are all elements not 0?")


def _place(name: str, meaning: str):
    @op(arrays=1)
    def f(x, axis=None, keepdims: bool = False):
        x = array(x)
        flat = x.reshape(x.size) if axis is None else x
        i = axis_index(0 if axis is None else axis, flat.ndim, name)
        y = kernels_of(x).argreduce(name, flat, i)
        if keepdims:
            y = y.reshape((1,) * x.ndim if axis is None else _kept(x.shape, (i,)))
        return y, None
    return named(f, name, meaning)


argmax = _place("argmax", "The place of the first largest element, int32; of the flat array where axis is None.")
argmin = _place("argmin", "The place of the first smallest element, int32; of the flat array where axis is None.")


def count_nonzero(x, axis=None):
    """How many elements are not 0."""
    return sum(not_equal(x, 0), axis)


def var(x, axis=None, keepdims: bool = False):
    """The mean squared distance from the mean."""
    return mean(square(subtract(x, mean(x, axis, keepdims=True))), axis, keepdims)


def std(x, axis=None, keepdims: bool = False):
    """The root of the mean squared distance from the mean."""
    return sqrt(var(x, axis, keepdims))


def ptp(x, axis=None, keepdims: bool = False):
    """The largest minus the smallest element."""
    return subtract(max(x, axis, keepdims), min(x, axis, keepdims))


def average(x, axis=None, weights=None):
    """The mean, weighted where weights are given."""
    if weights is None:
        return mean(x, axis)
    x, weights = as_floats(x), as_floats(weights)
    if isinstance(axis, int) and x.ndim > 1 and weights.ndim == 1:
        i = axis_index(axis, x.ndim, "average")
        weights = reshape(weights, (-1, *(1,) * (x.ndim - 1 - i)))
    total = multiply(x, weights)
    return divide(sum(total, axis), sum(multiply(ones_like(total), weights), axis))


def logsumexp(x, axis=None, keepdims: bool = False):
    """log(sum(exp(x))) without overflow."""
    x = tensor(x)
    if 0 in x.shape:
        return log(sum(exp(x), axis, keepdims))
    top = stop_gradient(max(x, axis, keepdims=True))
    top = where(isfinite(top), top, 0.0)
    y = add(log(sum(exp(subtract(x, top)), axis, keepdims=True)), top)
    return y if keepdims else squeeze(y, axes_of(axis, x.ndim, "logsumexp"))


def norm(x, ord=None, axis=None, keepdims: bool = False):
    """A vector norm along one axis, or a matrix norm along two."""
    x = as_floats(x)
    if axis is None and ord is None:
        return sqrt(sum(square(x), None, keepdims))
    axes = axes_of(axis, x.ndim, "norm")
    if len(axes) == 1:
        return vector_norm(x, 2 if ord is None else ord, axes[0], keepdims)
    if len(axes) != 2:
        raise ValueError(f"norm: ord={ord!r} needs one axis or two, got {len(axes)}")
    return matrix_norm(x, "fro" if ord is None else ord, axes, keepdims)


def vector_norm(x, order, axis, keepdims):
    if order == 2:
        return sqrt(sum(square(x), axis, keepdims))
    if order == 1:
        return sum(abs(x), axis, keepdims)
    if order == 0:
        return sum(cast(not_equal(x, 0), "float32"), axis, keepdims)
    if order in (float("inf"), float("-inf")):
        return (max if order > 0 else min)(abs(x), axis, keepdims)
    if isinstance(order, int | float):
        return power(sum(power(abs(x), order), axis, keepdims), 1.0 / order)
    raise ValueError(f"norm: a vector's order is a number, got {order!r}")


def matrix_norm(x, order, axes, keepdims):
    if order == "fro":
        return sqrt(sum(square(x), axes, keepdims))
    columns = {1: (max, 0), -1: (min, 0), float("inf"): (max, 1), float("-inf"): (min, 1)}
    if order in columns:
        best, along = columns[order]
        return best(sum(abs(x), axes[along], keepdims=True), axes, keepdims)
    if order in ("nuc", 2, -2):
        from .linalg import svd
        values = svd(moveaxis(x, axes, (-2, -1)), compute_uv=False)
        y = {"nuc": sum, 2: max, -2: min}[order](values, -1)
        return expand_dims(y, axes) if keepdims else y
    raise ValueError(f"norm: a matrix' order is 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, got {order!r}")


@op
def _cumsum(x, *, axis):
    x = array(x)
    x = as_dtype(x, "int32") if x.dtype == "bool" else x
    k = kernels_of(x)
    axis = axis_index(axis, x.ndim, "cumsum")
    return k.cumsum(x, axis), lambda dy, need: (k.cumsum(dy, axis, True, out=into(need[0])),)


def cumsum(x, axis=None, dtype=None):
    """Running sums along an axis, of the flat array where axis is None."""
    x = x if dtype is None else cast(x, dtype)
    return _cumsum(ravel(x), axis=0) if axis is None else _cumsum(x, axis=axis)


@op
def _cumprod(x, *, axis):
    """The gradient divides by x: NaN where it is 0"""
    host_read("cumprod")
    x = array(x)
    k, xp = kernels_of(x), backend_of(x).xp
    given = wide(as_dtype(x, "int32") if x.dtype == "bool" else x)
    y = as_dtype(xp.cumprod(given, axis, dtype=given.dtype), given.dtype if x.dtype == "bool" else x.dtype)
    return y, lambda dy, need: (k.binary("divide", k.cumsum(k.binary("multiply", dy, y), axis, True), x),)


def cumprod(x, axis=None, dtype=None):
    """Running products along an axis, of the flat array where axis is None."""
    x = x if dtype is None else cast(x, dtype)
    return _cumprod(ravel(x), axis=0) if axis is None else _cumprod(x, axis=axis_index(axis, ndim_of(x), "cumprod"))


def allclose(x1, x2, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False):
    """Are all elements close?"""
    return all(isclose(x1, x2, rtol, atol, equal_nan))
