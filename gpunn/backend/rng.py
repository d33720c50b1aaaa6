"""Random numbers as a function of (seed, stream, step, index): no order to keep, nothing to restore but one counter.

A `Source` is a seed with a clock that counts its steps; key and clock live on the device. A stream is one place that
draws: inside a step it is numbered by the order of the calls, so that forward and backward of one call agree and a
replay draws fresh numbers. Who draws from which source:

- While a model is in `fit`, `evaluate`, `predict` or one of their `_on_batch` forms, everything in that thread draws
  from the model's own: dropout, shuffles, weights that are only built now. It gets its seed when it is compiled, from
  the global one, by the order of compilation; `set_seed` after that gives it a new one.
- Everything else draws from the global source: new weights, `gpunn.random`. `set_seed` in the main thread sets that
  of the process; in another thread, it gives this thread one of its own.

So models that train at once, each in its thread, end with the numbers that they have one after the other.
"""
import os
import threading
from contextlib import contextmanager
from itertools import count

import numpy as np

from ..kernels import served
from . import constant, current, kernels_of, persistent

FREE = 1 << 30                  # streams from here on were drawn outside of a step
INITIAL = 1 << 31               # from here on: weights, shuffles, the seeds of models
MODES = "train", "test", "predict"       # what a model can be at


class Source:
    """A seed and what hangs on it. That of a model is the child of a global one."""

    def __init__(self, seed: int, parent: "Source | None" = None):
        self.seed, self.parent = seed & (1 << 64) - 1, parent
        self.arrays = {}        # device -> clock, (device, seed) -> key
        self.born, self.compiled, self.free = count(1), count(1), count(1)

    def clock(self):
        """The array that counts the steps, on the current device."""
        device = current().name
        if device not in self.arrays:
            self.arrays.setdefault(device, persistent(current().asarray(np.zeros(1, np.uint32))))
        return self.arrays[device]

    def key(self, seed: int):
        place = current().name, seed
        if place not in self.arrays:
            self.arrays[place] = words(seed)
        return self.arrays[place]

    def child(self, stream: int, number: int) -> int:
        """A seed that follows from this one."""
        return int(host_bits(self.seed, stream, number, 2).view(np.uint64)[0])

    def state(self) -> dict:
        """All that the next numbers depend on, as whole numbers."""
        born, free = next(self.born), next(self.free)
        self.born, self.free = count(born), count(free)
        return {"seed": self.seed, "clock": int(current().to_numpy(self.clock())[0]), "born": born, "free": free}

    def resume(self, seed: int, clock: int, born: int, free: int) -> "Source":
        """Go on from this state. A `set_seed` later on replaces the source, as it does that of any model."""
        self.seed, self.born, self.free = seed & (1 << 64) - 1, count(born), count(free)
        kernels_of(self.clock()).copy(current().asarray(np.array([clock], np.uint32)), out=self.clock())
        return self

    @contextmanager
    def step(self):
        """What is drawn inside is numbered from 1; at the end, all that counts moves on at once."""
        before, _thread.counts = _thread.counts, []
        try:
            with using(self, count(1)):
                yield
            later(self.clock())
            settle()
        finally:
            _thread.counts = before


class _Thread(threading.local):
    root = None                 # this thread's own global source
    source = None               # of the model at work
    calls = None                # inside a step: the numbers of its draws
    counts = None               # inside a step: what is to be added to what at its end


_thread = _Thread()
_process = Source(int.from_bytes(os.urandom(8), "little"))


def root() -> Source:
    """The global source, as this thread sees it."""
    return _thread.root or _process


def model_sources() -> dict[str, Source]:
    """For a model that is compiled now, by mode: it may predict in one thread while it trains in another."""
    number = next(root().compiled)
    return {mode: model_source(number) for mode in MODES}


def model_source(number: int = 0) -> Source:
    return Source(root().child(INITIAL + 2, number), root())


@contextmanager
def using(source: Source, calls=None):
    """Inside, this thread draws from `source`; in a step, `calls` numbers the draws."""
    before = _thread.source, _thread.calls
    _thread.source, _thread.calls = source, calls
    try:
        yield
    finally:
        _thread.source, _thread.calls = before


def later(target, factor=1, source=None):
    """target += factor * source (None: 1), single numbers: at the end of the step; outside of one, at once."""
    if _thread.counts is None:
        kernels_of(target).tally((target,), (source,), (factor,))
    else:
        _thread.counts.append((target, source, factor))


def settle(target=None):
    """What was left for later is added now: somebody is about to read it (or `target` of it)."""
    counts = _thread.counts
    if counts and (target is None or any([t is target for t, *_ in counts])):
        kernels_of(counts[0][0]).tally(*zip(*counts, strict=True))
        counts.clear()


def words(seed: int):
    """The key of a seed: its low and high 32 bits."""
    return constant(np.array([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF], np.uint32))


def set_seed(seed: int, deterministic: bool = False):
    """All random numbers from now on - weights, shuffles, dropout - follow from this number, on every device alike.

    deterministic: on a GPU, who makes a product or a convolution follows from its shapes alone. Otherwise the first run
    of each measures who is quickest, which a private folder keeps: only runs without that folder may give other bits.
    """
    global _process
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"set_seed: expected an integer >= 0, got {seed!r}")
    served.options["deterministic"] = bool(deterministic)
    if threading.current_thread() is threading.main_thread():
        _process = Source(int(seed))
    else:
        _thread.root = Source(int(seed))


def draw(seed: int | None = None):
    """(key, clock, stream) for one call; `seed` replaces the source's."""
    source, calls = _thread.source or root(), _thread.calls
    stream = FREE + next(source.free) if calls is None else next(calls)
    return source.key(source.seed if seed is None else seed), source.clock(), stream


def next_seed() -> int:
    """A seed for something that is born: a layer's weights, an epoch's order."""
    source = _thread.source or root()
    return source.child(INITIAL, next(source.born))


def host_bits(seed: int, stream: int, step: int, n: int) -> np.ndarray:
    """n words of Philox4x32-10 on the host, the same that the kernels draw."""
    from .cpu import cpu_kernels
    key = np.array([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF], np.uint32)
    return cpu_kernels().random_bits(key, np.array([step], np.uint32), stream, np.empty(n, np.uint32))


def host_uniform(seed: int, n: int, stream: int = INITIAL) -> np.ndarray:
    """n numbers in [0, 1) as float64 with 53 random bits, on the host: where initial weights come from."""
    bits = host_bits(seed, stream, 0, 2 * n).view(np.uint64)
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0 ** -53


def host_normal(seed: int, n: int) -> np.ndarray:
    """n standard normal numbers (Box and Muller), float64, on the host."""
    half = -(-n // 2)
    u = host_uniform(seed, 2 * half)
    radius, angle = np.sqrt(-2.0 * np.log1p(-u[:half])), 2.0 * np.pi * u[half:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:n]


def permutation(seed: int, epoch: int, n: int) -> np.ndarray:
    """The order of n samples in an epoch, int32, a function of its arguments alone."""
    keys = host_bits(seed, INITIAL + 1, epoch, 2 * n).view(np.uint64)
    return np.argsort(keys, kind="stable").astype(np.int32)
