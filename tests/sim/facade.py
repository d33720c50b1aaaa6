"""A stand-in for the module `cupy`: the names that gpunn uses, over SimArray. `array_library.cuda` is sim.cuda."""
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np

from . import capture, cuda
from .array import SimArray, computed
from .memory import default_pool
from .module import LaunchError, RawModule, launched, schedule

__all__ = ["LaunchError", "RawModule", "cuda", "launched", "ndarray", "schedule"]
__version__ = "sim"

ndarray = SimArray
for _name in ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool_",
              "dtype", "newaxis", "inf", "nan", "pi", "result_type", "promote_types", "can_cast", "finfo", "iinfo", "broadcast_shapes"):
    setattr(sys.modules[__name__], _name, getattr(np, _name))


def empty(shape, dtype=float, order="C") -> SimArray:
    return SimArray(shape, dtype)


def empty_like(a, dtype=None, order="K", subok=None, shape=None) -> SimArray:
    return SimArray(a.shape if shape is None else shape, dtype or a.dtype)


def full(shape, fill_value, dtype=None, order="C") -> SimArray:
    return computed(np.full(shape, fill_value, dtype), "filling an array")


def zeros(shape, dtype=float, order="C") -> SimArray:
    return full(shape, 0, dtype)


def ones(shape, dtype=float) -> SimArray:
    return full(shape, 1, dtype)


def zeros_like(a, dtype=None) -> SimArray:
    return full(a.shape, 0, dtype or a.dtype)


def ones_like(a, dtype=None) -> SimArray:
    return full(a.shape, 1, dtype or a.dtype)


def full_like(a, fill_value, dtype=None) -> SimArray:
    return full(a.shape, fill_value, dtype or a.dtype)


def arange(*args, dtype=None) -> SimArray:
    return computed(np.arange(*args, dtype=dtype), "arange")


def array(a, dtype=None, copy=True, order="K", subok=False, ndmin=0) -> SimArray:
    """From the host, or a copy of a device array."""
    if isinstance(a, SimArray):
        return a.astype(dtype or a.dtype, copy=copy)
    capture.forbid("copying from the host")
    return computed(np.array(a, dtype, order=order, ndmin=ndmin), "array")


def asarray(a, dtype=None, order=None) -> SimArray:
    return array(a, dtype, copy=False, order=order or "K")


def ascontiguousarray(a, dtype=None) -> SimArray:
    a = asarray(a, dtype)
    return a if a.flags.c_contiguous else a.copy()


def asnumpy(a, stream=None, order="C", out=None, *, blocking=True) -> np.ndarray:
    return a.get() if isinstance(a, SimArray) else np.asarray(a)


def get_default_memory_pool():
    return default_pool


def get_array_module(*args):
    return sys.modules[__name__] if any(isinstance(a, SimArray) for a in args) else np


def _view(name: str):
    function = getattr(np, name)

    def view(a, *args, **options):
        result = function(a.host, *args, **options)
        return [a._wrap(r) for r in result] if isinstance(result, list | tuple) else a._wrap(result)
    view.__name__ = name
    return view


for _name in ("reshape", "transpose", "swapaxes", "moveaxis", "rollaxis", "expand_dims", "squeeze", "broadcast_to", "ravel", "flip",
              "split", "array_split", "atleast_1d", "atleast_2d", "diagonal", "rot90"):
    setattr(sys.modules[__name__], _name, _view(_name))


def _joined(name: str):
    def join(arrays, *args, **options):
        return computed(getattr(np, name)([a.host for a in arrays], *args, **options), name)
    join.__name__ = name
    return join


for _name in ("concatenate", "stack"):
    setattr(sys.modules[__name__], _name, _joined(_name))


def as_strided(x, shape=None, strides=None) -> SimArray:
    host = np.lib.stride_tricks.as_strided(x.host, shape, strides)
    view = x._wrap(x.host[:0])
    view.host = host
    return view


def shares_memory(a, b) -> bool:
    return np.shares_memory(a.host, b.host)


may_share_memory = shares_memory
lib = SimpleNamespace(stride_tricks=SimpleNamespace(as_strided=as_strided))


@contextmanager
def errstate(**options):
    """A GPU raises no floating-point warnings."""
    yield
