"""Rarer functions, made of the others."""
# ruff: noqa: I001 - long lists of names, filled
import math

import numpy as np

from .._config import floatx
from .._names import one_of
from ..backend import host_read
from ..symbol import whole
from .arithmetic import (add, by_library, divide, equal, floor_divide, greater, greater_equal, less,
                         logaddexp, logical_or, maximum, minimum, mod, multiply, power, subtract, where)
from .core import axes_of, named, tensor
from .create import cast, convert_to_numpy, made, ones_like, stop_gradient, zeros_like
from .index import _count, _segments, argsort, diff, segment_max, segment_sum, sort, take, take_along_axis
from .linalg import matmul
from .math import (abs, as_floats, ceil, erf, floor, is_integer, isnan, logical_not, negative, round, sign, sin, sqrt,
                   square)
from .reduce import any, argmax, argmin, cumprod, cumsum, max, mean, min, prod, sum
from .shape import concatenate, expand_dims, flip, moveaxis, ndim_of, ravel, reshape, split, swapaxes, transpose

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
    if is_integer(rest):
        return where(less(x1, 0), negative(rest), rest)
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
    last = -1 if is_integer(data) else 0.0                          # -1 - x has no overflow
    return subtract(last, segment_max(subtract(last, data), segment_ids, num_segments))


def segment_prod(data, segment_ids, num_segments=None, sorted: bool = False):
    """The product of the rows of each segment; 1 for an empty one."""
    return _segments(prod, data, segment_ids, num_segments, 1)


@whole
def bincount(x, weights=None, minlength: int = 0, sparse: bool = False):
    """How often each number from 0 on occurs (or the sum of its weights): `minlength` numbers, or as many as occur."""
    n = np.maximum(_count(x, None), minlength)
    return segment_sum(ones_like(x, "int32") if weights is None else weights, x, n)


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


def nancumprod(x, axis=None, dtype=None):
    """The running product, NaN being 1."""
    return cumprod(_numbers(x, 1.0), axis, dtype)


ROUNDINGS = {"linear": (floor, ceil), "midpoint": (floor, ceil), "lower": (floor, floor), "higher": (ceil, ceil),
             "nearest": (round, round)}


@whole
def nanquantile(x, q, axis=None, method: str = "linear", keepdims: bool = False):
    """The numbers below which shares q of what is not NaN lie."""
    x, q, roundings = as_floats(x), np.asarray(q), ROUNDINGS[one_of("quantile", "method", method, ROUNDINGS)]
    axes = axes_of(axis, x.ndim, "quantile")
    ends = range(x.ndim - len(axes), x.ndim)
    rows = moveaxis(x, axes, tuple(ends))
    rows = sort(reshape(rows, (*rows.shape[:ends.start], -1)))                  # NaN last
    last = subtract(sum(cast(logical_not(isnan(rows)), x.dtype), -1, keepdims=True), 1.0)
    place = multiply(last, made(q.ravel(), x.dtype))
    low, high = (take_along_axis(rows, cast(f(place), "int32"), -1) for f in roundings)
    share = 0.5 if method == "midpoint" else subtract(place, floor(place))
    y = add(low, multiply(subtract(high, low), share))
    shape = [1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes]
    return reshape(moveaxis(y, -1, 0), (*q.shape, *shape))


@whole
def quantile(x, q, axis=None, method: str = "linear", keepdims: bool = False):
    """The numbers below which shares q lie; NaN if there is any."""
    return where(any(isnan(x), axis, keepdims), math.nan, nanquantile(x, q, axis, method, keepdims))


def _percents(f):
    return lambda x, q, axis=None, method="linear", keepdims=False: f(x, np.asarray(q) / 100, axis, method, keepdims)


def _middle(f):
    return lambda x, axis=None, keepdims=False: f(x, 0.5, axis, keepdims=keepdims)


percentile = named(_percents(quantile), "percentile", "quantile, in percent.")
nanpercentile = named(_percents(nanquantile), "nanpercentile", "nanquantile, in percent.")
median = named(_middle(quantile), "median", "The middle number, or the mean of the two.")
nanmedian = named(_middle(nanquantile), "nanmedian", "The middle of what is not NaN.")


def histogram(x, bins: int = 10, range=None):
    """How many numbers lie in each of `bins` bins of equal width, and the edges; looked at by the host."""
    host_read("histogram")
    counts, edges = np.histogram(convert_to_numpy(x), bins, range)
    return made(counts, "int32"), made(edges, None)


def unravel_index(indices, shape) -> tuple:
    """Flat places as one place an axis."""
    steps = [math.prod(shape[i + 1:]) for i in np.arange(len(shape))]
    return tuple(mod(floor_divide(indices, step), n) for step, n in zip(steps, shape))


def isin(x1, x2, assume_unique: bool = False, invert: bool = False):
    """Is each element of x1 one of x2?"""
    found = any(equal(expand_dims(x1, -1), ravel(tensor(x2))), -1)
    return logical_not(found) if invert else found


def cross(x1, x2, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None):
    """The vector product of vectors of 3 (or 2: the third component alone)."""
    a, b = (moveaxis(tensor(x), axis if axis is not None else i, -1) for x, i in ((x1, axisa), (x2, axisb)))
    if a.shape[-1] == b.shape[-1] == 2:
        return subtract(multiply(a[..., 0], b[..., 1]), multiply(a[..., 1], b[..., 0]))
    a, b = (x if x.shape[-1] == 3 else concatenate([x, zeros_like(x[..., :1])], -1) for x in (a, b))
    p, q = [1, 2, 0], [2, 0, 1]
    y = subtract(multiply(take(a, p, -1), take(b, q, -1)), multiply(take(a, q, -1), take(b, p, -1)))
    return moveaxis(y, -1, axisc if axis is None else axis)


def geomspace(start, stop, num: int = 50, endpoint: bool = True, dtype=None, axis: int = 0):
    """num numbers from start to stop, with the same quotient from each to the next."""
    return made(np.geomspace(start, stop, num, endpoint, axis=axis), dtype)


def _window(name: str):
    return named(lambda x: made(getattr(np, name)(int(x)), None), name, f"The {name.capitalize()} window of x points.")


bartlett, blackman, hamming, hanning = map(_window, ("bartlett", "blackman", "hamming", "hanning"))
kaiser = named(lambda x, beta: made(np.kaiser(int(x), beta), None), "kaiser", "The Kaiser window of x points.")
gcd, lcm, nextafter = map(by_library, ("gcd", "lcm", "nextafter"))
argpartition = named(lambda x, kth, axis=-1: argsort(x, axis), "argpartition",
                     "Places in an order with the kth smallest element at its own.")
erfc = named(lambda x: subtract(1.0, erf(x)), "erfc", "1 - erf(x)")
