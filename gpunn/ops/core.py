"""What every op needs: where a gradient goes, common dtypes, axes, and sums over broadcast axes."""
import operator

import numpy as np

from .._config import storage
from ..backend import asarray, constant, kernels_of
from ..tensor import Tensor


def named(f, name: str, meaning: str = ""):
    """A function that another one made, under its own name."""
    f.__name__ = f.__qualname__ = name
    f.__doc__ = meaning
    return f


def into(need):
    """The array that a gradient should be written to; None: allocate one."""
    return None if need is True else need


def array(x):
    """A Python number as a constant array; arrays stay."""
    return x if hasattr(x, "dtype") else constant(x)


def tensor(x):
    """A list or a number as a Tensor; what has a shape stays."""
    return x if hasattr(x, "shape") else Tensor(asarray(x))


def as_dtype(x, dtype):
    """The array in this dtype, itself if it has it."""
    return x if x.dtype == dtype else kernels_of(x).copy(x, dtype=dtype)


def is_float(dtype) -> bool:
    """Floats, and bfloat16, whose arrays are of two raw bytes."""
    return dtype.kind in "fV"


def floating(x):
    """Integers and booleans become floats."""
    x = array(x)
    return x if is_float(x.dtype) else kernels_of(x).copy(x, dtype=storage())


def wide(x):
    """16-bit floats as float32, for the array library's own functions."""
    few = hasattr(x, "dtype") and is_float(x.dtype) and x.dtype.itemsize == 2
    return as_dtype(x, "float32") if few else x


def common(a, b):
    """Two operands in their common dtype: a number takes the array's, except a float beside integers."""
    da, db = getattr(a, "dtype", None), getattr(b, "dtype", None)
    if da is db and da is not None:
        return a, b
    if da is None and db is None:
        return common(constant(a), constant(b))
    if da is None:
        return beside(b, a)[::-1]
    if db is None:
        return beside(a, b)
    dtype = joined(da, db)
    return as_dtype(a, dtype), as_dtype(b, dtype)


def beside(x, number):
    """An array and a number, in the array's dtype where that can hold the number."""
    kind = x.dtype.kind
    if kind in "fV":
        return x, float(number)
    if isinstance(number, float):
        return as_dtype(x, storage()), number
    if kind == "b" and not isinstance(number, bool):
        return as_dtype(x, "int32"), number
    return x, number


def joined(a, b):
    """The dtype that holds both: a float beside integers stays what it is; two kinds of 16 bits make float32."""
    if a == b or is_float(a) != is_float(b):
        return a if is_float(a) or a == b else b
    return np.promote_types(*[np.dtype("float32") if d.kind == "V" else d for d in (a, b)])


def common_numbers(a, b):
    """Operands of a function that is not defined on booleans: two of them become int32."""
    a, b = common(a, b)
    if (a if hasattr(a, "dtype") else b).dtype != "bool":
        return a, b
    return tuple(as_dtype(x, "int32") if hasattr(x, "dtype") else int(x) for x in (a, b))


def common_floats(a, b):
    """Operands of a function that is only defined on floats."""
    a, b = common(a, b)
    return (floating(a) if hasattr(a, "dtype") else float(a)), (floating(b) if hasattr(b, "dtype") else float(b))


def shaped(x, shape):
    """The array in this shape, itself if it has it; None stays."""
    return x if x is None or x.shape == shape else x.reshape(shape)


def laid_out(need, shape):
    """Where a gradient goes, in this shape: the very array, if it has it."""
    return need if need is True else shaped(need, shape)


def fit(k, dx, shape, dtype, need):
    """A gradient summed over the axes that were broadcast, in the dtype of its input."""
    if dx.shape != shape:
        lead = dx.ndim - len(shape)
        axes = (*range(lead), *(i + lead for i, n in enumerate(shape) if n == 1 and dx.shape[i + lead] != 1))
        direct = need is not True and dx.dtype == dtype
        if direct:
            kept = (1,) * lead + shape
            k.reduce("sum", dx, axes, True, out=need.reshape(kept))
            return need
        dx = k.reduce("sum", dx, axes, True).reshape(shape)
    return dx if dx.dtype == dtype else k.copy(dx, dtype=dtype)


def axis_index(axis, ndim: int, who: str) -> int:
    """An axis as a number from 0."""
    i = operator.index(axis)
    if not -ndim <= i < ndim:
        raise ValueError(f"{who}: axis {axis} is out of range for {ndim} dimensions; expected {-ndim} to {ndim - 1}")
    return i % ndim


def axes_of(axis, ndim: int, who: str) -> tuple:
    """None, a number or several as a sorted tuple of axes from 0."""
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    return tuple(sorted(axis_index(a, ndim, who) for a in axes))


def pair(value, rank: int, who: str) -> tuple:
    """One number or `rank` of them as a pair (vertical, horizontal); one-dimensional ones get height 1."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,) * rank
    if len(values) != rank or any(int(v) != v or v < 1 for v in values):
        raise ValueError(f"{who}: expected a positive integer or {rank} of them, got {value!r}")
    return (1,) * (2 - rank) + tuple(int(v) for v in values)
