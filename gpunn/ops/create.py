"""New arrays, dtypes, and the way in and out."""
from functools import lru_cache

import numpy as np

from .._config import REDUCED, floatx, storage
from ..backend import asarray, blank, constant, current
from ..backend import empty as new
from ..halves import rounded, stored, widened
from ..symbol import Symbol, trace
from ..tensor import Tensor, no_grad, op
from .core import array, is_float, kernels_of

MOST_BFLOAT16 = float.fromhex("0x1.fep127")


@lru_cache(256)
def _kept(device: str, make, *arguments):
    return constant(make(*arguments))


def kept(make, *arguments):
    """A constant array on the current device, made once for these arguments: a recorded step may use it."""
    return _kept(current().name, make, *arguments)


def arange_constant(n: int):
    """0 .. n - 1, int32."""
    return kept(np.arange, 0, n, 1, "int32")


def causal_constant(rows: int, columns: int):
    """(rows, columns) bool: True at and below the diagonal."""
    return kept(np.tri, rows, columns, 0, "bool")


def filled(shape, value, dtype):
    shape = (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)
    dtype = dtype_name(dtype or floatx())
    y = blank(shape, current().halves.get(dtype) or storage(dtype))
    return narrowed(Tensor(kernels_of(y).fill(value, y)), dtype)


def narrowed(x: Tensor, dtype: str):
    """Rounded, where the dtype is one of few bits."""
    return rounded(x, dtype) if dtype in REDUCED else x


def made(values, dtype):
    """An array of the host as a constant in a dtype."""
    dtype = dtype_name(dtype or floatx())
    return narrowed(Tensor(constant(np.asarray(values).astype(storage(dtype)))), dtype)


def zeros(shape, dtype=None):
    """An array of zeros."""
    return filled(shape, 0, dtype)


def ones(shape, dtype=None):
    """An array of ones."""
    return filled(shape, 1, dtype)


def full(shape, fill_value, dtype=None):
    """An array of one value."""
    if isinstance(fill_value, bool | int | float):
        return filled(shape, fill_value, dtype)
    from .math import as_floats
    from .shape import broadcast_to
    return broadcast_to(convert_to_tensor(fill_value, dtype) if dtype else as_floats(fill_value), shape)


def full_of(x, value, dtype):
    """One value in the shape of x."""
    return narrowed(_full_like(x, value=value, dtype=dtype and storage(dtype_name(dtype))), dtype and dtype_name(dtype))


@op
def _full_like(x, *, value, dtype):
    x = array(x)
    y = new(x, x.shape, dtype or x.dtype)
    kernels_of(y).fill(value, y)
    return y, None


def zeros_like(x, dtype=None):
    """Zeros in the shape and dtype of x."""
    return full_of(x, 0, dtype)


def ones_like(x, dtype=None):
    """Ones in the shape and dtype of x."""
    return full_of(x, 1, dtype)


def full_like(x, fill_value, dtype=None):
    """One value in the shape and dtype of x."""
    if isinstance(fill_value, bool | int | float):
        return full_of(x, fill_value, dtype)
    return full(x.shape, fill_value, dtype or x.dtype)


empty, empty_like = zeros, zeros_like             # for values to come


def arange(start, stop=None, step=None, dtype=None):
    """Numbers from start (0) to before stop, in steps."""
    start, stop = (0, start) if stop is None else (start, stop)
    default = floatx() if any(isinstance(v, float) for v in (start, stop, step)) else "int32"
    return made(np.arange(start, stop, 1 if step is None else step), dtype or default)


def linspace(start, stop, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype=None, axis: int = 0):
    """num numbers from start to stop, evenly spaced."""
    values, step = np.linspace(convert_to_numpy(start), convert_to_numpy(stop), num, endpoint, True, axis=axis)
    return (made(values, dtype), made(step, None)) if retstep else made(values, dtype)


def logspace(start, stop, num: int = 50, endpoint: bool = True, base=10, dtype=None, axis: int = 0):
    """num numbers from base ** start to base ** stop, evenly spaced on a log scale."""
    values = np.logspace(convert_to_numpy(start), convert_to_numpy(stop), num, endpoint, base, axis=axis)
    return made(values, dtype)


def eye(N, M=None, k: int = 0, dtype=None):
    """Ones on a diagonal, zeros elsewhere: (N, M)."""
    return diagonals(np.eye, N, M, k, dtype)


def diagonals(make, rows, columns, k, dtype):
    dtype = dtype_name(dtype or floatx())
    return narrowed(Tensor(kept(make, rows, columns, k, storage(dtype))), dtype)


def identity(n, dtype=None):
    """The identity matrix (n, n)."""
    return eye(n, dtype=dtype)


def tri(N, M=None, k: int = 0, dtype=None):
    """Ones at and below a diagonal: (N, M)."""
    return diagonals(np.tri, N, M, k, dtype)


def is_tensor(x) -> bool:
    """Is it a Tensor (or a Symbol, which becomes one)?"""
    return isinstance(x, Tensor | Symbol)


def convert_to_tensor(x, dtype=None, sparse=None, ragged=None):
    """Anything array-like as a Tensor, in a dtype."""
    if isinstance(x, Tensor | Symbol):
        return x if dtype is None or x.dtype == str(dtype) else cast(x, dtype)
    if isinstance(x, list | tuple) and any(isinstance(v, Tensor | Symbol) for v in x):
        from .shape import stack
        return convert_to_tensor(stack([convert_to_tensor(v) for v in x]), dtype)
    dtype = getattr(x, "dtype", None) if dtype is None and str(getattr(x, "dtype", "")) in REDUCED else dtype
    if dtype is not None and (dtype := dtype_name(dtype)) in REDUCED:
        return cast(Tensor(asarray(x, "float32")), dtype)
    return Tensor(asarray(x, dtype))


def convert_to_numpy(x) -> np.ndarray:
    """The values as a NumPy array on the host."""
    return x.numpy() if isinstance(x, Tensor) else np.asarray(x)


def cast(x, dtype):
    """The values in another dtype."""
    dtype = dtype_name(dtype)
    if isinstance(x, Symbol):
        return trace(cast, (x, dtype), {}, dtype)
    if dtype in REDUCED:
        if getattr(x, "dtype", None) == dtype:
            return x
        real = isinstance(x, Tensor) and stored(x.data, dtype)
        return rounded(x if real else cast(x, "float32"), dtype)
    return _cast(widened(x) if isinstance(x, Tensor) else x, dtype)


@op(arrays=1)
def _cast(x, dtype):
    x = array(x)
    if x.dtype == dtype:
        return x, lambda dy, need: (dy,)
    k = kernels_of(x)
    y = k.copy(x, dtype=dtype)
    if not (is_float(y.dtype) and is_float(x.dtype)):
        return y, None
    return y, lambda dy, need: (k.copy(dy, dtype=x.dtype),)


def dtype_name(dtype) -> str:
    """float, "float32", numpy.float32 ... by its name."""
    plain = {float: floatx(), int: "int32", bool: "bool"}
    return plain[dtype] if dtype in plain else dtype if isinstance(dtype, str) else np.dtype(dtype).name


def limits(name: str) -> tuple:
    """The least and the largest number of a dtype."""
    if name == "bfloat16":
        return -MOST_BFLOAT16, MOST_BFLOAT16
    found = (np.iinfo if np.dtype(name).kind in "iu" else np.finfo)(name)
    return np.asarray(found.min).item(), np.asarray(found.max).item()


def saturate_cast(x, dtype):
    """The values in another dtype, those outside its range at its ends."""
    from .math import clip
    name = dtype_name(dtype)
    if name == "bool":
        return cast(x, name)
    own = np.dtype(storage(str(getattr(x, "dtype", "float32"))))
    (low, high), (least, most) = limits(name), limits(own.name if own.kind in "iu" else "float64")
    low, high = max(low, least), min(high, most)
    if own.kind == "f" and np.dtype(storage(name)).kind in "iu":
        nearest = own.type(high)
        low, high = float(low), float(np.nextafter(nearest, own.type(0)) if nearest > high else high)
    return cast(clip(x, low, high) if own.kind != "b" else x, name)


@op
def copy(x):
    """The values in memory of their own."""
    x = array(x)
    return kernels_of(x).copy(x), lambda dy, need: (dy,)


@op
def stop_gradient(variable):
    """The same values; no gradient goes through."""
    return array(variable), None


def shape(x) -> tuple:
    """The shape as a tuple."""
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def ndim(x) -> int:
    """The number of axes."""
    return len(shape(x))


def size(x) -> int:
    """The number of elements."""
    return int(np.prod(shape(x), dtype=np.int64))


def dtype(x) -> str:
    """The name of the dtype."""
    return str(x.dtype) if hasattr(x, "dtype") else asarray(x).dtype.name


def custom_gradient(f):
    """A function of tensors that returns its value and its own gradient function `grad(*args, upstream)`."""
    def apply(*args, **options):
        kept_gradient = {}

        def forward(*arrays, **inner):
            with no_grad():
                y, kept_gradient["grad"] = f(*[Tensor(a) if hasattr(a, "dtype") else a for a in arrays], **inner)
            return y.data, backward

        def backward(dy, need):
            dxs = kept_gradient["grad"](upstream=Tensor(dy))
            dxs = dxs if isinstance(dxs, tuple | list) else (dxs,)
            return tuple(None if dx is None or n is None else dx.data for dx, n in zip(dxs, need, strict=True))
        return op(forward)(*args, **options)
    return apply
