"""Functions of single elements."""
import numpy as np

from .launch import blocks, empty, launch, number_type, real_type, shared
from .views import view_of

UNARY = ("abs", "negative", "sign", "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "rsqrt", "square",
         "reciprocal", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh",
         "arctanh", "floor", "ceil", "round", "trunc", "erf", "sigmoid", "log_sigmoid", "relu", "relu6", "leaky_relu",
         "elu", "celu", "selu", "gelu", "silu", "mish", "softplus", "softsign", "hard_sigmoid", "hard_silu",
         "exponential", "binary_step", "clip", "power", "round_float16",
         "round_bfloat16", "logical_not", "isnan", "isinf", "isfinite")
BINARY = ("add", "subtract", "multiply", "divide", "floor_divide", "mod", "power", "maximum", "minimum",
          "arctan2", "logaddexp", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
          "logical_and", "logical_or", "logical_xor")
UNARY_CODE = {name: code for code, name in enumerate(UNARY)}
BINARY_CODE = {name: code for code, name in enumerate(BINARY)}
# the result is bool
TRUTH = {"logical_not", "isnan", "isinf", "isfinite", *BINARY[BINARY.index("equal"):]}


def unary(name, x, alpha=0.0, beta=0.0, out=None):
    """out = name(x)"""
    out = empty(x, x.shape, bool if name in TRUTH else x.dtype) if out is None else out
    number = number_type(x.dtype)
    launch("elementwise", "unary", shared(out),
           (x, out, UNARY_CODE[name], number.type(alpha), number.type(beta), np.int64(out.size),
            view_of(out.shape, x)), T=x.dtype, O=out.dtype, N=number)
    return out


def unary_backward(name, dy, x, y, alpha=0.0, beta=0.0, out=None):
    """dx = dy * name'(x)"""
    out = empty(dy, dy.shape) if out is None else out
    launch("elementwise", "unary_backward", shared(out),
           (dy, x, y, out, UNARY_CODE[name], float(alpha), float(beta), np.int64(out.size)),
           T=dy.dtype, O=dy.dtype, N=number_type(dy.dtype))
    return out


def binary(name, a, b, out=None):
    """out = name(a, b); one of them may be a number"""
    side = 1 if not hasattr(a, "dtype") else 2 if not hasattr(b, "dtype") else 0
    array, value = (b, a) if side == 1 else (a, b if side else 0)
    shape = array.shape if side else np.broadcast_shapes(a.shape, b.shape)
    out = empty(array, shape, bool if name in TRUTH else array.dtype) if out is None else out
    number = number_type(array.dtype)
    launch("binary", "binary", shared(out),
           (b if side == 1 else a, a if side == 2 else b, out, BINARY_CODE[name], side, number.type(value),
            np.int64(out.size), view_of(out.shape, a, b)), T=array.dtype, O=out.dtype, N=number)
    return out


def where(condition, a, b, out=None):
    """a where the condition holds, b elsewhere"""
    arrays = [x for x in (a, b) if hasattr(x, "dtype")]
    dtype = arrays[0].dtype if arrays else np.dtype("float32")
    shape = np.broadcast_shapes(condition.shape, *(x.shape for x in arrays))
    out = empty(condition, shape, dtype) if out is None else out
    pointers = [x if hasattr(x, "dtype") else out for x in (a, b)]
    numbers = [real_type(out.dtype).type(0 if hasattr(x, "dtype") else x) for x in (a, b)]
    sides = (not hasattr(a, "dtype")) + 2 * (not hasattr(b, "dtype"))
    launch("binary", "where", blocks(out.size),
           (condition, *pointers, out, sides, *numbers, np.int64(out.size), view_of(out.shape, condition, a, b)),
           T=out.dtype, O=out.dtype, N=number_type(out.dtype))
    return out
