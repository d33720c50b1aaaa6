"""Which array library and which kernels serve an array. Dispatch is by the array's type, here and nowhere else.

The current device is read only where arrays are born (`asarray`, weights, batches); after that the type decides.
"""
import os
import sys
import threading

import numpy as np

from .._config import (epsilon, floatx, image_data_format, set_epsilon, set_floatx, set_image_data_format,
                       storage)
from .base import Backend, Uncapturable, host_array
from .memory import persistent
from .names import (clear_session, get_uid, is_float_dtype, is_int_dtype, is_keras_tensor, result_type,
                    standardize_dtype)

__all__ = ["Backend", "Uncapturable", "asarray", "backend_of", "blank", "constant", "current", "device",
           "device_count", "empty", "filled", "filled_with", "host_read", "kernels_of", "persistent", "register",
           "to_numpy", "use",
           # what Keras users look for here
           "backend", "clear_session", "epsilon", "floatx", "get_uid", "image_data_format", "is_float_dtype",
           "is_int_dtype", "is_keras_tensor", "result_type", "set_epsilon", "set_floatx", "set_image_data_format",
           "standardize_dtype"]


class _Here(threading.local):
    kernels = None              # while this thread records a CPU step: the kernels, watched
    recording = None            # and the recording itself


class _Backends(dict):
    """Array type -> backend; NumPy's is made at first use, so that `import gpunn` loads neither Numba nor CuPy."""

    def __missing__(self, kind):
        if issubclass(kind, np.ndarray):
            backend = self[kind] = _cpu()
            return backend
        raise TypeError(f"expected a NumPy or CuPy array, got {kind.__module__}.{kind.__name__}")


class _Kernels(dict):
    def __missing__(self, kind):
        kernels = self[kind] = _backends[kind].kernels
        return kernels


here = _Here()
_backends, _kernels = _Backends(), _Kernels()
_constants: dict[tuple, object] = {}
_filled: dict[int, float] = {}
_factories = {}                 # device name without number -> function (number) -> Backend
_current: Backend | None = None
_lock = threading.Lock()


def backend_of(array) -> Backend:
    return _backends[type(array)]


def kernels_of(array):
    """The kernels that work on this array: kernels/cpu or kernels/cuda."""
    return here.kernels or _kernels[type(array)]


def register(name: str, factory):
    """A device name and the function that makes its backend from the device number."""
    _factories[name] = factory


def device_count() -> int:
    """How many GPUs can be used."""
    from .cuda import count
    return count()


def use(name: str = "auto") -> str:
    """Choose where arrays are born: "auto", "cpu", "cuda" or "cuda:N", and say so. "cuda" raises where is none."""
    global _current
    with _lock:
        backend, reason = _resolve(name)
        if _current is None or backend.name != _current.name:
            print(f"gpunn: {backend.describe()}{reason}", file=sys.stderr, flush=True)
        _current = backend
        _backends[backend.array_type] = backend
        _kernels.pop(backend.array_type, None)
    return backend.name


def current() -> Backend:
    """The backend that new arrays go to; the first call decides by GPUNN_DEVICE, else "auto"."""
    if _current is None:
        use(os.environ.get("GPUNN_DEVICE") or "auto")
    return _current


def device() -> str:
    """The name of the device that new arrays go to: "cpu", "cuda:0"."""
    return current().name


def backend() -> str:
    """The library whose arrays are in use: "numpy" on the CPU, "cupy" on a GPU."""
    return "numpy" if device() == "cpu" else "cupy"


def asarray(value, dtype=None):
    """A contiguous array on the current device. Python floats become floatx, ints int32; an array keeps its dtype."""
    if isinstance(value, bool | int | float):
        return _number(value, dtype)
    if isinstance(value, list | tuple) and len(value) <= 16:
        return _numbers(value, dtype)
    return current().asarray(value, dtype)


def _number(value, dtype):
    """A Python number becomes a kernel's argument: a constant of the program, also where nothing may be copied."""
    kind = "bool" if isinstance(value, bool) else "int32" if isinstance(value, int) else storage()
    array = blank((), dtype or kind)
    return kernels_of(array).fill(value, array)


def _numbers(value, dtype):
    """Short lists are kept for good: the second time they cost nothing, and a recorded step may hold them."""
    host = host_array(value, dtype)
    key = current().name, host.shape, host.dtype, host.tobytes()
    if key not in _constants:
        _constants[key] = constant(host)
    return _constants[key]


def filled(like, shape, value: float):
    """An array beside `like` that holds one number everywhere: known beforehand, and kept; for a few numbers only."""
    value = like.dtype.type(value).item()
    key = backend_of(like).name, like.dtype, tuple(shape), value
    if key not in _constants:
        _constants[key] = persistent(backend_of(like).asarray(np.full(shape, value, like.dtype)))
        _filled[id(_constants[key])] = value
    return _constants[key]


def filled_with(array) -> float | None:
    """The number that `filled` put there, or None."""
    return _filled.get(id(array))


def to_numpy(array) -> np.ndarray:
    return backend_of(array).to_numpy(array)


def host_read(what: str):
    """Called where the host looks at a value: legal, but a step that does so cannot be replayed."""
    if here.recording is not None:
        here.recording.refuse(f"{what} reads a value on the host inside the step")


def empty(like, shape=None, dtype=None):
    """A new array beside `like`, to be written by a kernel."""
    return _adopted(backend_of(like).xp.empty(like.shape if shape is None else shape, dtype or like.dtype))


def blank(shape, dtype="float32"):
    """A new array on the current device, to be written by a kernel."""
    return _adopted(current().xp.empty(shape, np.dtype(dtype)))


def _adopted(array):
    if here.recording is not None:
        here.recording.adopt(array)
    return array


def constant(value, dtype=None):
    """An array of a program's own: made once, kept, never written."""
    return persistent(asarray(value, dtype))


def _resolve(name: str):
    kind, _, number = name.partition(":")
    if kind == "auto" and not number:
        from .cuda import why_not
        missing = why_not()
        return (_factories["cuda"](0), "") if missing is None else (_cpu(), f" - {missing}")
    if kind not in _factories or (number and not number.isdigit()):
        raise ValueError(f"use: unknown device {name!r}; expected 'auto', 'cpu', 'cuda' or 'cuda:N'")
    return _factories[kind](int(number or 0)), ""


def _cpu(number: int = 0) -> Backend:
    from .cpu import CpuBackend
    if number:
        raise ValueError(f"use: there is only one 'cpu', got 'cpu:{number}'")
    if np.ndarray not in _backends:
        _backends[np.ndarray] = CpuBackend()
    return _backends[np.ndarray]


def _cuda(number: int) -> Backend:
    from .cuda import cuda_backend
    return cuda_backend(number)


register("cpu", _cpu)
register("cuda", _cuda)
