"""How a CPU kernel runs: at once, and while a step is recorded also onto the recording of this thread.

A compiled kernel is called as it is, `_kernel(x, out)`: no Python lies in between. While any thread records, the class
of all compiled functions gets a `__call__` that writes the call down; it is taken away when the last recording ends.
NumPy functions that serve as kernels go through `call(np.add, a, b, out)`.
"""
import inspect
import threading
from contextlib import contextmanager
from types import FunctionType

from numba import njit, types
from numba.core.registry import CPUDispatcher
from numba.extending import overload
from numba.np.ufunc.parallel import _launch_threads

from .cache import folder

# NaN and infinity keep their meaning; only the order of additions may change, the same way at every run
FAST = {"contract", "reassoc", "nsz"}
kernel = njit(cache=folder() is not None, fastmath=FAST, error_model="numpy")
# the formula as it is written, to the bit; fastmath is named because a function that leaves it out takes its caller's
exact_kernel = njit(cache=folder() is not None, fastmath=False, error_model="numpy")
SMALL = 1 << 15                 # elements in all arrays of a call: below, one thread is faster than waking the others

_launch_threads()               # now, so that compiled code finds the thread pool's symbols below
_threads = types.ExternalFunction("get_num_threads", types.int32())
_set_threads = types.ExternalFunction("set_num_threads", types.void(types.int32))


def parallel_kernel(f):
    """A kernel whose prange uses all threads when the arrays are large, and one when they are small."""
    names = ", ".join(inspect.signature(f).parameters)
    scope = {"inner": njit(fastmath=FAST, error_model="numpy", parallel=True)(f), "elements": elements,
             "threads": _threads, "set_threads": _set_threads}
    exec(compile(_FORKED.format(name=f.__name__, names=names), __file__, "exec"), scope)
    forked = scope[f.__name__]
    forked.__module__, forked.__qualname__ = f.__module__, f"{f.__module__}.{f.__qualname__}"   # for Numba's cache
    return njit(cache=folder() is not None)(forked)


_FORKED = """
def {name}({names}):
    before = threads()
    if elements(({names},)) < {SMALL}:
        set_threads(1)
    inner({names})
    set_threads(before)
""".replace("{SMALL}", str(SMALL))


def elements(args):
    """The size of all arrays in a tuple, in compiled code."""


@overload(elements)
def _elements(args):
    arrays = [i for i, kind in enumerate(args) if isinstance(kind, types.Array)]
    return eval("lambda args: " + " + ".join(f"args[{i}].size" for i in arrays))


def njit_pair(f):
    """The same function for one thread and for all, for kernels that weigh their work themselves."""
    together = FunctionType(f.__code__, f.__globals__, f.__name__, f.__defaults__, f.__closure__)
    together.__qualname__ = f.__qualname__ + "_together"                # Numba's cache tells functions apart by name
    together.__module__ = f.__module__
    return kernel(f), njit(cache=folder() is not None, fastmath=FAST, error_model="numpy", parallel=True)(together)


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
