"""A row of the kernels' table: what a kernel works on, how it is called, the least that it must move and compute."""
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

POOL = 1 << 20                  # different numbers; longer arrays repeat them


@dataclass(frozen=True)
class Ints:
    """Whole numbers below `below`"""
    below: int
    shape: tuple
    dtype: str = "int32"


@dataclass(frozen=True)
class Given:
    """Just these numbers"""
    numbers: tuple


@dataclass(frozen=True)
class Row:
    """`arrays`: shapes of float32 numbers between 0 and 1, Ints, or Given. `call(k, *arrays, out)` writes into `out`,
    but at first, when it is None. `moved` counts float32 numbers read or written."""
    arrays: tuple
    call: Callable
    moved: float
    flops: float = 0

    def bound(self, k, new: "Arrays") -> Callable:
        """A call that writes where it wrote before."""
        arrays = [new(what) for what in self.arrays]
        out = self.call(k, *arrays, out=None)
        return lambda: self.call(k, *arrays, out=out)

    def floor(self, limits: dict) -> float | None:
        """Seconds; None where the limit could not be measured."""
        if self.flops and "TF32" not in limits:
            return None
        return max(4 * self.moved / limits["bytes"], self.flops / limits.get("TF32", 1))


class Arrays:
    """Makes inputs on the device, from few numbers that travelled there."""

    def __init__(self, backend):
        self.backend, dice = backend, np.random.default_rng(0)
        self.real = dice.random(POOL, np.float32) + np.float32(1e-3)
        self.whole = dice.integers(0, 1 << 62, POOL)

    def __call__(self, what):
        if isinstance(what, Given):
            return self.backend.xp.asarray(np.array(what.numbers, np.float32))
        if isinstance(what, Ints):
            return self.placed((self.whole % what.below).astype(what.dtype), what.shape)
        return self.placed(self.real, what)

    def placed(self, numbers, shape):
        xp, size = self.backend.xp, math.prod(shape)
        few = xp.asarray(numbers[:size])
        long = xp.empty((-(-size // few.size), few.size), few.dtype)
        xp.copyto(long, few)
        return long.reshape(-1)[:size].reshape(shape)
