"""The CPU backend, and how it records a step: run it, write down each kernel call, plan the memory, replay the list."""
import functools
import gc

import numpy as np

from gpunn.kernels.garbage import uncollected

from . import here
from .base import Backend, host_array
from .memory import Span, is_persistent, owner, plan, slab


@functools.cache
def cpu_kernels():
    """The kernels and Numba, at their first use; what it makes counts as old at once, where garbage is looked for."""
    with uncollected():
        from gpunn.kernels import cpu
        if not gc.get_freeze_count():
            gc.freeze(), gc.unfreeze()
    return cpu


class CpuBackend(Backend):
    name, xp, array_type = "cpu", np, np.ndarray

    def __init__(self):
        self.kernels = cpu_kernels()

    def describe(self) -> str:
        return f"CPU (NumPy + Numba, {self.kernels.fork.threads()} threads)"

    def asarray(self, value, dtype=None) -> np.ndarray:
        return host_array(value, dtype)

    def to_numpy(self, array) -> np.ndarray:
        return np.asarray(array)

    def argsort(self, x, first=None):
        """By integers that sort as the numbers do, equal ones as their places: these NumPy sorts in vectors."""
        if x.dtype != np.float32:
            return super().argsort(x, first)
        bits = np.where(np.isnan(x), np.float32("nan"), x + 0).view(np.int32)
        keys = ((bits ^ (bits >> 31 & 0x7FFFFFFF)).astype(np.int64) << 32) + np.arange(x.shape[-1])
        return np.sort(keys if first is None or first >= x.shape[-1] else np.partition(keys, first)[..., :first])

    def recorder(self) -> "Recorder":
        return Recorder(self.kernels)


def set_num_threads(n: int):
    """How many threads the CPU kernels run on from now on, in all of the process; at most as many as at the start."""
    from gpunn.kernels.cpu import fork
    fork.set_threads(n, "set_num_threads")


class Recorder:
    """Records one step; the arrays that the step returns are filled again by every replay."""

    def __init__(self, kernels):
        self.kernels, self.bytes = kernels, 0

    def eager(self, step, pure):
        with self.kernels.ahead.helped(step if pure else None):
            return step()

    def record(self, step):
        recording = Recording()
        here.kernels, here.recording = Watched(self.kernels, recording), recording
        try:
            with self.kernels.launch.recording(recording.write):
                result = step()
        finally:
            here.kernels = here.recording = None
        if recording.refusal:
            return result, None, recording.refusal
        replay = recording.replay(self.kernels.native.Replay)
        self.bytes = recording.bytes
        return result, replay, None


class Place:
    """Where an argument lies in a temporary: enough to make the view again in other memory."""
    __slots__ = ("span", "offset", "shape", "strides", "dtype")

    def __init__(self, span, own, array):
        self.span, self.offset = span, array.ctypes.data - own.ctypes.data
        self.shape, self.strides, self.dtype = array.shape, array.strides, array.dtype

    def view(self, memory: np.ndarray, start: int) -> np.ndarray:
        return np.ndarray(self.shape, self.dtype, memory, start + self.offset, self.strides)


class Recording:
    """The kernel calls of one step. Temporaries are held by place, not by reference, and so die in time."""

    def __init__(self):
        self.calls, self.spans, self.refusal, self.bytes = [], [], None, 0
        self.known: dict[int, Span] = {}            # id of a living owner -> its span

    def span(self, own: np.ndarray) -> Span:
        key = id(own)
        if key not in self.known:
            self.known[key] = Span(own, len(self.calls), lambda _: self.known.pop(key, None))
            self.spans.append(self.known[key])
        return self.known[key]

    def place(self, value):
        if not isinstance(value, np.ndarray) or is_persistent(own := owner(value)):
            return value
        span = self.span(own)
        span.last = len(self.calls)
        return Place(span, own, value)

    def write(self, f, args):
        self.calls.append((f, [self.place(a) for a in args]))

    def refuse(self, reason: str):
        """The step goes on, its results are right; but it cannot be repeated."""
        self.refusal = self.refusal or reason

    def check(self, value):
        """Memory that no kernel of this step made and that nobody declared persistent would be stale in a replay."""
        if isinstance(value, np.ndarray):
            if value.size and id(owner(value)) not in self.known and not is_persistent(owner(value)):
                self.refuse(f"an array of shape {value.shape} was computed outside gpunn.ops")
        elif isinstance(value, tuple | list):
            for v in value:
                self.check(v)

    def adopt(self, result):
        for array in result if isinstance(result, tuple) else (result,):
            if isinstance(array, np.ndarray) and not is_persistent(own := owner(array)):
                self.span(own)

    def replay(self, make):
        """What repeats the calls, in memory of its own."""
        living = {id(s): own for s in self.spans if (own := s.ref()) is not None}
        memory = slab(plan([s for s in self.spans if id(s) not in living]))
        self.bytes = memory.nbytes + sum([own.nbytes for own in living.values()])

        def argument(a):
            if not isinstance(a, Place):
                return a
            own = living.get(id(a.span))
            return a.view(memory, a.span.offset) if own is None else a.view(own.reshape(-1).view(np.uint8), 0)

        return make([(f, tuple([argument(a) for a in args])) for f, args in self.calls])


class Watched:
    """The kernels while a step is recorded: arguments are checked, results are known to be born in the step."""

    def __init__(self, kernels, recording):
        self._kernels, self.recording = kernels, recording

    def __getattr__(self, name):
        f, recording = getattr(self._kernels, name), self.recording

        def watched(*args, **options):
            recording.check(args)
            recording.check(list(options.values()))
            result = f(*args, **options)
            recording.adopt(result)
            return result
        setattr(self, name, watched)
        return watched
