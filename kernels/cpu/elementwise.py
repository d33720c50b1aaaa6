"""Functions of every element. What is slow or missing in NumPy is compiled from the formulas below."""
import functools
import math

import numpy as np

from . import maths
from .launch import call, own, parallel_kernel
from .memory import LARGE, contiguous, copy, fill
from .ufunc import apply

UFUNC = {"abs": np.absolute, "round": np.rint} | {name: getattr(np, name) for name in (
    "negative sign expm1 log log1p log2 log10 sqrt square reciprocal sin cos tan arcsin arccos arctan sinh "
    "cosh arcsinh arccosh arctanh floor ceil trunc logical_not isnan isinf isfinite").split()}
TO_BOOL = {"logical_not", "isnan", "isinf", "isfinite"}
# what a function is for an alpha
SPECIAL = {("gelu", 1): "gelu_tanh", ("power", -1): "reciprocal", ("power", -0.5): "rsqrt", ("power", 0.5): "sqrt",
           ("power", 3): "cube"}
FLAT = {"sign", "floor", "ceil", "round", "trunc", "binary_step"}       # slope 0 wherever there is one

# y of x, alpha (a), beta (b), None where NumPy has it; dy/dx of x and y; what that needs first. T is the dtype.
FORMULA = {
    "abs": (None, "sign(x)"),
    "negative": (None, "T(-1)"),
    "expm1": (None, "exp(x)"),
    "log": (None, "T(1) / x"),
    "log1p": (None, "T(1) / (T(1) + x)"),
    "log2": (None, "T(1.4426950408889634) / x"),
    "log10": (None, "T(0.4342944819032518) / x"),
    "sqrt": (None, "T(0.5) / y"),
    "square": (None, "T(2) * x"),
    "reciprocal": (None, "-y * y"),
    "cos": (None, "-T(math.sin(x))"),
    "tan": (None, "T(1) + y * y"),
    "arcsin": (None, "T(1) / T(math.sqrt((T(1) - x) * (T(1) + x)))"),
    "arccos": (None, "T(-1) / T(math.sqrt((T(1) - x) * (T(1) + x)))"),
    "arctan": (None, "T(1) / (T(1) + x * x)"),
    "sinh": (None, "T(math.cosh(x))"),
    "cosh": (None, "T(math.sinh(x))"),
    "arcsinh": (None, "T(1) / T(math.sqrt(T(1) + x * x))"),
    "arccosh": (None, "T(1) / T(math.sqrt((x - T(1)) * (x + T(1))))"),
    "arctanh": (None, "T(1) / ((T(1) - x) * (T(1) + x))"),
    "exp": ("exp(x)", "y"),
    "exponential": ("exp(x)", "y"),
    "tanh": ("tanh(x)", "(T(1) - y) * (T(1) + y)"),
    "rsqrt": ("T(1) / T(math.sqrt(x))", "T(-0.5) * y * y * y"),
    "erf": ("erf(x)", "T(1.1283791670955126) * exp_negative(-x * x)"),
    "sigmoid": ("sigmoid(x)", "y * (T(1) - y)"),
    "log_sigmoid": ("-softplus(-x)", "sigmoid(-x)"),
    "relu": ("T(0) if x <= 0 else x", "T(1) if x > 0 else T(0)"),
    "relu6": ("clip(x, T(0), T(6))", "T(1) if x > 0 and x < 6 else T(0)"),
    "leaky_relu": ("x if x > 0 else a * x", "T(1) if x > 0 else a"),
    "elu": ("x if x > 0 else a * expm1_negative(x)", "T(1) if x > 0 else a * exp(x)"),
    "celu": ("x if x > 0 else a * expm1_negative(x / a)", "T(1) if x > 0 else exp(x / a)"),
    "selu": ("T(1.0507009873554805) * (x if x > 0 else T(1.6732632423543772) * expm1_negative(x))",
             "T(1.0507009873554805) if x > 0 else T(1.7580993408473766) * exp(x)"),
    "gelu": ("x * normal_cdf(x)", "normal_cdf(x) + x * T(0.3989422804014327) * exp_negative(T(-0.5) * x * x)"),
    "gelu_tanh": ("x * sigmoid(gelu_argument(x))",
                  "s + x * s * (T(1) - s) * T(1.5957691216057308) * (T(1) + T(0.134145) * x * x)",
                  "s = sigmoid(gelu_argument(x)); "),
    "silu": ("x * sigmoid(x)", "s * (T(1) + x * (T(1) - s))", "s = sigmoid(x); "),
    "mish": ("x * tanh_softplus(x)", "t + x * sigmoid(x) * (T(1) - t * t)", "t = tanh_softplus(x); "),
    "softplus": ("softplus(x)", "sigmoid(x)"),
    "softsign": ("x / (T(1) + abs(x))", "T(1) / ((T(1) + abs(x)) * (T(1) + abs(x)))"),
    "hard_sigmoid": ("clip(x / T(6) + T(0.5), T(0), T(1))", "T(1) / T(6) if x > -3 and x < 3 else T(0)"),
    "hard_silu": ("x * clip(x / T(6) + T(0.5), T(0), T(1))",
                  "T(0) if x <= -3 else T(1) if x >= 3 else x / T(3) + T(0.5)"),
    "binary_step": ("T(1) if x > 0 else T(0)", "T(0)"),
    "clip": ("clip(x, a, b)", "T(1) if x >= a and x <= b else T(0)"),
    "power": ("T(x ** a)", "a * T(x ** (a - T(1))) if a != 0 else T(0)"),
    "cube": ("x * x * x", "T(3) * x * x"),
    "round_float16": ("round_float16(x)", "T(1)"),
    "round_bfloat16": ("round_bfloat16(x)", "T(1)"),
}

FORWARD_SOURCE = """
def _{name}(part, x_, a, b, out):
    T = x_.dtype.type
    a, b = T(a), T(b)
    x_, out = own(part, x_, out)
    for i in range(x_.size):
        x = x_[i]
        out[i] = {y}
"""
BACKWARD_SOURCE = """
def _{name}_backward(part, dy, x_, y_, a, b, out):
    T = x_.dtype.type
    a, b = T(a), T(b)
    dy, x_, y_, out = own(part, dy, x_, y_, out)
    for i in range(x_.size):
        x, y = x_[i], y_[i]
        {shared}out[i] = dy[i] * ({slope})
"""


@functools.cache
def _compiled(source, name, suffix=""):
    """The kernel of a formula. The source counts as this file's, so that the compiled code is cached."""
    scope, (y, slope, *shared) = vars(maths) | {"math": math, "own": own}, FORMULA[name]
    text = source.format(name=name, y=y, slope=slope, shared="".join(shared))
    exec(compile(text, __file__, "exec"), scope)
    return parallel_kernel(scope[f"_{name}{suffix}"])


UNARY = set(UFUNC) | set(FORMULA) - {"gelu_tanh", "cube"}
BINARY = {name: getattr(np, name) for name in (
    "add subtract multiply divide floor_divide mod power arctan2 logaddexp "
    "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor maximum minimum").split()}
COMPARES = {name for name in BINARY if "equal" in name or "logical" in name or name in ("less", "greater")}


def unary(name, x, alpha=0.0, beta=0.0, out=None):
    name = SPECIAL.get((name, alpha), name)
    out = np.empty(x.shape, bool if name in TO_BOOL else x.dtype) if out is None else out
    if name in UFUNC:
        apply(UFUNC[name], x, out)
    else:
        forward = _compiled(FORWARD_SOURCE, name)
        forward(contiguous(x).reshape(-1), float(alpha), float(beta), out.reshape(-1))
    return out


def unary_backward(name, dy, x, y, alpha=0.0, beta=0.0, out=None):
    out, name = np.empty(x.shape, x.dtype) if out is None else out, SPECIAL.get((name, alpha), name)
    if name in FLAT:
        return fill(0, out)
    if name == "sin":
        apply(np.cos, x, out)               # NumPy's is made of vector instructions
        apply(np.multiply, out, dy, out)
        return out
    backward = _compiled(BACKWARD_SOURCE, name, "_backward")
    backward(dy.reshape(-1), x.reshape(-1), y.reshape(-1), float(alpha), float(beta), out.reshape(-1))
    return out


def _shape_and_dtype(a, b):
    """Of an array with an array or a number: a Python number never widens a floating array."""
    if not isinstance(b, np.ndarray):
        a, b = b, a
    if not isinstance(a, np.ndarray):
        return b.shape, b.dtype if b.dtype.kind == "f" else np.result_type(a, b)
    shape = a.shape if a.shape == b.shape else np.broadcast(a, b).shape
    return shape, a.dtype if a.dtype == b.dtype else np.result_type(a, b)


def binary(name, a, b, out=None):
    if out is None:
        shape, dtype = _shape_and_dtype(a, b)
        out = np.empty(shape, bool if name in COMPARES else dtype)
    apply(BINARY[name], a, b, out)
    return out


def _select(condition, a, b, out):
    out[...] = np.where(condition, a, b)


@parallel_kernel
def _where(part, condition, a, b, p, q, out):
    """An empty array stands for its number, p or q."""
    p, q, (condition, a, b, out) = out.dtype.type(p), out.dtype.type(q), own(part, condition, a, b, out)
    if a.size and b.size:
        for i in range(out.size):
            x, y = a[i], b[i]               # read in any case: then the choice is a vector instruction
            out[i] = x if condition[i] else y
    elif a.size:
        for i in range(out.size):
            x = a[i]
            out[i] = x if condition[i] else q
    elif b.size:
        for i in range(out.size):
            y = b[i]
            out[i] = p if condition[i] else y
    else:
        for i in range(out.size):
            out[i] = p if condition[i] else q


def _whole(x, like, dtype):
    """(x laid out as `like` is, 0.0) or (no array, the number)"""
    if not isinstance(x, np.ndarray):
        return like.reshape(-1)[:0], float(x)
    whole = x.shape == like.shape and x.dtype == dtype and x.flags.c_contiguous
    return (x if whole else copy(x, out=np.empty(like.shape, dtype))).reshape(-1), 0.0


def where(condition, a, b, out=None):
    if out is None:
        if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
            shape, dtype = _shape_and_dtype(a, b)
        else:
            shape, dtype = (), np.result_type(np.float32, a, b)
        out = np.empty(np.broadcast_shapes(condition.shape, shape), dtype)
    if out.size < LARGE or out.dtype.kind != "f" or not out.flags.c_contiguous:
        call(_select, condition, a, b, out)
    else:
        (a, p), (b, q) = _whole(a, out, out.dtype), _whole(b, out, out.dtype)
        _where(_whole(condition, out, condition.dtype)[0], a, b, p, q, out.reshape(-1))
    return out
