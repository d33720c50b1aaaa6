"""The activations that a product may end with, over its result."""
import numpy as np

from .columns import ACTIVATIONS, add_parts, column_sums, slopes, wide_parts
from .launch import inner_kernel, kernel, own, parallel_kernel, share, target
from .maths import sigmoid, tanh
from .memory import copy
from .vector import address

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
    slopes(out.dtype, code, address(dy), address(y), address(out), out.size)


def activation_backward(activation, dy, y, out=None):
    """dz of a fused activation, from its output."""
    out = np.empty(y.shape, y.dtype) if out is None else out
    if activation == "linear":
        return copy(dy, out=out)
    _activation_backward(ACTIVATIONS[activation], dy.reshape(-1), y.reshape(-1), out.reshape(-1))
    return out


@kernel
def _bias_total(parts, db):
    add_parts(parts, db.size)
    for j in range(db.size):
        db[j] = parts[0, 0, j]


def bias_backward(activation, dy, y, need, out=None):
    """need for (z, b): dz (..., f) and its sum over all axes but the last, (f,), in one pass"""
    dz, db = map(target, need, out or (None, None), (dy.shape, dy.shape[-1:]), [dy.dtype] * 2)
    code, none = ACTIVATIONS[activation], NO_BIAS[dy.dtype]
    if dz is not None and (db is None or code == 0):
        activation_backward(activation, dy, dy if y is None else y, dz)
    if db is not None and db.size:
        width, jobs = wide_parts(dy.size // db.size, db.size)
        parts, masked = np.empty((jobs, 1, width)), none if dz is None or code == 0 else dz.reshape(-1)
        column_sums(code, dy.reshape(-1), none if code == 0 else y.reshape(-1), none, none, masked, parts)
        _bias_total(parts, db)
    return dz, db
