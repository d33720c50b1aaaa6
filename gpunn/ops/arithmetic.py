"""Functions of two operands with broadcasting: arithmetic, comparisons, logic, bits; and `where`."""
import operator
from math import log as natural_log

from ..backend import backend_of, host_read
from ..tensor import op
from .core import array, as_dtype, common, common_floats, common_numbers, fit, kernels_of, named, wide


def binary(name: str, da=None, db=None, operands=common):
    """An op of two operands; da(k, dy, a, b, y) and db: their gradients in the shape of y."""
    @op
    def f(x1, x2):
        a, b = operands(x1, x2)
        k = kernels_of(a if hasattr(a, "dtype") else b)
        y = k.binary(name, a, b)
        if da is None:
            return y, None
        like = [(x.shape, x.dtype) if hasattr(x, "dtype") else None for x in (x1, x2)]
        return y, lambda dy, need: tuple([None if n is None else fit(k, grad(k, dy, a, b, y), *of, n)
                                          for n, grad, of in zip(need, (da, db), like)])
    return named(f, name, f"{name} of two operands, element by element, with broadcasting.")


def _power_da(k, dy, a, b, y):
    """b * a ** (b - 1)"""
    return k.binary("multiply", dy, k.binary("multiply", k.binary("power", a, k.binary("subtract", b, 1.0)), b))


def _power_db(k, dy, a, b, y):
    """y * log(a), which counts as 0 where a <= 0"""
    if not hasattr(a, "dtype"):
        return k.binary("multiply", dy, k.binary("multiply", y, natural_log(a) if a > 0 else 0.0))
    logs = k.unary("log", k.where(k.binary("greater", a, 0.0), a, 1.0))
    return k.binary("multiply", dy, k.binary("multiply", y, logs))


def _winner(wins: str):
    """The gradient goes to the operand that won, half to each at a tie."""
    def grad(k, dy, a, b, y):
        won = k.where(k.binary(wins, a, b), dy, 0.0)
        return k.where(k.binary("equal", a, b), k.binary("multiply", dy, 0.5), won)
    return grad


def _over_squares(k, dy, x, a, b):
    return k.binary("divide", k.binary("multiply", dy, x),
                    k.binary("add", k.binary("multiply", a, a), k.binary("multiply", b, b)))


def _share(k, dy, x, y):
    return k.binary("multiply", dy, k.unary("exp", k.binary("subtract", x, y)))


def arrays(a, b):
    """Two operands as arrays in their common float dtype."""
    return common_floats(*common(array(a), array(b)))


add = binary("add", lambda k, dy, a, b, y: dy, lambda k, dy, a, b, y: dy)
subtract = binary("subtract", lambda k, dy, a, b, y: dy, lambda k, dy, a, b, y: k.unary("negative", dy))
multiply = binary("multiply", lambda k, dy, a, b, y: k.binary("multiply", dy, b),
                  lambda k, dy, a, b, y: k.binary("multiply", dy, a))
divide = true_divide = binary(
    "divide", lambda k, dy, a, b, y: k.binary("divide", dy, b),
    lambda k, dy, a, b, y: k.unary("negative", k.binary("multiply", dy, k.binary("divide", y, b))), common_floats)
floor_divide = binary("floor_divide")
mod = binary("mod", lambda k, dy, a, b, y: dy,
             lambda k, dy, a, b, y: k.unary("negative", k.binary("multiply", dy, k.binary("floor_divide", a, b))),
             common_numbers)
maximum = binary("maximum", _winner("greater"), _winner("less"))
minimum = binary("minimum", _winner("less"), _winner("greater"))
arctan2 = binary("arctan2", lambda k, dy, a, b, y: _over_squares(k, dy, b, a, b),
                 lambda k, dy, a, b, y: k.unary("negative", _over_squares(k, dy, a, a, b)), arrays)
logaddexp = binary("logaddexp", lambda k, dy, a, b, y: _share(k, dy, a, y), lambda k, dy, a, b, y: _share(k, dy, b, y),
                   arrays)
equal, not_equal = binary("equal"), binary("not_equal")
less, less_equal = binary("less"), binary("less_equal")
greater, greater_equal = binary("greater"), binary("greater_equal")
logical_and, logical_or, logical_xor = binary("logical_and"), binary("logical_or"), binary("logical_xor")
_power = binary("power", _power_da, _power_db, common_numbers)


def power(x1, x2):
    """x1 ** x2; a constant exponent on floats has a kernel of its own."""
    if isinstance(x2, int | float) and "float" in str(getattr(x1, "dtype", "")):
        from .math import square, unary_power
        return square(x1) if x2 == 2 else unary_power(x1, x2)
    return _power(x1, x2)


def divide_no_nan(x1, x2):
    """x1 / x2, and 0 where x2 is 0."""
    none = equal(x2, 0)
    return where(none, 0.0, divide(x1, where(none, 1.0, x2)))


@op
def _where(condition, x1, x2):
    a, b = common(x1, x2)
    condition = as_dtype(array(condition), "bool")
    k = kernels_of(condition)
    like = [(x.shape, x.dtype) if hasattr(x, "dtype") else None for x in (x1, x2)]
    y = k.where(condition, a, b)

    def backward(dy, need):
        da = None if need[1] is None else fit(k, k.where(condition, dy, 0.0), *like[0], need[1])
        db = None if need[2] is None else fit(k, k.where(condition, 0.0, dy), *like[1], need[2])
        return None, da, db
    return y, backward


def where(condition, x1=None, x2=None):
    """x1 where the condition holds, x2 elsewhere; with the condition alone: the indices where it holds."""
    if x1 is None and x2 is None:
        from .index import nonzero
        return nonzero(condition)
    return _where(condition, x1, x2)


def select(condlist, choicelist, default=0):
    """The first choice whose condition holds, else the default."""
    y = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        y = where(condition, choice, y)
    return y


def bits(name: str, f):
    """An op on the bits of integers, by the array's own operator; it cannot be part of a recorded step."""
    @op
    def apply(x, y):
        host_read(name)
        x, y = map(wide, common(x, y))
        return backend_of(x if hasattr(x, "dtype") else y).xp.asarray(f(x, y)), None
    return named(apply, name, f"{name} of integers, element by element.")


def by_library(name: str):
    """An op of two operands by the array library's function of this name."""
    return bits(name, lambda x, y: getattr(backend_of(x if hasattr(x, "dtype") else y).xp, name)(x, y))


bitwise_and, bitwise_or = bits("bitwise_and", operator.and_), bits("bitwise_or", operator.or_)
bitwise_xor = bits("bitwise_xor", operator.xor)
bitwise_left_shift = left_shift = bits("left_shift", operator.lshift)
bitwise_right_shift = right_shift = bits("right_shift", operator.rshift)


@op
def bitwise_invert(x):
    """Every bit of integers flipped."""
    host_read("bitwise_invert")
    x = array(x)
    return backend_of(x).xp.asarray(operator.invert(x)), None


bitwise_not = bitwise_invert
