"""How a CPU kernel runs: at once, and while a step is recorded also onto the recording of this thread.

A compiled kernel is called as it is, `_kernel(x, out)`: no Python lies in between. While any thread records, the class
of all compiled functions gets a `__call__` that writes the call down; it is taken away when the last recording ends.
NumPy functions that serve as kernels go through `call(np.add, a, b, out)`.
"""
import threading
from contextlib import contextmanager
from types import FunctionType

from numba import njit
from numba.core.registry import CPUDispatcher

from .cache import folder

# NaN and infinity keep their meaning; only the order of additions may change, the same way at every run
FAST = {"contract", "reassoc", "nsz"}
kernel = njit(cache=folder() is not None, fastmath=FAST, error_model="numpy")
exact_kernel = njit(cache=folder() is not None, error_model="numpy")     # the formula as it is written, to the bit
parallel_kernel = njit(cache=folder() is not None, fastmath=FAST, error_model="numpy", parallel=True)


def njit_pair(f):
    """The same function for one thread and for all: small work is faster alone. Numba's cache tells functions apart by name."""
    together = FunctionType(f.__code__, f.__globals__, f.__name__, f.__defaults__, f.__closure__)
    together.__qualname__ = f.__qualname__ + "_together"
    together.__module__ = f.__module__
    return kernel(f), parallel_kernel(together)


_lock = threading.Lock()
_recorders = 0


class _Here(threading.local):
    write = None            # the recording of this thread: a function (f, args), or None


_here = _Here()


def call(f, *args):
    """A NumPy function as a kernel: `f(*args)` where args end with the output."""
    if _here.write is not None:
        _here.write(f, args)
    f(*args)


def _recorded_call(self, *args):
    if _here.write is not None:
        _here.write(self, args)
    return super(CPUDispatcher, self).__call__(*args)


@contextmanager
def recording(write):
    """Every kernel call of this thread is run and given to `write(f, args)`."""
    global _recorders
    with _lock:
        _recorders += 1
        CPUDispatcher.__call__ = _recorded_call
    before, _here.write = _here.write, write
    try:
        yield
    finally:
        _here.write = before
        with _lock:
            _recorders -= 1
            if not _recorders:
                del CPUDispatcher.__call__
