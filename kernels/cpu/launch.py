"""How a CPU kernel runs: at once, and while a step is recorded also onto the recording of this thread.

A compiled kernel is called as it is, `_kernel(x, out)`: no Python lies in between. While any thread records, the class
of all compiled functions gets a `__call__` that writes the call down; it is taken away when the last recording ends.
NumPy functions that serve as kernels go through `call(np.add, a, b, out)`.
"""
import threading
from contextlib import contextmanager
from functools import cache, partial

import numpy as np
from numba import njit, types
from numba.core.registry import CPUDispatcher
from numba.extending import intrinsic, overload
from numba.np.numpy_support import from_dtype, map_layout

from ..garbage import uncollected
from .cache import Store, folder
from .fork import MANY_CALLERS, Compiling, Linking, fork

# NaN and infinity keep their meaning; only the order of additions may change, the same way at every run
FAST = {"contract", "reassoc", "nsz"}
INNER = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "pipeline_class": Linking}
OUTER = {"nopython": True, "no_cfunc_wrapper": True}
MANY = 1 << 15                  # more threads than there are
SMALL = 1 << 15                 # elements in all arrays of a call: below, one thread is faster than waking the others


class Inner:
    """What only compiled code calls. Numba hears of it when such code is compiled: at a warm start never."""

    def __init__(self, f, **options):
        self.py_func, self.known = f, cache(lambda: njit(**INNER, **options)(f))

    _numba_type_ = property(lambda self: types.Dispatcher(self.known()))


inner_kernel = partial(Inner, fastmath=FAST)
# the formula as it is written, to the bit; fastmath is named because a function that leaves it out takes its caller's
exact_kernel = partial(Inner, fastmath=False)


class Kernel(CPUDispatcher):
    """What Python calls. The digest of our sources says nothing of others: of these nothing is kept."""

    def __init__(self, f, **options):
        super().__init__(f, targetoptions=OUTER | options, pipeline_class=Compiling)
        if folder() is not None and f.__module__.startswith(__package__):
            self._cache = Store(f)

    def compile(self, sig):
        with uncollected():
            return super().compile(sig)

    def _compilation_chain_init_hook(self):
        """Extensions of Numba are looked for when something is compiled."""

    def typeof_pyval(self, value):
        """Numba would import numpy.ma, to see that an array is not of there."""
        if type(value) is not np.ndarray or value.dtype.kind not in "biuf" or not value.dtype.isnative:
            return super().typeof_pyval(value)
        kind = types.Array(from_dtype(value.dtype), value.ndim, map_layout(value), readonly=not value.flags.writeable)
        self._types_active_call.add(kind)           # Numba holds types weakly
        return kind


kernel = partial(Kernel, fastmath=FAST, error_model="numpy")


@inner_kernel
def share(part, n):
    """What is this thread's of 0 .. n."""
    number, count = part
    return range(n * number // count, n * (number + 1) // count)


@inner_kernel
def _own(part, x):
    number, count = part
    return x[len(x) * number // count:len(x) * (number + 1) // count]


def own(part, *arrays):
    """In compiled code, this thread's share of each array's first axis, as views.

    A loop over a view counts from 0, and so its body becomes vector instructions; after `for i in share(part, n)`
    every index might be negative.
    """


@overload(own)
def _own_all(part, *arrays):
    return eval(f"lambda part, *arrays: ({''.join(f'_own(part, arrays[{i}]), ' for i in range(len(arrays)))})",
                {"_own": _own})


def parallel_kernel(f):
    """A kernel that all threads run together when its arrays are large, and one alone when they are small.

    `f(part, ...)` works on its `own(part, ...)` of the arrays, or takes from a loop what is its own,
    `for i in share(part, n)`; the caller leaves `part` out.
    An argument named `threads` says how many at most, where the arrays do not tell how much there is to do.
    """
    parameters = f.__code__.co_varnames[1:f.__code__.co_argcount]
    names = ", ".join(parameters)
    threads = "threads" if "threads" in parameters else f"{MANY} if elements(({names},)) >= {SMALL} else 1"
    scope = {"body": inner_kernel(f), "elements": elements, "fork": fork}
    forked = eval(f"lambda {names}: fork(body, {threads}, ({names},))", scope)
    forked.__module__, forked.__name__, forked.__qualname__ = f.__module__, f.__name__, f.__qualname__
    # without Python's lock: a thread of the pool may want it, for memory that tracemalloc counts
    return Kernel(forked, nogil=MANY_CALLERS)


@intrinsic
def elements(typing, args):
    """The size of all arrays in a tuple."""
    def codegen(context, builder, signature, values):
        total = context.get_constant(types.int64, 0)
        for i, kind in enumerate(args):
            if isinstance(kind, types.Array):
                array = context.make_array(kind)(context, builder, builder.extract_value(values[0], i))
                total = builder.add(total, array.nitems)
        return total

    return types.int64(args), codegen


def target(need, out, shape, dtype):
    """Where a gradient goes: the caller's array, a new one, or None if it is not wanted."""
    if need is None or need is False or out is not None:
        return out
    return np.empty(shape, dtype) if need is True else need


def outputs(out, shapes, dtype):
    """The arrays of `out`, new ones where it has none."""
    given = out or (None,) * len(shapes)
    return tuple([np.empty(shape, dtype) if o is None else o for o, shape in zip(given, shapes)])


_lock = threading.Lock()
_recorders = 0


class _Here(threading.local):
    write = None            # the recording of this thread: a function (f, args), or None
    step = None             # what runs for the first time and can be rehearsed
    jobs = ()               # what other processes compile


here = _Here()


def call(f, *args):
    """A NumPy function as a kernel: `f(*args)` where args end with the output."""
    if here.write is None or not here.write(f, args):
        f(*args)


def _recorded_call(self, *args):
    if here.write is None or not here.write(self, args):
        return super(Kernel, self).__call__(*args)


@contextmanager
def recording(write):
    """Every kernel call of this thread is given to `write(f, args)`, and then run unless that returns True."""
    global _recorders
    with _lock:
        _recorders += 1
        Kernel.__call__ = _recorded_call
    before, here.write = here.write, write
    try:
        yield
    finally:
        here.write = before
        with _lock:
            _recorders -= 1
            if not _recorders:
                del Kernel.__call__
