"""Rarer functions, made of the others."""
import math

import numpy as np

from .._config import floatx
from .arithmetic import (
    add,
    bitwise_not,
    divide,
    equal,
    greater,
    greater_equal,
    less,
    logaddexp,
    logical_or,
    maximum,
    minimum,
    mod,
    multiply,
    power,
    subtract,
    where,
)
from .core import named, tensor
from .create import cast, made, ones_like, stop_gradient, zeros_like
from .index import diff, segment_max, segment_sum
from .linalg import matmul
from .math import abs, as_floats, is_integer, isnan, logical_not, negative, sign, sin, sqrt, square
from .reduce import argmax, argmin, cumsum, max, mean, min, prod, sum
from .shape import concatenate, expand_dims, flip, moveaxis, ndim_of, reshape, split, swapaxes, transpose

LOG2 = math.log(2)
fabs = named(lambda x: abs(as_floats(x)), "fabs", "|x| as a float.")
deg2rad = named(lambda x: multiply(as_floats(x), math.pi / 180), "deg2rad", "Degrees as radians.")
rad2deg = named(lambda x: multiply(as_floats(x), 180 / math.pi), "rad2deg", "Radians as degrees.")
cbrt = named(lambda x: multiply(sign(x), power(fabs(x), 1 / 3)), "cbrt", "The cube root, also of negative numbers.")
fmax = named(lambda x1, x2: where(isnan(x1), x2, where(isnan(x2), x1, maximum(x1, x2))), "fmax",
             "The larger; of NaN and a number the number.")
fmin = named(lambda x1, x2: where(isnan(x1), x2, where(isnan(x2), x1, minimum(x1, x2))), "fmin",
             "The smaller; of NaN and a number the number.")
heaviside = named(lambda x1, x2: where(equal(x1, 0), x2, cast(greater(x1, 0), as_floats(x1).dtype)), "heaviside",
                  "0 below 0, x2 at 0, 1 above.")
hypot = named(lambda x1, x2: sqrt(add(square(as_floats(x1)), square(as_floats(x2)))), "hypot", "sqrt(x1**2 + x2**2)")
ldexp = named(lambda x1, x2: multiply(as_floats(x1), power(2.0, as_floats(x2))), "ldexp", "x1 * 2**x2")
logaddexp2 = named(lambda x1, x2: divide(logaddexp(multiply(x1, LOG2), multiply(x2, LOG2)), LOG2), "logaddexp2",
                   "log2(2**x1 + 2**x2)")
signbit = named(lambda x: logical_or(less(x, 0), less(divide(1.0, as_floats(x)), 0)), "signbit",
                "True where the sign is minus, also of zero.")
real = conj = conjugate = named(lambda x: tensor(x), "real", "x itself: there are no complex numbers here.")
imag = named(lambda x: zeros_like(x), "imag", "Zeros: there are no complex numbers here.")
isreal = named(lambda x: ones_like(x, "bool"), "isreal", "True: there are no complex numbers here.")
angle = named(lambda x: multiply(cast(less(x, 0), as_floats(x).dtype), math.pi), "angle",
              "pi for negative numbers, 0 for others.")
cdist = named(lambda x1, x2: sqrt(sum(square(subtract(expand_dims(x1, -2), expand_dims(x2, -3))), -1)), "cdist",
              "Distances between rows: (n, c), (m, c) -> (n, m)")
dsplit = named(lambda x, indices_or_sections: split(x, indices_or_sections, 2), "dsplit", "Parts along the third axis.")


def fmod(x1, x2):
    """The rest of a division, with the sign of x1."""
    rest = stop_gradient(mod(abs(x1), abs(x2)))
    quotient = stop_gradient(divide(subtract(x1, where(less(x1, 0), negative(rest), rest)), x2))
    return subtract(x1, multiply(x2, quotient))


def sinc(x):
    """sin(pi x) / (pi x), 1 at 0"""
    turn = multiply(as_floats(x), math.pi)
    return where(equal(turn, 0), 1.0, divide(sin(turn), where(equal(turn, 0), 1.0, turn)))


def kron(x1, x2):
    """Every number of x1 times all of x2: (a, b), (c, d) -> (a c, b d)"""
    rank = np.maximum(ndim_of(x1), ndim_of(x2))
    a, b = (reshape(x, (1,) * (rank - x.ndim) + tuple(x.shape)) for x in (tensor(x1), tensor(x2)))
    y = multiply(expand_dims(a, tuple(range(1, 2 * rank, 2))), expand_dims(b, tuple(range(0, 2 * rank, 2))))
    return reshape(y, [m * n for m, n in zip(a.shape, b.shape)])


def rot90(array, k: int = 1, axes=(0, 1)):
    """A plane turned by k quarters, from its first axis to its second."""
    for _ in range(k % 4):
        array = flip(swapaxes(array, *axes), axes[0])
    return array


def dstack(xs):
    """Arrays one behind the other, along the third axis."""
    rows = [expand_dims(x, 0) if ndim_of(x) == 1 else x for x in xs]
    return concatenate([expand_dims(x, -1) if ndim_of(x) == 2 else x for x in rows], 2)


def array_split(x, indices_or_sections, axis: int = 0):
    """Pieces along an axis; the first ones are larger by one where they cannot be equal."""
    if isinstance(indices_or_sections, int):
        parts = np.array_split(np.arange(x.shape[axis]), indices_or_sections)
        indices_or_sections = np.cumsum([len(part) for part in parts])[:-1].tolist()
    return split(x, indices_or_sections, axis)


def trapezoid(y, x=None, dx: float = 1.0, axis: int = -1):
    """The integral by trapezoids, at places x or dx apart."""
    y = moveaxis(as_floats(y), axis, -1)
    steps = dx if x is None else diff(x) if ndim_of(x) == 1 else moveaxis(diff(x, axis=axis), axis, -1)
    return sum(multiply(multiply(add(y[..., 1:], y[..., :-1]), 0.5), steps), -1)


def vander(x, N=None, increasing: bool = False):
    """The powers of x as columns."""
    powers = np.arange(x.shape[0] if N is None else N)
    x = as_floats(x)
    return power(expand_dims(x, -1), made(powers if increasing else powers[::-1], x.dtype))


def corrcoef(x):
    """The correlations of rows: (n, samples) -> (n, n)"""
    x = subtract(as_floats(x), mean(as_floats(x), -1, keepdims=True))
    x = divide(x, sqrt(sum(square(x), -1, keepdims=True)))
    return matmul(x, transpose(x))


def segment_min(data, segment_ids, num_segments=None, sorted: bool = False):
    """The smallest element of the rows of each segment; the largest number of the dtype for an empty one."""
    turn = bitwise_not if is_integer(data) else negative            # ~x also turns the order round
    return turn(segment_max(turn(tensor(data)), segment_ids, num_segments))


def bincount(x, weights=None, minlength: int = 0, sparse: bool = False):
    """How often each number from 0 on occurs (or the sum of its weights); numbers of `minlength` and more do not count
    where it is given."""
    return segment_sum(ones_like(x, "int32") if weights is None else weights, x, minlength or None)


def searchsorted(sorted_sequence, values, side: str = "left"):
    """How many numbers of a sorted sequence lie before each value."""
    values = expand_dims(values, -1)
    return sum(cast(less(sorted_sequence, values) if side == "left" else greater_equal(values, sorted_sequence),
                    "int32"), -1)


def digitize(x, bins):
    """In which bin each number lies: bins[i - 1] <= x < bins[i]"""
    return searchsorted(tensor(bins), x, "right")


def space_to_depth(x, block_size: int, data_format: str = "channels_last"):
    """Blocks of pixels as channels: (n, h, w, c) -> (n, h / b, w / b, b b c)"""
    if data_format == "channels_first":
        return moveaxis(space_to_depth(moveaxis(x, 1, -1), block_size), -1, 1)
    (n, h, w, c), b = x.shape, block_size
    y = transpose(reshape(x, (n, h // b, b, w // b, b, c)), (0, 1, 3, 2, 4, 5))
    return reshape(y, (n, h // b, w // b, b * b * c))


def depth_to_space(x, block_size: int, data_format: str = "channels_last"):
    """The way back: (n, h, w, b b c) -> (n, h b, w b, c)"""
    if data_format == "channels_first":
        return moveaxis(depth_to_space(moveaxis(x, 1, -1), block_size), -1, 1)
    (n, h, w, c), b = x.shape, block_size
    return reshape(transpose(reshape(x, (n, h, w, b, b, c // b ** 2)), (0, 1, 3, 2, 4, 5)),
                   (n, h * b, w * b, c // b ** 2))


def _numbers(x, instead):
    x = tensor(x)
    return x if is_integer(x) else where(isnan(x), instead, x)


def _without_nan(f, instead):
    """A reduction that takes NaN for another number."""
    def reduction(x, axis=None, keepdims: bool = False):
        return f(_numbers(x, instead), axis, keepdims=keepdims)
    return named(reduction, f"nan{f.__name__}", f"{f.__name__} of what is not NaN.")


nansum, nanprod = _without_nan(sum, 0.0), _without_nan(prod, 1.0)
nanmax, nanmin = _without_nan(max, -math.inf), _without_nan(min, math.inf)
nanargmax, nanargmin = _without_nan(argmax, -math.inf), _without_nan(argmin, math.inf)


def nanmean(x, axis=None, keepdims: bool = False):
    """The mean of what is not NaN."""
    return divide(nansum(x, axis, keepdims), sum(cast(logical_not(isnan(x)), floatx()), axis, keepdims=keepdims))


def nanvar(x, axis=None, keepdims: bool = False):
    """The variance of what is not NaN."""
    return nanmean(square(subtract(x, nanmean(x, axis, True))), axis, keepdims)


def nanstd(x, axis=None, keepdims: bool = False):
    """The standard deviation of what is not NaN."""
    return sqrt(nanvar(x, axis, keepdims))


def nancumsum(x, axis=None, dtype=None):
    """The running sum, NaN being 0."""
    return cumsum(_numbers(x, 0.0), axis, dtype)


def geomspace(start, stop, num: int = 50, endpoint: bool = True, dtype=None, axis: int = 0):
    """num numbers from start to stop, with the same quotient from each to the next."""
    return made(np.geomspace(start, stop, num, endpoint, axis=axis), dtype)


def _window(name: str):
    return named(lambda x: made(getattr(np, name)(int(x)), None), name, f"The {name.capitalize()} window of x points.")


bartlett, blackman, hamming, hanning = map(_window, ("bartlett", "blackman", "hamming", "hanning"))
kaiser = named(lambda x, beta: made(np.kaiser(int(x), beta), None), "kaiser", "The Kaiser window of x points.")
