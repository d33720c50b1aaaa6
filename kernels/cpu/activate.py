"""The activations that a product may end with, over its result."""
import numpy as np

from .launch import inner_kernel, own, parallel_kernel, share
from .maths import sigmoid, tanh

ACTIVATIONS = {"linear": 0, "relu": 1, "sigmoid": 2, "tanh": 3}
NO_BIAS = {dtype: np.zeros(0, dtype) for dtype in (np.dtype("float32"), np.dtype("float64"))}


@inner_kernel
def _activate(z, activation):
    if activation == 1:
        for j in range(z.size):
            z[j] = 0 if z[j] < 0 else z[j]              # NaN stays
    elif activation == 2:
        for j in range(z.size):
            z[j] = sigmoid(z[j])
    elif activation == 3:
        for j in range(z.size):
            z[j] = tanh(z[j])


@parallel_kernel
def _activate_all(part, z, activation):
    mine, = own(part, z)
    _activate(mine, activation)


@parallel_kernel
def _finish(part, z, b, activation):
    for i in share(part, z.shape[0]):
        row = z[i]
        for j in range(b.size):
            row[j] += b[j]
        _activate(row, activation)


def finish(z, b, activation):
    """Bias and activation in place, (..., f) + (f,)"""
    if b is not None or activation != "linear":
        _finish(z.reshape(-1, z.shape[-1]), NO_BIAS[z.dtype] if b is None else b, ACTIVATIONS[activation])
    return z


@parallel_kernel
def _activation_backward(part, code, dy, y, out):
    dy, y, out = own(part, dy, y, out)
    if code == 0:
        for i in range(y.size):
            out[i] = dy[i]
    elif code == 1:
        for i in range(y.size):
            out[i] = dy[i] if y[i] > 0 else y.dtype.type(0)
    elif code == 2:
        for i in range(y.size):
            out[i] = dy[i] * y[i] * (1 - y[i])
    else:
        for i in range(y.size):
            out[i] = dy[i] * (1 - y[i] * y[i])


def activation_backward(activation, dy, y, out=None):
    """dz of a fused activation, from its output."""
    out = np.empty(y.shape, y.dtype) if out is None else out
    _activation_backward(ACTIVATIONS[activation], dy.reshape(-1), y.reshape(-1), out.reshape(-1))
    return out
