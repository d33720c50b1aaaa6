"""Rows: functions of elements, of pairs, reductions."""
import math

import numpy as np

from gpunn import ops

from .table import SPECIAL, distinct, flags, greater, ids, less, n, pairs, pos, row, shapes, unit

erf = np.vectorize(math.erf, otypes=[float])


def smooth(name, reference, make=n, special=True, **more):
    """An analytic function of one element."""
    row(name, reference, shapes(make) + ([(SPECIAL,)] if special else []), (0,), **more)


def magnitude(x):
    return np.where(less(x, 0), -x, x)


def sigmoid(x):
    e = np.exp(-magnitude(x))
    return np.where(greater(x, 0), 1 / (1 + e), e / (1 + e))


def softplus(x):
    return np.where(greater(x, 0), x, 0) + np.log1p(np.exp(-magnitude(x)))


for name in ("exp", "expm1", "sin", "cos", "tan", "sinh", "cosh", "arctan", "arcsinh", "square", "negative"):
    smooth(name, getattr(np, name))
smooth("tanh", np.tanh)
for name in ("log", "log2", "log10", "sqrt", "reciprocal"):
    smooth(name, getattr(np, name), pos)
smooth("log1p", np.log1p, pos)
smooth("exp2", lambda x: np.exp(x * math.log(2)))
smooth("rsqrt", lambda x: 1 / np.sqrt(x), pos)
for name in ("arcsin", "arccos", "arctanh"):
    smooth(name, getattr(np, name), unit)
row(
    "arccosh", np.arccosh, [(1.0 + pos(3, 4),), (np.asarray(1.0 + pos()),), (pos(0, 2) + 1,), (SPECIAL,)],
    (0,)
)
row(
    "erf",
    lambda x: (
        erf(x.real) + 1j * 2 / math.sqrt(math.pi) * np.exp(-(x.real**2)) * x.imag if np.iscomplexobj(x)
        else erf(x)
    ),
    shapes(n),
    (0,),
)


def erfinv_reference(x):
    """By bisection on erf, and the derivative of the inverse function."""
    low, high = np.full(x.shape, -6.0), np.full(x.shape, 6.0)
    for _ in range(80):
        middle = (low + high) / 2
        below = erf(middle) < x.real
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    y = (low + high) / 2
    return y + 1j * x.imag * math.sqrt(math.pi) / 2 * np.exp(y ** 2) if np.iscomplexobj(x) else y


row("erfinv", erfinv_reference, [(unit(3, 4),), (unit(),), (unit(0, 3),)], (0,), rtol=10)
smooth("abs", magnitude)
smooth("sigmoid", sigmoid)
smooth("softplus", softplus)
smooth("log_sigmoid", lambda x: -softplus(-x))
smooth("silu", lambda x: x * sigmoid(x), special=False)
smooth("mish", lambda x: x * np.tanh(softplus(x)), special=False)
smooth("softsign", lambda x: x / (1 + magnitude(x)), special=False)
smooth("relu", lambda x: np.where(less(x, 0), 0 * x, x), special=False)
smooth(
    "relu6", lambda x: np.where(less(x, 0), 0, np.where(greater(x, 6), 6, x)), lambda *s: n(*s) * 5,
    special=False
)
smooth("leaky_relu", lambda x: np.where(less(x, 0), 0.2 * x, x), special=False)
row(
    "leaky_relu", lambda x, negative_slope: np.where(less(x, 0), negative_slope * x, x), [(n(3, 4), 0.05)],
    (0,)
)
smooth("elu", lambda x: np.where(less(x, 0), np.expm1(x), x), special=False)
row("celu", lambda x, alpha: np.where(less(x, 0), alpha * np.expm1(x / alpha), x), [(n(3, 4), 0.7)], (0,))
smooth("selu", lambda x: 1.0507009873554804934193349852946 * np.where(
    less(x, 0), 1.6732632423543772848170429916717 * np.expm1(x), x), special=False)
smooth(
    "gelu", lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))), special=False
)
row(
    "gelu", lambda x, approximate: 0.5 * x * (1 + erf(x / math.sqrt(2))), [(n(3, 4), False)], (0,),
    analytic=False
)
smooth("hard_sigmoid", lambda x: np.clip(x.real / 6 + 0.5, 0, 1) + 1j * x.imag / 6 * (np.abs(x.real) < 3)
       if np.iscomplexobj(x) else np.clip(x / 6 + 0.5, 0, 1), lambda *s: n(*s) * 3, special=False)
smooth(
    "hard_silu", lambda x: x * np.where(less(x, -3), 0, np.where(greater(x, 3), 1, x / 6 + 0.5)),
    lambda *s: n(*s) * 3, special=False
)
smooth("hard_tanh", lambda x: np.where(less(x, -1), -1, np.where(greater(x, 1), 1, x)), special=False)
smooth("hard_shrink", lambda x: np.where(less(magnitude(x), 0.5), 0, x), special=False)
smooth(
    "soft_shrink", lambda x: np.where(less(x, -0.5), x + 0.5, np.where(greater(x, 0.5), x - 0.5, 0)),
    special=False
)
row("tanh_shrink", lambda x: x - np.tanh(x), [(n(3, 4),), (n(),), (n(0, 3),)], (0,), rtol=10)
smooth("squareplus", lambda x: (x + np.sqrt(x * x + 4)) / 2, special=False)
row("threshold", lambda x, t, d: np.where(greater(x, t), x, d), [(n(3, 4), 0.5, -1.0)], (0,))
row(
    "glu", lambda x, axis: np.split(x, 2, axis)[0] * sigmoid(np.split(x, 2, axis)[1]),
    [(n(3, 4), -1), (n(4, 3), 0)], (0,)
)
for name in ("sign", "floor", "ceil", "trunc"):
    row(name, getattr(np, name), [(n(3, 4) * 3,), (n(),), (n(0, 3),), (SPECIAL,)], (0,), analytic=False)
row("round", np.round, [(n(3, 4) * 3,), (np.array([0.5, 1.5, 2.5, -0.5]),), (n(3) * 100, -1), (n(3), 2)])
row("binary_step", lambda x: (x >= 0).astype(float), [(n(3, 4),), (np.zeros(2),)])
row("clip", lambda x, a, b: np.where(less(x, a), a, np.where(greater(x, b), b, x)),
    [(n(3, 4), -0.5, 0.5), (n(0, 2), 0, 1), (n(3, 4), -pos(4), pos(4))], (0,))
for name in ("isnan", "isinf", "isfinite", "isposinf", "isneginf", "logical_not"):
    row(name, getattr(np, name), [(SPECIAL,), (n(3, 4),), (n(0),)])
row("nan_to_num", np.nan_to_num, [(np.array([np.nan, 1.0]),)])
row("nan_to_num", lambda x, *a: np.nan_to_num(x, True, *a), [(SPECIAL, 1.0, 2.0, -3.0)])

row("add", np.add, pairs(n), (0, 1))
row("subtract", np.subtract, pairs(n), (0, 1))
row("multiply", np.multiply, pairs(n), (0, 1))
row("divide", np.divide, pairs(n, pos), (0, 1))
row("power", np.power, pairs(pos, n), (0, 1))
row(
    "power", np.power, [(n(3, 4), 2), (n(3, 4), 3), (pos(3), 0.5), (pos(3), -1), (ids(5, 3), 2)], (0,),
    symbolic=False, f=lambda x, e: ops.power(x, e)
)
row("maximum", lambda a, b: np.where(greater(a, b), a, b), pairs(n), (0, 1))
row("minimum", lambda a, b: np.where(greater(a, b), b, a), pairs(n), (0, 1))
row("arctan2", np.arctan2, pairs(n, pos), (0, 1), analytic=False)
row("logaddexp", lambda a, b: np.log(np.exp(a) + np.exp(b)), pairs(n), (0, 1))
row("logaddexp", np.logaddexp, [(np.array([1e3, -1e3]), np.array([1e3, 0.0]))])
row("floor_divide", np.floor_divide, pairs(n, pos) + [(ids(9, 4), np.int32(4))])
row("mod", np.mod, [(n(3, 4), pos(3, 4)), (n(3), 0.7), (ids(9, 4), ids(4, 4) + 1)], (0,), analytic=False)
row("mod", np.mod, [(n(3, 4) * 3, pos(4))], (0, 1), analytic=False)
row("divide_no_nan", lambda a, b: np.where(b.real == 0, 0, a / np.where(b.real == 0, 1, b)),
    [(n(4), np.array([0.0, 1, 2, 0])), (n(3), n(3))], (0, 1))
for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
    row(
        name, getattr(np, name),
        [(ids(3, 4, 4), ids(3, 4)), (n(3), n(3)), (n(0), n(0)), (SPECIAL, SPECIAL), (n(3), 0.0)]
    )
for name in ("logical_and", "logical_or", "logical_xor"):
    row(name, getattr(np, name), [(flags(3, 4), flags(4)), (flags(3), True), (n(3), np.zeros(3))])
for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift"):
    row(name, getattr(np, name), [(ids(9, 5), ids(4, 5))], dtypes=("float64",), symbolic=False)
row("bitwise_invert", np.invert, [(ids(9, 5),)], dtypes=("float64",), symbolic=False)
row(
    "where", np.where,
    [(flags(3, 4), n(3, 4), n(4)), (flags(3, 1), n(), n(4)), (flags(3), n(3), 0.0), (flags(0), n(0), n(0))],
    (1, 2)
)
row("select", np.select, [([flags(4), flags(4)], [n(4), n(4)], 0.5)], symbolic=False)
row(
    "isclose", np.isclose,
    [(np.array([1.0, 1.0, np.nan, np.inf]), np.array([1.0 + 1e-7, 1.1, np.nan, np.inf]))]
)
row(
    "allclose", lambda a, b: np.asarray(np.allclose(a, b)),
    [(np.ones(3), np.ones(3) + 1e-7), (np.ones(3), np.zeros(3))]
)


def axes(make):
    """One argument and an axis, in every form."""
    return [
        (make(3, 4),), (make(3, 4), 0), (make(3, 4), -1, {"keepdims": True}), (make(2, 3, 4), (0, 2)),
        (make(),), (make(4, 3).T, 1)
    ]


def top(x, axis=None, keepdims=False, by=np.argmax):
    """The extreme by its real part."""
    if isinstance(axis, tuple):
        x, axis = (
            np.moveaxis(x, axis, range(len(axis))).reshape(
                -1, *[m for i, m in enumerate(x.shape) if i not in axis]
            ),
            0,
        )
    flat, axis_ = (x.reshape(-1), 0) if axis is None else (x, axis)
    place = np.expand_dims(by(flat.real, axis_), axis_)
    y = np.take_along_axis(flat, place, axis_)
    return (y.reshape((1,) * x.ndim) if axis is None else y) if keepdims else np.squeeze(y, axis_)


row(
    "sum", np.sum, axes(n) + [(n(0, 3), 0), (flags(3, 4), 1), (ids(9, 3),)], (0,),
    f=lambda x, *a, **o: ops.sum(x, *a, **o)
)
row("mean", np.mean, axes(n) + [(n(3, 0), 0)], (0,))
row("mean", np.mean, [(flags(3, 4), 1), (ids(9, 3),)], dtypes=("float32",))
row("prod", np.prod, axes(n) + [(n(0, 3), 0)], (0,))
row("prod", np.prod, [(np.array([[0.0, 2, 3], [0, 0, 3], [1, 2, 3]]), 1)], (0,))
row("max", top, axes(distinct), (0,))
row("min", lambda *a, **o: top(*a, **o, by=np.argmin), axes(distinct), (0,))
row("max", lambda x, initial: np.max(x, initial=initial), [(n(3), {"initial": 9.0})])
row("min", lambda x, initial: np.min(x, initial=initial), [(n(3), {"initial": -9.0})])
row("any", np.any, [(flags(3, 4),), (flags(3, 4), 0), (n(3, 4) > 2, 1), (np.zeros(3),), (flags(0),)])
row("all", np.all, [(flags(3, 4),), (flags(3, 4), 0, {"keepdims": True}), (n(3),), (flags(0),)])


def place(f):
    return lambda x, *a, **o: np.asarray(f(x, *a, **o), np.int32)


row(
    "argmax", place(np.argmax),
    [(distinct(3, 4),), (distinct(3, 4), 1), (distinct(3, 4), 0, {"keepdims": True}), (np.ones(3), 0)]
)
row("argmin", place(np.argmin), [(distinct(3, 4),), (distinct(3, 4), -1), (np.ones(3),)])
row("count_nonzero", place(np.count_nonzero), [(flags(3, 4), 1), (np.array([0.0, 1, 2]),)])
row("var", lambda x, *a, **o: ((x - x.mean(*a, keepdims=True)) ** 2).mean(*a, **o), axes(n), (0,), rtol=10)
row(
    "std", lambda x, *a, **o: np.sqrt(((x - x.mean(*a, keepdims=True)) ** 2).mean(*a, **o)),
    [(n(3, 4),), (n(3, 4), 0)], (0,), rtol=10
)
row(
    "ptp", lambda x, *a: top(x, *a) - top(x, *a, by=np.argmin), [(distinct(3, 4),), (distinct(3, 4), 1)], (0,)
)
row(
    "average",
    lambda x, axis=None, weights=None: np.average(x, axis, weights) if weights is not None else x.mean(axis),
    [(n(3, 4),), (n(3, 4), 0), (n(3, 4), 1, {"weights": pos(4)}), (n(3, 4), None, {"weights": pos(3, 4)})],
    (0,), symbolic=False
)
row(
    "logsumexp", lambda x, axis=None, keepdims=False: np.log(np.exp(x).sum(axis, keepdims=keepdims)), axes(n),
    (0,)
)
row("logsumexp", lambda x: np.asarray(-np.inf), [(np.full(3, -np.inf),)])
row(
    "norm", lambda x, ord=None, axis=None: np.sqrt((x * x).sum(axis)),
    [(n(3, 4),), (n(3, 4), 2, 1), (n(2, 3, 4), "fro", (1, 2))], (0,)
)
row(
    "norm",
    lambda x, *a, **o: np.linalg.norm(x, *a, **o),
    [
        (n(3, 4), 1, 0), (n(3, 4), np.inf, 1), (n(3, 4), 1), (n(3, 4), "nuc"), (n(3), 3), (n(3), 0),
        (n(3, 4), -np.inf)
    ],
    symbolic=False,
)
row(
    "cumsum", lambda x, axis=None: np.cumsum(x, axis),
    [(n(3, 4),), (n(3, 4), 0), (n(3, 4), -1), (n(0, 3), 0)], (0,)
)
