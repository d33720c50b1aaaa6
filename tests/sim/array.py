"""SimArray: CuPy's ndarray over guarded host memory, with CuPy's refusals.

It is no np.ndarray, and does not turn into one unasked.
"""
import numpy as np

from . import capture
from .memory import allocate


class Pointer:
    """CuPy's MemoryPointer, as far as it is used: an address."""
    __slots__ = ("ptr",)

    def __init__(self, ptr: int):
        self.ptr = ptr


class SimArray(np.lib.mixins.NDArrayOperatorsMixin):
    __slots__ = ("host", "base", "memory", "__weakref__")

    def __init__(self, shape, dtype=float):
        dtype = np.dtype(dtype)
        shape = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
        nbytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        self.base, self.memory = None, allocate(nbytes)
        self.host = self.memory.bytes.view(dtype).reshape(shape)

    def _wrap(self, host: np.ndarray) -> "SimArray":
        """A view of the same memory, or, where NumPy had to copy, new memory: a computation."""
        if host.size and not np.may_share_memory(host, self.host):
            return computed(host, "copying an array that cannot be viewed")
        view = object.__new__(SimArray)
        view.host, view.memory, view.base = host, None, self if self.base is None else self.base
        return view

    # what an array is
    shape = property(lambda self: self.host.shape)
    dtype = property(lambda self: self.host.dtype)
    strides = property(lambda self: self.host.strides)
    ndim = property(lambda self: self.host.ndim)
    size = property(lambda self: self.host.size)
    nbytes = property(lambda self: self.host.nbytes)
    itemsize = property(lambda self: self.host.itemsize)
    flags = property(lambda self: self.host.flags)
    data = property(lambda self: Pointer(self.host.ctypes.data))

    @property
    def __cuda_array_interface__(self) -> dict:
        return {"shape": self.shape, "typestr": self.dtype.str, "descr": self.dtype.descr, "version": 3,
                "strides": None if self.flags.c_contiguous else self.strides, "data": (self.data.ptr, False)}

    def __len__(self) -> int:
        return len(self.host)

    # views
    T = property(lambda self: self._wrap(self.host.T))

    def reshape(self, *shape, order="C"):
        return self._wrap(self.host.reshape(*shape, order=order))

    def transpose(self, *axes):
        return self._wrap(self.host.transpose(*axes))

    def swapaxes(self, a, b):
        return self._wrap(self.host.swapaxes(a, b))

    def squeeze(self, axis=None):
        return self._wrap(self.host.squeeze(axis))

    def ravel(self, order="C"):
        return self._wrap(self.host.ravel(order))

    def view(self, dtype=None):
        return self._wrap(self.host.view(self.dtype if dtype is None else dtype))

    def __getitem__(self, key):
        key = tuple(map(unwrap, key)) if isinstance(key, tuple) else unwrap(key)
        found = self.host[key]
        if not isinstance(found, np.ndarray):           # where NumPy gives a number, CuPy gives an array
            found = self.host[(*key, ...) if isinstance(key, tuple) else (key, ...)]
        return self._wrap(found)

    # what a capture refuses: copies and arithmetic outside kernels
    def __setitem__(self, key, value):
        capture.forbid("writing into an array without a kernel")
        if isinstance(value, np.ndarray):
            raise TypeError("Unsupported type <class 'numpy.ndarray'>")
        self.host[tuple(map(unwrap, key)) if isinstance(key, tuple) else unwrap(key)] = unwrap(value)

    def fill(self, value) -> None:
        self[...] = value

    def astype(self, dtype, order="K", casting=None, subok=None, copy=True):
        if not copy and self.dtype == dtype:
            return self
        return computed(self.host.astype(dtype, order), "astype")

    def copy(self, order="C"):
        return computed(self.host.copy(order), "copy")

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def flatten(self, order="C"):
        return computed(self.host.flatten(order), "flatten")

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        if any(isinstance(i, np.ndarray) and i.ndim for i in inputs):
            raise TypeError("Unsupported type <class 'numpy.ndarray'>")
        capture.forbid(f"{ufunc.__name__} outside a kernel")
        result = getattr(ufunc, method)(*map(unwrap, inputs), **options)
        if out is None:
            return computed(np.asarray(result), ufunc.__name__)
        out[0].host[...] = result
        return out[0]

    # what travels to the host
    def __array__(self, *args, **options):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. "
                        "Please use `.get()` to construct a NumPy array explicitly.")

    def get(self, stream=None, order="C", out=None, blocking=True) -> np.ndarray:
        capture.forbid("reading an array on the host")
        return np.array(self.host, order=order)

    def set(self, value: np.ndarray, stream=None) -> None:
        capture.forbid("copying from the host")
        if stream is None:
            self.host[...] = value
        else:
            stream.copies.append(lambda: np.copyto(self.host, value))

    def item(self):
        return self.get().item()

    def tolist(self):
        return self.get().tolist()

    def __float__(self):
        return float(self.get())

    def __int__(self):
        return int(self.get())

    def __index__(self):
        return self.get().__index__()

    def __bool__(self):
        return bool(self.get())

    def __repr__(self):
        return repr(self.get())

    def __format__(self, spec):
        return format(self.get(), spec)


def unwrap(value):
    return value.host if isinstance(value, SimArray) else value


def computed(host: np.ndarray, what: str) -> SimArray:
    """The result of a computation that no kernel did."""
    capture.forbid(f"{what} outside a kernel")
    result = SimArray(host.shape, host.dtype)
    result.host[...] = host
    return result


def _reduction(name: str):
    def method(self, *args, **options):
        return computed(np.asarray(getattr(self.host, name)(*args, **options)), name)
    method.__name__ = name
    return method


for _name in ("all", "any", "argmax", "argmin", "clip", "max", "mean", "min", "prod", "round", "std", "sum",
              "var"):
    setattr(SimArray, _name, _reduction(_name))
