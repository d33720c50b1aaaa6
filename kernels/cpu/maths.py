"""Functions of one number, in the number's own type: no overflow on the way, no digits lost near zero.

They have neither branches nor calls, so that a loop over them is compiled to vector instructions.
"""
import math
from functools import partial

import numpy as np
from numba import types
from numba.extending import overload

from .launch import Inner

# products and sums may be fused, but never reordered: that is what keeps the digits
formula = partial(Inner, fastmath={"contract"}, forceinline=True)
SINGLE, DOUBLE = ("float32", "int32"), ("float64", "int64")
HIGH = {"float32": 89.0, "float64": 710.0}                                  # beyond, exp is infinite
SHIFT = {"float32": (127, 23), "float64": (1023, 52)}                       # bias and place of the exponent
LOG2 = {"float32": (0.693359375, -2.12194440e-4), "float64": (0.6931471803691238, 1.9082149292705877e-10)}
# exp(r) = 1 + r + r^2 P(r) for |r| <= log(2) / 2: P of the least largest error, or Taylor's
EXP = {"float32": (0.49999994, 0.1666652, 0.041668404, 0.008368899, 0.0013814222),
       "float64": tuple(1 / math.factorial(k) for k in range(2, 14))}
LOG_TERMS = {"float32": 9, "float64": 18}
ERF_TERMS = {"float32": 7, "float64": 13}
LOG_NORMAL_TERMS = {"float32": 6, "float64": 12}
# erfc(z) = exp(-z^2) t P(2 t - 1), t = 1 / (1 + z / 2): P interpolated at Chebyshev points
ERFC = {
    "float32": (
        0.510791353, 0.343580333, 0.139736033, 0.0182213842, -0.0107551162, -0.0032418549,
        0.00154404768, 0.000427020151, -0.000328100148, -3.29515393e-05, 6.76878069e-05,
        -1.32739552e-06, -8.5088699e-06,
    ),
    "float64": (
        0.5107913526210115, 0.34358034220690514, 0.13973604627802688, 0.01822111575345904,
        -0.010755330944716365, -0.0032395925345820673, 0.0015453060290576436, 0.0004186480432791111,
        -0.00033153674761946043, -1.7185831874889752e-05, 7.223535061438543e-05,
        -1.7073781133818914e-05, -1.0848057268891096e-05, 8.05787586714734e-06, -5.628166935192924e-07,
        -1.8150355080541665e-06, 1.00091858626541e-06, -1.3754508233185945e-08, -2.855481823834117e-07,
        1.7867229479168533e-07, -1.6982724012935667e-09, -6.965842943409138e-08, 2.9041985444209086e-08,
        1.3216325517632649e-08, -9.744756625932259e-09, -1.05903331435718e-09, 1.2051665995883637e-09,
    ),
}


def _polynomial(coefficients, dtype):
    """c[0] + x (c[1] + c[2] x + ...), written out; the sum by twos, for Horner's rule is one long wait"""
    first, *terms = [f"np.{dtype}({c!r})" for c in coefficients]
    power = "x"
    while len(terms) > 1:
        joined = [f"({a} + {power} * {b})" for a, b in zip(terms[::2], terms[1::2])]
        terms, power = joined + terms[2 * len(joined):], f"({power} * {power})"
    scope = {"np": np}
    exec(compile(f"def polynomial(x):\n    return {first} + x * {terms[0]}", __file__, "exec"), scope)
    return formula(scope["polynomial"])


def _both(name, build):
    """A function for compiled code: `build(dtype, int dtype)` gives what is called for that dtype."""
    by_type = {getattr(types, real): build(real, whole) for real, whole in (SINGLE, DOUBLE)}

    def f(x):
        """Of float32 or float64, in compiled code."""

    @overload(f)
    def _implementation(x):
        chosen = by_type[x]
        return lambda x: chosen(x)
    f.__name__ = name
    return f


def _reduced(dtype, whole, halves=1):
    """x -> (p, s) with exp(x) = 2^halves s (1 + p), s a power of two; by the half, it is finite where exp is"""
    T, W = np.dtype(dtype).type, np.dtype(whole).type
    (bias, place), (c1, c2), per_log2 = SHIFT[dtype], map(T, LOG2[dtype]), T(1 / math.log(2))
    low, high = T((halves - bias) * math.log(2)), T(HIGH[dtype] if halves else np.inf)      # s is 0 from low on
    whole_numbers = T(1.5 * 2.0 ** place + bias - halves)   # what is added to so much is rounded, to an exponent's bits
    place, tail = W(place), _polynomial(EXP[dtype], dtype)

    @formula
    def reduced(x):
        x = low if x < low else x
        x = high if x > high else x
        exponent = x * per_log2 + whole_numbers
        n = exponent - whole_numbers
        r = x - n * c1 - n * c2
        return r + r * r * tail(r), W(T(exponent).view(W) << place).view(T)
    return reduced


def _exp(dtype, whole, halves=1):
    reduced, scale = _reduced(dtype, whole, halves), np.dtype(dtype).type(2 ** halves)

    @formula
    def exp(x):
        p, s = reduced(x)
        return scale * (p * s + s)
    return exp


def _expm1(dtype, whole):
    reduced, one, two = _reduced(dtype, whole), np.dtype(dtype).type(1), np.dtype(dtype).type(2)

    @formula
    def expm1(x):
        p, s = reduced(x)
        return two * p * s + (two * s - one)
    return expm1


def _log1p(dtype, whole):
    """log(1 + x) = 2 artanh(x / (2 + x)), a series in at most 1 / 9"""
    two = np.dtype(dtype).type(2)
    series = _polynomial([2 / (2 * k + 1) for k in range(LOG_TERMS[dtype])], dtype)

    @formula
    def log1p(x):
        s = x / (two + x)
        return s * series(s * s)
    return log1p


def _log_normal(dtype, whole):
    """x = 2^n m, m in [sqrt(1/2), sqrt(2)): n log 2 + 2 artanh((m - 1) / (m + 1)), a series in at most 0.172^2"""
    T, W = np.dtype(dtype).type, np.dtype(whole).type
    place, (c1, c2) = W(SHIFT[dtype][1]), map(T, LOG2[dtype])
    one, root, mantissa = T(1), W(T(0.5 ** 0.5).view(whole)), W((1 << SHIFT[dtype][1]) - 1)
    series = _polynomial([2 / (2 * k + 1) for k in range(LOG_NORMAL_TERMS[dtype])], dtype)

    @formula
    def log_normal(x):
        bits = T(x).view(W) - root
        n, m = bits >> place, W((bits & mantissa) + root).view(T)
        s = (m - one) / (m + one)
        y = T(n) * c1 + (T(n) * c2 + s * series(s * s))
        return y if x == x else x
    return log_normal


def _erfc(dtype, whole):
    T = np.dtype(dtype).type
    one, two, half = T(1), T(2), T(0.5)
    series, power = _polynomial(ERFC[dtype], dtype), _exp(dtype, whole, halves=0)

    @formula
    def erfc(z):
        t = one / (one + half * z)
        return power(-z * z) * t * series(two * t - one)
    return erfc


def _erf(dtype, whole):
    terms = range(ERF_TERMS[dtype])
    series = _polynomial([(-1) ** k * 2 / (math.sqrt(math.pi) * math.factorial(k) * (2 * k + 1)) for k in terms], dtype)

    @formula
    def erf(x):
        return x * series(x * x)
    return erf


exp = _both("exp", _exp)
exp_negative = _both("exp_negative", lambda *kinds: _exp(*kinds, halves=0))       # of what is at most 0, in fewer steps
expm1_negative = _both("expm1_negative", _expm1)        # below 80; what is larger, overflows a little early
log1p_unit = _both("log1p_unit", _log1p)                # from 0 to 1
log_normal = _both("log_normal", _log_normal)           # of what is positive, finite and no smaller than normal; NaN
erfc_positive = _both("erfc_positive", _erfc)
erf_near = _both("erf_near", _erf)                      # below 1 / 2


@formula
def log(x):
    return type(x)(np.log(x))


@formula
def erf(x):
    T = type(x)
    far = T(1) - erfc_positive(abs(x))
    return erf_near(x) if abs(x) < T(0.5) else -far if x < 0 else far


@formula
def tanh(x):
    T = type(x)
    e = expm1_negative(T(-2) * abs(x))
    y = e / (e + T(2))
    return -y if x > 0 else y


@formula
def sigmoid(x):
    T = type(x)
    e = exp_negative(-abs(x))
    return (e if x < 0 else T(1)) / (T(1) + e)


@formula
def softplus(x):
    return (type(x)(0) if x < 0 else x) + log1p_unit(exp_negative(-abs(x)))


@formula
def tanh_softplus(x):
    """With e = exp(-|x|) both signs are quotients of positive terms."""
    T = type(x)
    e = exp_negative(-abs(x))
    top = e * (e + T(2)) if x < 0 else T(1) + T(2) * e
    return top / (top + (T(2) if x < 0 else T(2) * e * e))


HALF_MOST = np.float32(65520)                              # from here on float16 is infinite


@formula
def round_float16(x):
    """11 bits, ties to even; below 2^-14 multiples of 2^-24, as sums near 0.75 are."""
    z = np.float32(x)
    bits = z.view(np.int32)
    y = np.int32((bits + 4095 + (bits >> 13 & 1)) & -8192).view(np.float32)
    y = y if abs(z) < HALF_MOST else z * np.float32(np.inf)
    return (z + np.float32(0.75)) - np.float32(0.75) if abs(z) < np.float32(2.0 ** -14) else y


@formula
def round_bfloat16(x):
    """8 bits, ties to even."""
    z = np.float32(x)
    bits = z.view(np.int32)
    y = np.int32((bits + 32767 + (bits >> 16 & 1)) & -65536).view(np.float32)
    return y if z == z else z


@formula
def clip(x, low, high):
    return low if x < low else high if x > high else x


@formula
def sign(x):
    return type(x)(1) if x > 0 else type(x)(-1) if x < 0 else x


@formula
def normal_cdf(x):
    T = type(x)
    tail = T(0.5) * erfc_positive(abs(x) * T(0.7071067811865476))
    return tail if x < 0 else T(1) - tail


@formula
def gelu_argument(x):
    """(1 + tanh(u)) / 2 = sigmoid(2 u): this is 2 u, and no digits are lost where tanh is near -1."""
    T = type(x)
    return T(1.5957691216057308) * (x + T(0.044715) * x * x * x)
