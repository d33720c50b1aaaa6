"""First values of weights. They are drawn on the host in float64, so every device starts with the same bits."""
import math
import os
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from . import _objects
from ._config import REDUCED, storage
from ._names import one_of, require, snake_case
from .backend import constant as place
from .backend.rng import host_normal, host_uniform, next_seed
from .halves import rounded
from .ops.operators import Tensor, Variable

MEMORY = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 1 << 44      # bytes
_TRUNCATED_STD = 0.87962566103423978            # of a standard normal cut at two


_room: ContextVar[list | None] = ContextVar("room", default=None)      # [how many numbers may still be made]


@contextmanager
def blank(room: int):
    """Inside, weights begin as zeros, and only so many numbers are made: for a file's model, before they are read."""
    before = _room.set([room])
    try:
        yield
    finally:
        _room.reset(before)


def claim(who: str, shape: tuple) -> bool:
    """Whether we are inside `blank`; raises when its room is used up, and for more than the machine's memory."""
    if (room := _room.get()) is None:
        if 4 * math.prod(shape) > MEMORY:
            raise MemoryError(f"{who} asks for numbers of shape {tuple(shape)}: {math.prod(shape) >> 28:,} GiB, but "
                              f"this machine has {MEMORY >> 30}. Fix: fewer units, filters or words")
        return False
    room[0] -= math.prod(shape)
    if room[0] < 0:
        raise ValueError(f"{who} asks for numbers of shape {tuple(shape)}: more than all that the file holds")
    return True


class Initializer(_objects.Configured):
    """`values(shape)` gives a float64 array; calling gives a tensor: the same numbers in every call."""

    def __call__(self, shape, dtype=None) -> Tensor:
        numbers = Tensor(place(np.asarray(self.values(tuple(shape)), storage(dtype))))
        return rounded(numbers, dtype) if dtype in REDUCED else numbers

    def values(self, shape: tuple) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} must define values(shape)")


class _Random(Initializer):
    def __init__(self, seed=None):
        self.seed, self._drawn = seed, None

    def bits(self) -> int:
        """Of the seed; without one, drawn at the first call and kept."""
        if hasattr(self.seed, "next"):
            return int.from_bytes(self.seed.next().numpy().tobytes())
        self._drawn = next_seed() if self.seed is None and self._drawn is None else self._drawn
        return int(self._drawn if self.seed is None else self.seed)

    def uniform(self, shape, low, high):
        return low + (high - low) * host_uniform(self.bits(), math.prod(shape)).reshape(shape)

    def normal(self, shape):
        return host_normal(self.bits(), math.prod(shape)).reshape(shape)

    def truncated(self, shape):
        """Standard normal numbers, those beyond two drawn again."""
        x, seed = self.normal(shape).ravel(), self.bits()
        while (far := np.flatnonzero(np.abs(x) >= 2)).size:
            seed = (seed + 0x9E3779B97F4A7C15) % 2 ** 64
            x[far] = host_normal(seed, far.size)
        return x.reshape(shape)


class Zeros(Initializer):
    def values(self, shape):
        return np.zeros(shape)


class Ones(Initializer):
    def values(self, shape):
        return np.ones(shape)


class Constant(Initializer):
    def __init__(self, value=0.0):
        self.value = value

    def values(self, shape):
        return np.full(shape, self.value)


class Identity(Initializer):
    """The identity matrix times `gain`."""

    def __init__(self, gain=1.0):
        self.gain = gain

    def values(self, shape):
        require("Identity", "shape", len(shape) == 2, "that of a matrix", shape)
        return self.gain * np.eye(*shape)


class RandomUniform(_Random):
    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def values(self, shape):
        return self.uniform(shape, self.minval, self.maxval)


class RandomNormal(_Random):
    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def values(self, shape):
        return self.mean + self.stddev * self.normal(shape)


class TruncatedNormal(RandomNormal):
    """Normal numbers, those beyond two standard deviations drawn again."""

    def values(self, shape):
        return self.mean + self.stddev * self.truncated(shape)


class VarianceScaling(_Random):
    """Variance `scale / fan`, fan by `mode`: "fan_in", "fan_out" or "fan_avg"."""

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None, input_axes=None,
                 output_axes=None):
        super().__init__(seed)
        distribution = "truncated_normal" if distribution == "normal" else distribution
        require("VarianceScaling", "scale", scale > 0, "a positive number", scale)
        one_of("VarianceScaling", "mode", mode, ("fan_in", "fan_out", "fan_avg"))
        one_of("VarianceScaling", "distribution", distribution, tuple(self._draw))
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes, self.output_axes = input_axes, output_axes

    def values(self, shape):
        fan_in, fan_out = fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        return math.sqrt(self.scale / max(1.0, fan)) * self._draw[self.distribution](self, shape)

    _draw = {                                   # each with variance one
        "uniform": lambda self, shape: self.uniform(shape, -math.sqrt(3), math.sqrt(3)),
        "truncated_normal": lambda self, shape: self.truncated(shape) / _TRUNCATED_STD,
        "untruncated_normal": _Random.normal,
    }


def fans(shape, input_axes=None, output_axes=None) -> tuple[int, int]:
    """How many numbers go in and out of one unit; (..., in, out) for kernels."""
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        return (shape[0],) * 2 if shape else (1, 1)
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


class _Scaled(VarianceScaling):
    """A named point in the family of VarianceScaling."""
    _point: tuple = ()

    def __init__(self, seed=None, input_axes=None, output_axes=None):
        super().__init__(*self._point, seed, input_axes, output_axes)

    def get_config(self) -> dict:
        return {"seed": self.seed, "input_axes": self.input_axes, "output_axes": self.output_axes}


def _scaled(name: str, *point) -> type:
    return type(name, (_Scaled,), {"_point": point})


GlorotUniform = _scaled("GlorotUniform", 1.0, "fan_avg", "uniform")
GlorotNormal = _scaled("GlorotNormal", 1.0, "fan_avg", "truncated_normal")
HeUniform = _scaled("HeUniform", 2.0, "fan_in", "uniform")
HeNormal = _scaled("HeNormal", 2.0, "fan_in", "truncated_normal")
LecunUniform = _scaled("LecunUniform", 1.0, "fan_in", "uniform")
LecunNormal = _scaled("LecunNormal", 1.0, "fan_in", "truncated_normal")


class Orthogonal(_Random):
    """Orthogonal rows or columns (all but the last axis are one), uniform over such matrices, times `gain`."""

    def __init__(self, gain=1.0, seed=None):
        super().__init__(seed)
        self.gain = gain

    def values(self, shape):
        require("Orthogonal", "shape", len(shape) >= 2, "of at least two axes", shape)
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(self.normal((max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diag(r))
        return self.gain * (q.T if rows < columns else q).reshape(shape)


class _Given(Initializer):
    """An array as it is."""

    def __init__(self, value):
        self._array = value

    def values(self, shape):
        require("initializer", "the array", self._array.shape == shape, f"of shape {shape}", self._array.shape)
        return self._array


_NAMES = {snake_case(c.__name__): c for c in (
    Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, Identity, LecunNormal, LecunUniform, Ones, Orthogonal,
    RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling, Zeros)}
KNOWN = {**_NAMES, **{c.__name__: c for c in _NAMES.values()}, "one": Ones, "zero": Zeros, "normal": RandomNormal,
         "uniform": RandomUniform, "IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal}
constant, glorot_normal, glorot_uniform = Constant, GlorotNormal, GlorotUniform
he_normal, he_uniform, lecun_normal, lecun_uniform = HeNormal, HeUniform, LecunNormal, LecunUniform
identity, ones, orthogonal, zeros = Identity, Ones, Orthogonal, Zeros
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling, IdentityInitializer, OrthogonalInitializer = VarianceScaling, Identity, Orthogonal
_get, deserialize = _objects.lookups("initializer", KNOWN)
serialize = _objects.serialize


def get(identifier):
    """An initializer from a name, a config, a class, an array of values, or a function (shape, dtype)."""
    return _Given(np.asarray(identifier)) if isinstance(identifier, np.ndarray | Tensor) else _get(identifier)


def _first(initializer, shape, dtype):
    if shape is None:
        raise ValueError(f"Variable: an initializer needs a shape. Fix: Variable({initializer!r}, shape=...)")
    return get(initializer)(tuple(shape), dtype=dtype)


Variable.first = staticmethod(_first)
