"""Activation functions by name, and which of them dense and conv compute in the same pass."""
# ruff: noqa: I001 - long lists of names, filled
from . import _objects
from .ops import greater, minimum, multiply, subtract, where
from .ops.activation import glu, hard_shrink, hard_tanh, soft_shrink, squareplus, tanh_shrink, threshold
from .ops.dense import FUSED, log_softmax, softmax
from .ops.math import (arctan, binary_step, celu, elu, exp, hard_sigmoid, hard_silu, leaky_relu, log_sigmoid, mish,
                       relu6, selu, sigmoid, silu, softplus, softsign, tanh)
from .ops.math import gelu as _gelu
from .ops.math import relu as _relu

swish, hard_swish = silu, hard_silu


def linear(x):
    """x itself."""
    return x


def exponential(x):
    """exp(x)"""
    return exp(x)


def gelu(x, approximate: bool = False):
    """x times the normal distribution function of x; exact by default, unlike ops.gelu."""
    return _gelu(x, approximate)


def relu(x, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0):
    """max(x, 0); with a slope below the threshold, and a ceiling."""
    if threshold == 0.0:
        y = leaky_relu(x, negative_slope) if negative_slope else _relu(x)
    else:
        y = where(greater(x, threshold), x, multiply(subtract(x, threshold), negative_slope))
    return y if max_value is None else minimum(y, max_value)


KNOWN = {f.__name__: f for f in (arctan, binary_step, celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid,
                                  hard_silu, hard_tanh, leaky_relu, linear, log_sigmoid, log_softmax, mish, relu, relu6,
                                  selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign, squareplus, tanh,
                                  tanh_shrink, threshold)}
KNOWN |= {"hard_swish": hard_silu, "swish": silu}
_get, deserialize = _objects.lookups("activation", KNOWN)
serialize = _objects.serialize


def fused(activation) -> str | None:
    """The name under which dense and conv compute this activation in the same pass, or None."""
    name = getattr(activation, "__name__", None)
    return name if name in FUSED and KNOWN[name] is activation else None


def get(identifier):
    """A name, a config, a function or None (linear) -> the function."""
    return linear if identifier is None else _get(identifier)
