"""The activations that a product may end with, over its result."""
import numpy as np

from .launch import clear, inner_kernel, kernel, own, parallel_kernel, share, target
from .maths import sigmoid, tanh
from .memory import copy
from .reduce import BLOCK, add_rows, wide_parts, wide_rows

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


@inner_kernel
def _slope(code, dy, y):
    one = type(y)(1)
    if code == 0:
        return dy
    if code == 1:
        return dy if y > 0 else type(y)(0)
    return dy * y * (one - y) if code == 2 else dy * (one - y * y)


@parallel_kernel
def _activation_backward(part, code, dy, y, out):
    dy, y, out = own(part, dy, y, out)
    if code == 0:
        for i in range(y.size):
            out[i] = dy[i]
    elif code == 1:
        for i in range(y.size):
            out[i] = _slope(1, dy[i], y[i])
    elif code == 2:
        for i in range(y.size):
            out[i] = _slope(2, dy[i], y[i])
    else:
        for i in range(y.size):
            out[i] = _slope(3, dy[i], y[i])


def activation_backward(activation, dy, y, out=None):
    """dz of a fused activation, from its output."""
    out = np.empty(y.shape, y.dtype) if out is None else out
    _activation_backward(ACTIVATIONS[activation], dy.reshape(-1), y.reshape(-1), out.reshape(-1))
    return out


@inner_kernel
def _slopes(code, dy, y, low, high, dz, first):
    """Rows low .. high of dz; row `first` of dy is row 0 of dz"""
    for i in range(low, high):
        if code == 1:
            for j in range(dz.shape[1]):
                dz[i - first, j] = _slope(1, dy[i, j], y[i, j])
        elif code == 2:
            for j in range(dz.shape[1]):
                dz[i - first, j] = _slope(2, dy[i, j], y[i, j])
        else:
            for j in range(dz.shape[1]):
                dz[i - first, j] = _slope(3, dy[i, j], y[i, j])


@parallel_kernel
def _bias_parts(part, code, dy_, y_, dz_, parts):
    """dz, and parts (jobs, k * f): its sums over some wide rows"""
    jobs, width = parts.shape
    dy, y, dz = wide_rows(dy_, width), wide_rows(y_, width), wide_rows(dz_, width)
    rows, total, room = len(dy), np.empty(width, dy.dtype), np.empty((BLOCK, width), dy.dtype)
    for job in share(part, jobs):
        clear(parts[job])
        low, high = rows * job // jobs, rows * (job + 1) // jobs
        for start in range(low, high, BLOCK):
            stop = min(high, start + BLOCK)
            clear(total)
            if code == 0:
                add_rows(dy, start, stop, total)
            elif dz.size:
                _slopes(code, dy, y, start, stop, dz, 0)
                add_rows(dz, start, stop, total)
            else:
                _slopes(code, dy, y, start, stop, room, start)
                add_rows(room, 0, stop - start, total)
            for j in range(width):
                parts[job, j] += total[j]


@kernel
def _bias_total(code, dy, y, dz, parts, db):
    """db (f,) from the parts, and of the numbers behind the last wide row"""
    (jobs, width), f = parts.shape, db.size
    for job in range(1, jobs):
        for j in range(width):
            parts[0, j] += parts[job, j]
    for start in range(f, width, f):
        for j in range(f):
            parts[0, j] += parts[0, start + j]
    for i in range(dy.size // width * width, dy.size):
        d = _slope(code, dy[i], y[i] if code else dy[i])
        parts[0, i % f] += d
        if dz.size:
            dz[i] = d
    for j in range(f):
        db[j] = parts[0, j]


def bias_backward(activation, dy, y, need, out=None):
    """need for (z, b): dz (..., f) and its sum over all axes but the last, (f,), in one pass"""
    shapes, code = (dy.shape, dy.shape[-1:]), ACTIVATIONS[activation]
    dz, db = map(target, need, out or (None, None), shapes, [dy.dtype] * 2)
    if db is None:
        return (None if dz is None else activation_backward(activation, dy, dy if y is None else y, dz)), None
    flat, none = dy.reshape(-1), NO_BIAS[dy.dtype]
    if code == 0 and dz is not None:
        copy(dy, out=dz)
    if db.size:
        width, jobs = wide_parts(dy.size // db.size, db.size)
        parts, slopes = np.empty((jobs, width)), none if dz is None or code == 0 else dz.reshape(-1)
        y = none if code == 0 else y.reshape(-1)
        _bias_parts(code, flat, y, slopes, parts)
        _bias_total(code, flat, y, slopes, parts, db)
    return dz, db
