"""Random numbers as functions of (seed, stream, step, index); an integer seed always gives the same ones."""
import math

import numpy as np

from .._config import floatx
from .._names import require
from .._objects import Configured
from ..backend import constant, empty, rng
from ..tensor import Tensor, op
from .arithmetic import add, divide, greater, less, logical_and, maximum, multiply, subtract, where
from .core import kernels_of
from .create import arange_constant, cast, convert_to_numpy, dtype_name
from .index import take
from .math import clip, cos, erfinv, exp, floor, log, log1p, negative, sqrt
from .reduce import argmax, sum
from .shape import broadcast_to, expand_dims, reshape, stack, unstack

MOST = 1 << 24                              # a float32 in [0, 1) has so many values


class SeedGenerator(Configured):
    """A source of numbers for layers and functions that draw: each draw gives fresh ones."""

    def __init__(self, seed: int | None = None, name: str | None = None):
        self.seed = rng.next_seed() if seed is None else int(seed)
        self.name = name or "seed_generator"

    def next(self, ordered: bool = True) -> Tensor:
        """Two words (2,) uint32, others at each call."""
        return cast(randint((2,), 0, MOST, seed=self), "uint32")


def source(seed, stream: int = 0):
    """(key, clock, stream): fresh at each call for None and a generator, always the same for an integer."""
    if isinstance(seed, int):
        return rng.words(seed), constant([0], "uint32"), stream
    if seed is not None and not isinstance(seed, SeedGenerator):
        raise ValueError(f"random numbers: seed is an integer, a SeedGenerator or None, got {seed!r}")
    return rng.draw(seed and seed.seed)


def checked(who: str, dtype, kind: str) -> str:
    """The dtype's name, if it is of this kind."""
    name = dtype_name(dtype or floatx())
    require(who, "dtype", kind in name, f"{kind}...", name)
    return name


def unit(shape, seed, stream: int = 0) -> Tensor:
    """Numbers in [0, 1), float32."""
    key, clock, stream = source(seed, stream)
    y = empty(key, tuple(int(n) for n in shape), "float32")
    return Tensor(kernels_of(y).random_uniform(key, clock, stream, 0.0, 1.0, y))


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    """Numbers spread evenly over [minval, maxval)."""
    dtype = checked("uniform", dtype, "float")
    return cast(add(multiply(unit(shape, seed), maxval - minval), minval), dtype)


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Numbers of a normal distribution (Box and Muller)."""
    radius = sqrt(multiply(log1p(negative(unit(shape, seed))), -2.0))
    y = multiply(radius, cos(multiply(unit(shape, seed, 1), 2 * math.pi)))
    return cast(add(multiply(y, stddev), mean), dtype or floatx())


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Numbers of a normal distribution within two standard deviations of the mean."""
    most = math.erf(math.sqrt(2.0))
    y = clip(multiply(erfinv(add(multiply(unit(shape, seed), 2 * most), -most)), math.sqrt(2.0)), -2.0, 2.0)
    return cast(add(multiply(y, stddev), mean), dtype or floatx())


def randint(shape, minval: int, maxval: int, dtype="int32", seed=None):
    """Whole numbers from minval to before maxval."""
    dtype = checked("randint", dtype, "int")
    require("randint", "maxval", 0 < maxval - minval <= MOST, f"above minval={minval} by at most 2**24", maxval)
    return cast(add(cast(floor(multiply(unit(shape, seed), maxval - minval)), "int32"), minval), dtype)


def categorical(logits, num_samples: int, dtype="int32", seed=None):
    """(n, classes) -> (n, num_samples): classes drawn with probability softmax(logits)."""
    n, classes = logits.shape
    noise = negative(log(negative(log(unit((n, num_samples, classes), seed)))))
    return cast(argmax(add(expand_dims(logits, 1), noise), -1), dtype)


def shuffle(x, axis: int = 0, seed=None):
    """The slices along an axis in another order."""
    value = seed.seed if isinstance(seed, SeedGenerator) else rng.next_seed() if seed is None else int(seed)
    return take(x, rng.permutation(value, 0, x.shape[axis]), axis)


@op
def _dropout(x, *, rate, seed):
    """(...) -> (...): some elements 0, the rest scaled; the backward pass draws the same mask again"""
    key, clock, stream = source(seed)
    k = kernels_of(x)
    return k.dropout(x, rate, key, clock, stream), lambda dy, need: (k.dropout(dy, rate, key, clock, stream),)


def dropout(inputs, rate: float, noise_shape=None, seed=None):
    """Elements set to 0 with probability `rate`, the rest scaled by 1 / (1 - rate)."""
    require("dropout", "rate", 0 <= rate <= 1, "in [0, 1]", rate)
    if rate == 0:
        return inputs
    if rate == 1:
        return multiply(inputs, 0.0)
    if noise_shape is None:
        return _dropout(inputs, rate=float(rate), seed=seed)
    shape = tuple(n if m is None else m for n, m in zip(inputs.shape, noise_shape, strict=True))
    ones = broadcast_to(cast(constant([1.0], "float32"), str(inputs.dtype)), shape)
    return multiply(inputs, _dropout(ones, rate=float(rate), seed=seed))


PROPOSALS = 8                               # none of them is accepted once in 10^11 numbers


def gamma(shape, alpha, dtype=None, seed=None):
    """Numbers of gamma distributions with scale 1 (Marsaglia and Tsang): the first accepted of some proposals."""
    more = (PROPOSALS, *shape)
    x, d = normal(more, seed=seed), add(cast(alpha, "float32"), 2 / 3)      # for alpha + 1, and brought down at the end
    v = add(multiply(x, divide(1 / 3, sqrt(d))), 1.0)
    v = multiply(v, multiply(v, v))
    limit = add(multiply(multiply(x, x), 0.5), multiply(d, add(subtract(1.0, v), log(maximum(v, 1e-30)))))
    good = logical_and(greater(v, 0.0), less(log(add(unit(more, seed, 2), 1e-30)), limit))
    y = v[-1]
    for i in reversed(range(PROPOSALS - 1)):
        y = where(good[i], v[i], y)
    shrink = exp(divide(log(add(unit(shape, seed, 3), 1e-30)), alpha))
    return cast(multiply(multiply(y, d), shrink), dtype or floatx())


def beta(shape, alpha, beta, dtype=None, seed=None):
    """Numbers of beta distributions."""
    both = stack([broadcast_to(cast(a, "float32"), shape) for a in (alpha, beta)])
    a, b = unstack(gamma((2, *shape), both, "float32", seed))
    return cast(divide(a, add(a, b)), dtype or floatx())


def binomial(shape, counts, probabilities, dtype=None, seed=None):
    """How many of `counts` tries succeed, each with a probability."""
    most = int(np.max(convert_to_numpy(counts)))
    tries = reshape(arange_constant(most), (most, *(1,) * len(shape)))
    hits = logical_and(less(unit((most, *shape), seed), probabilities), less(tries, counts))
    return sum(cast(hits, dtype or floatx()), 0)
