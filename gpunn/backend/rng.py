"""Random numbers as a function of (seed, stream, step, index): no order to keep, nothing to restore but one counter.

`key` holds the seed, `clock` the training step; both live on the device. A stream is one place that draws: it is
numbered by the order of the calls since the step began, so that forward and backward of one call agree and a replay
draws fresh numbers.
"""
import os

import numpy as np

from . import constant, current, kernels_of, persistent

INITIAL = 1 << 31               # streams from here on are not of a training step: weights, shuffles


class _State:
    """The seed of the process, and what hangs on it."""

    def __init__(self):
        self.seed(int.from_bytes(os.urandom(8), "little"))

    def seed(self, seed: int):
        self.value, self.calls, self.born = seed & (1 << 64) - 1, 0, 0
        self.arrays = {}        # (device, seed) -> (key, clock)

    def on(self, device: str, seed: int):
        if (device, seed) not in self.arrays:
            self.arrays[device, seed] = words(seed), self.clock(device)
        return self.arrays[device, seed]

    def clock(self, device: str):
        if device not in self.arrays:
            self.arrays[device] = persistent(current().asarray(np.zeros(1, np.uint32)))
        return self.arrays[device]


_state = _State()


def words(seed: int):
    """The key of a seed: its low and high 32 bits."""
    return constant(np.array([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF], np.uint32))


def set_seed(seed: int):
    """All random numbers from now on - weights, shuffles, dropout - follow from this number, on every device alike."""
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"set_seed: expected an integer >= 0, got {seed!r}")
    _state.seed(int(seed))


def begin_step():
    """A training step starts: its calls are numbered from zero."""
    _state.calls = 0


def end_step():
    """A training step ends: the clock of the current device moves on, as the last kernel of the step."""
    clock = _state.clock(current().name)
    kernels_of(clock).tick(clock)


def clock():
    """The device array that counts training steps."""
    return _state.clock(current().name)


def draw(seed: int | None = None):
    """(key, clock, stream) for one call inside a step; `seed` replaces the process' seed."""
    _state.calls += 1
    key, clock = _state.on(current().name, _state.value if seed is None else seed)
    return key, clock, _state.calls


def next_seed() -> int:
    """A seed for something that is born: a layer's weights, an epoch's order."""
    _state.born += 1
    return int(host_bits(_state.value, INITIAL, _state.born, 2).view(np.uint64)[0])


def host_bits(seed: int, stream: int, step: int, n: int) -> np.ndarray:
    """n words of Philox4x32-10 on the host, the same that the kernels draw."""
    from gpunn.kernels import cpu
    key = np.array([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF], np.uint32)
    return cpu.random_bits(key, np.array([step], np.uint32), stream, np.empty(n, np.uint32))


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
