"""Functions of single elements."""
# ruff: noqa: I001 - long lists of names, filled
import math

from .._config import floatx
from ..tensor import op
from .arithmetic import (add, divide, equal, less, less_equal, logical_and, logical_or, maximum, minimum, multiply,
                         subtract, where)
from .core import array, as_dtype, floating, into, kernels_of, named, tensor
from .create import cast, limits, stop_gradient

KEEP_INTEGERS = {"abs", "negative", "sign", "square", "relu", "relu6", "trunc", "clip"}
SIGNED = {"sign", "square", "negative", "clip"}         # of booleans: as int32


@op
def _unary(x, *, name, alpha=0.0, beta=0.0):
    x = array(x) if name in KEEP_INTEGERS else floating(x)
    x = as_dtype(x, "int32") if name in SIGNED and x.dtype == "bool" else x
    k = kernels_of(x)
    y = k.unary(name, x, alpha, beta)
    return y, lambda dy, need: (k.unary_backward(name, dy, x, y, alpha, beta, out=into(need[0])),)


def unary(name: str, meaning: str = ""):
    def f(x):
        return _unary(x, name=name)
    return named(f, name, meaning or f"{name} of each element.")


abs, negative, sign, square, floor, ceil, trunc = map(unary, "abs negative sign square floor ceil trunc".split())
exp, expm1, log1p, log2, log10, sqrt, rsqrt = map(unary, "exp expm1 log1p log2 log10 sqrt rsqrt".split())
sin, cos, tan, arcsin, arccos, arctan = map(unary, "sin cos tan arcsin arccos arctan".split())
sinh, cosh, tanh, arcsinh, arccosh, arctanh = map(unary, "sinh cosh tanh arcsinh arccosh arctanh".split())
reciprocal, erf, relu, relu6, selu, silu, mish = map(unary, "reciprocal erf relu relu6 selu silu mish".split())
sigmoid, log_sigmoid, softplus, softsign = map(unary, "sigmoid log_sigmoid softplus softsign".split())
hard_sigmoid, hard_silu = map(unary, "hard_sigmoid hard_silu".split())
_round, log = unary("round"), unary("log", "The natural logarithm of each element.")
logical_not = unary("logical_not", "True where x is False or 0.")
isnan = unary("isnan", "True where x is not a number.")
isinf = unary("isinf", "True where x is infinite.")
isfinite = unary("isfinite", "True where x is neither infinite nor NaN.")
absolute, swish, hard_swish = abs, silu, hard_silu


def round(x, decimals: int = 0):
    """Each element rounded to a number of decimals, halves to even."""
    x = tensor(x)
    if is_integer(x):
        return stop_gradient(x) if decimals >= 0 else cast(round(cast(x, "float64"), decimals), x.dtype)
    return _round(x) if not decimals else divide(_round(multiply(x, 10.0 ** decimals)), 10.0 ** decimals)


def leaky_relu(x, negative_slope: float = 0.2):
    """x where x >= 0, negative_slope * x elsewhere."""
    return _unary(x, name="leaky_relu", alpha=float(negative_slope))


def elu(x, alpha: float = 1.0):
    """x where x >= 0, alpha * (exp(x) - 1) elsewhere."""
    return _unary(x, name="elu", alpha=float(alpha))


def celu(x, alpha: float = 1.0):
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1))"""
    return _unary(x, name="celu", alpha=float(alpha))


def gelu(x, approximate: bool = True):
    """x * Phi(x), by tanh or exactly by erf."""
    return _unary(x, name="gelu", alpha=float(bool(approximate)))


def clip(x, x_min, x_max):
    """x between two bounds, numbers or arrays."""
    x = tensor(x)
    numbers = int if is_integer(x) else int | float
    if isinstance(x_min, numbers) and isinstance(x_max, numbers):
        return _unary(x, name="clip", alpha=x_min, beta=x_max)
    return minimum(maximum(x, x_min), x_max)


def binary_step(x):
    """1 where x >= 0, 0 elsewhere."""
    return where(less(x, 0), 0.0, where(isnan(x), x, 1.0))


def exp2(x):
    """2 to the power of each element."""
    return exp(multiply(x, math.log(2.0)))


def unary_power(x, exponent):
    """Floats to the power of a number."""
    return _unary(x, name="power", alpha=float(exponent))


def is_integer(x) -> bool:
    """Is the dtype an integer or bool?"""
    return str(x.dtype).startswith(("int", "uint", "bool")) if hasattr(x, "dtype") else False


def as_floats(x):
    """Integers and booleans as floats; floats stay."""
    x = tensor(x)
    return cast(x, floatx()) if is_integer(x) else x


def isposinf(x):
    """True where x is plus infinity."""
    return equal(x, float("inf"))


def isneginf(x):
    """True where x is minus infinity."""
    return equal(x, float("-inf"))


def isclose(x1, x2, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False):
    """True where |x1 - x2| <= atol + rtol * |x2|, or both are the same infinity."""
    x1, x2 = as_floats(x1), as_floats(x2)
    near = less_equal(abs(subtract(x1, x2)), add(multiply(abs(x2), rtol), atol))
    near = logical_or(logical_and(near, isfinite(x2)), equal(x1, x2))
    return logical_or(near, logical_and(isnan(x1), isnan(x2))) if equal_nan else near


def nan_to_num(x, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None):
    """NaN replaced by a number, infinities by the largest ones or given ones."""
    x = tensor(x)
    if is_integer(x):
        return stop_gradient(x)
    most = limits(str(x.dtype))[1]
    x = where(isnan(x), nan, x)
    x = where(isposinf(x), most if posinf is None else posinf, x)
    return where(isneginf(x), -most if neginf is None else neginf, x)


def erfinv(x):
    """The inverse of erf on (-1, 1), infinite at the ends: a close first guess, then Halley's method."""
    given, x = x, stop_gradient(x)
    tiny = 1e-300 if str(x.dtype) == "float64" else 1e-37
    w = negative(log(maximum(multiply(subtract(1.0, x), add(x, 1.0)), tiny)))
    half = subtract(2.0 / (math.pi * GUESS), multiply(w, 0.5))
    ratio = multiply(w, 1.0 / GUESS)
    y = multiply(sign(x), sqrt(divide(ratio, add(sqrt(add(square(half), ratio)), half))))
    for _ in range(2):
        d = multiply(subtract(erf(y), x), _slope(y))
        y = subtract(y, divide(d, add(multiply(y, d), 1.0)))
    y = stop_gradient(where(less(abs(x), 1.0), y, multiply(sign(x), negative(log(subtract(1.0, abs(x)))))))
    end = logical_not(isfinite(y))
    return where(end, y, add(y, multiply(subtract(given, erf(y)), _slope(where(end, 0.0, y)))))


GUESS = 0.147                           # Winitzki's constant: right to 0.2 %


def _slope(y):
    """1 / erf'(y)"""
    return multiply(exp(square(y)), math.sqrt(math.pi) / 2)
