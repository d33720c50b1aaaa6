"""A stand-in for the module `cupy`: the names that gpunn uses, over SimArray."""
import sys
import types

import numpy as np

from . import capture, cuda
from .array import SimArray as ndarray
from .array import computed, unwrap
from .memory import default_pool
from .module import LaunchError, RawModule, launched, schedule

__all__ = ["LaunchError", "RawModule", "cuda", "launched", "ndarray", "schedule"]
__version__ = "sim"
# what tests need and CuPy does not have
OWN = {"LaunchError", "launched", "schedule", "capture", "computed", "default_pool", "unwrap", "as_strided",
       "host", "memory", "capturing", "catch_up", "over"}

for _name in ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
              "uint64", "bool_", "dtype", "newaxis", "inf", "nan", "pi", "result_type", "promote_types",
              "can_cast", "finfo", "iinfo", "broadcast_shapes"):
    setattr(sys.modules[__name__], _name, getattr(np, _name))


def empty(shape, dtype=float, order="C") -> ndarray:
    return ndarray(shape, dtype)


def empty_like(a, dtype=None, order="K", subok=None, shape=None) -> ndarray:
    return ndarray(a.shape if shape is None else shape, dtype or a.dtype)


def full(shape, fill_value, dtype=None, order="C") -> ndarray:
    return computed(np.full(shape, fill_value, dtype), "filling an array")


def zeros(shape, dtype=float, order="C") -> ndarray:
    return full(shape, 0, dtype)


def ones(shape, dtype=float) -> ndarray:
    return full(shape, 1, dtype)


def zeros_like(a, dtype=None) -> ndarray:
    return full(a.shape, 0, dtype or a.dtype)


def ones_like(a, dtype=None) -> ndarray:
    return full(a.shape, 1, dtype or a.dtype)


def full_like(a, fill_value, dtype=None) -> ndarray:
    return full(a.shape, fill_value, dtype or a.dtype)


def arange(*args, dtype=None) -> ndarray:
    return computed(np.arange(*args, dtype=dtype), "arange")


def array(a, dtype=None, copy=True, order="K", subok=False, ndmin=0) -> ndarray:
    """From the host, or a copy of a device array."""
    if isinstance(a, ndarray):
        return a.astype(dtype or a.dtype, copy=copy)
    capture.forbid("copying from the host")
    return computed(np.array(a, dtype, order=order, ndmin=ndmin), "array")


def asarray(a, dtype=None, order=None) -> ndarray:
    return array(a, dtype, copy=False, order=order or "K")


def ascontiguousarray(a, dtype=None) -> ndarray:
    a = asarray(a, dtype)
    return a if a.flags.c_contiguous else a.copy()


def asnumpy(a, stream=None, order="C", out=None, *, blocking=True) -> np.ndarray:
    return a.get() if isinstance(a, ndarray) else np.asarray(a)


def copyto(dst, src) -> None:
    dst[...] = src


def get_default_memory_pool():
    return default_pool


def get_array_module(*args):
    return sys.modules[__name__] if any(isinstance(a, ndarray) for a in args) else np


def _view(name: str):
    function = getattr(np, name)

    def view(a, *args, **options):
        result = function(a.host, *args, **options)
        return [a._wrap(r) for r in result] if isinstance(result, list | tuple) else a._wrap(result)
    view.__name__ = name
    return view


for _name in ("reshape", "transpose", "swapaxes", "moveaxis", "rollaxis", "expand_dims", "squeeze",
              "broadcast_to", "ravel", "flip", "split", "array_split", "diagonal", "rot90"):
    setattr(sys.modules[__name__], _name, _view(_name))


def _eager(function):
    """CuPy computes these with kernels or libraries of its own: fine, but not in a captured step."""
    def compute(a, *args, **options):
        host = [unwrap(entry) for entry in a] if isinstance(a, list | tuple) else unwrap(a)
        result = function(host, *map(unwrap, args), **options)
        if isinstance(result, tuple):
            return tuple(computed(np.asarray(r), function.__name__) for r in result)
        return computed(np.asarray(result), function.__name__)
    return compute


for _name in ("argsort", "concatenate", "cumprod", "gcd", "lcm", "nextafter", "sort", "stack"):
    setattr(sys.modules[__name__], _name, _eager(getattr(np, _name)))
linalg = types.SimpleNamespace(**{_name: _eager(getattr(np.linalg, _name)) for _name in (
    "cholesky", "det", "eigh", "inv", "lstsq", "matrix_rank", "norm", "pinv", "qr", "slogdet", "solve", "svd")})


def as_strided(x, shape=None, strides=None) -> ndarray:
    host = np.lib.stride_tricks.as_strided(x.host, shape, strides)
    view = x._wrap(x.host[:0])
    view.host = host
    return view


def shares_memory(a, b) -> bool:
    return np.shares_memory(a.host, b.host)


may_share_memory = shares_memory
lib = types.SimpleNamespace(stride_tricks=types.SimpleNamespace(as_strided=as_strided))

