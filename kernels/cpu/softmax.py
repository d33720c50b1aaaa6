"""Softmax and its cross-entropy, a row at a time: (..., c) is worked on as (rows, c)."""
import functools

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .launch import exact_kernel, inner_kernel, own, parallel_kernel, share
from .maths import exp, log_normal
from .vector import address, lanes, load, store

SHORT = 32      # numbers in a row: up to here, many rows are worked on side by side
ROWS = 32       # so many


@exact_kernel
def _difference(a, b, c):
    """(a - b) - c in this order: were b + c joined, a large b would swallow c.

    The caller must not negate it: there, order is free.
    """
    return (a - b) - c


@exact_kernel
def _finite(top):
    """What a row is shifted by: its largest, but 0 for -inf, so that exp(x - shift) is 0 and not NaN."""
    return type(top)(0) if top == -np.inf else top


@intrinsic
def _largest(typing, kind, row, count):
    """Of `count` numbers, at least one, from an address on, in vectors; NaN loses except in the first place."""
    def codegen(context, builder, signature, args):
        return largest(context, builder, signature.args[0].dtype, args[1], args[2])

    return kind.dtype(kind, types.int64, types.int64), codegen


def largest(context, bd, dtype, row, count):
    real, width = context.get_data_type(dtype), lanes(dtype.bitwidth // 8)
    pointer, vector = bd.inttoptr(row, real.as_pointer()), ir.VectorType(real, width)
    word, number = functools.partial(ir.Constant, ir.IntType(64)), functools.partial(ir.Constant, ir.IntType(32))

    def keep(best, value):
        bd.store(bd.select(bd.fcmp_ordered(">", value, bd.load(best)), value, bd.load(best)), best)

    first = bd.insert_element(ir.Constant(vector, ir.Undefined), bd.load(pointer), number(0))
    spread = bd.shuffle_vector(first, first, ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width))
    top, whole = cgutils.alloca_once_value(bd, spread), bd.and_(count, word(-width))
    with cgutils.for_range_slice(bd, word(0), whole, word(width), inc=True) as (j, _):
        value = bd.load(bd.bitcast(bd.gep(pointer, [j]), vector.as_pointer()))
        value.align = dtype.bitwidth // 8
        keep(top, value)
    best, last = cgutils.alloca_once_value(bd, bd.load(pointer)), bd.load(top)
    for lane in range(width):
        keep(best, bd.extract_element(last, number(lane)))
    with cgutils.for_range_slice(bd, whole, count, word(1), inc=True) as (j, _):
        keep(best, bd.load(bd.gep(pointer, [j])))
    return bd.load(best)


@inner_kernel
def _shift(x, row):
    if x.shape[1] == 0:
        return x.dtype.type(0)
    return _finite(_largest(x, address(x) + row * x.shape[1] * x.itemsize, x.shape[1]))


@inner_kernel
def _exponentials(x, start, rows, room, top, total):
    """room (c, ROWS) = exp(x - top) of some short rows, turned: all loops run down the rows; total (ROWS,) sums them"""
    c = x.shape[1]
    for j in range(c):
        source, target = address(x) + (start * c + j) * x.itemsize, address(room) + j * ROWS * x.itemsize
        for k in range(rows):
            store(x, target, k, load(x, source, k * c))
    for k in range(ROWS):
        top[k] = room[0, k]
        total[k] = 0
    for j in range(1, c, 2):                # two at a time: what may stay as it is would be stored on a condition
        other = min(j + 1, c - 1)
        for k in range(ROWS):
            a, b, old = room[j, k], room[other, k], top[k]
            best = a if a > old else old
            top[k] = b if b > best else best
    for k in range(ROWS):
        top[k] = _finite(top[k])
    for j in range(c):
        for k in range(ROWS):
            e = exp(room[j, k] - top[k])
            room[j, k] = e
            total[k] += e


@inner_kernel
def _room(x):
    """What short rows are worked on in, (c, ROWS), and two rows beside; nothing for long rows"""
    c = x.shape[1] if x.shape[1] <= SHORT else 0
    return np.zeros((c, ROWS), x.dtype), np.empty(ROWS, x.dtype), np.empty(ROWS, x.dtype)


@parallel_kernel
def _softmax(part, x_, out_):
    T, (x, out), (room, top, total) = x_.dtype.type, own(part, x_, out_), _room(x_)
    for start in range(0, len(x) if len(room) else 0, ROWS):
        rows = min(ROWS, len(x) - start)
        _exponentials(x, start, rows, room, top, total)
        for k in range(ROWS):
            total[k] = T(1) / total[k] if total[k] != 0 else total[k]
        for k in range(rows):
            for j in range(len(room)):
                out[start + k, j] = room[j, k] * total[k]
    for row in range(0 if len(room) else len(x)):
        shift, scale = _shift(x, row), T(0)
        for j in range(x.shape[1]):
            e = exp(x[row, j] - shift)
            out[row, j] = e
            scale += e
        scale = T(1) / scale if scale != 0 else scale
        for j in range(x.shape[1]):
            out[row, j] *= scale


@parallel_kernel
def _log_softmax(part, x_, out_):
    T, (x, out), (room, top, total) = x_.dtype.type, own(part, x_, out_), _room(x_)
    for start in range(0, len(x) if len(room) else 0, ROWS):
        rows = min(ROWS, len(x) - start)
        _exponentials(x, start, rows, room, top, total)
        for k in range(ROWS):
            total[k] = log_normal(total[k]) if total[k] != 0 else total[k]
        for k in range(rows):
            for j in range(len(room)):
                out[start + k, j] = _difference(x[start + k, j], top[k], total[k])
    for row in range(0 if len(room) else len(x)):
        shift, size = _shift(x, row), T(0)
        for j in range(x.shape[1]):
            size += exp(x[row, j] - shift)
        size = log_normal(size) if size != 0 else size
        for j in range(x.shape[1]):
            out[row, j] = _difference(x[row, j], shift, size)


@parallel_kernel
def _softmax_backward(part, dy, y, out):
    dy, y, out = own(part, dy, y, out)
    for row in range(len(y)):
        dot = y.dtype.type(0)
        for j in range(y.shape[1]):
            dot += y[row, j] * dy[row, j]
        for j in range(y.shape[1]):
            out[row, j] = y[row, j] * (dy[row, j] - dot)


@parallel_kernel
def _log_softmax_backward(part, dy, y, out):
    dy, y, out = own(part, dy, y, out)
    for row in range(len(y)):
        total = y.dtype.type(0)
        for j in range(y.shape[1]):
            total += dy[row, j]
        for j in range(y.shape[1]):
            out[row, j] = dy[row, j] - exp(y[row, j]) * total


@inner_kernel
def _first(x, row, label, top):
    """1 where the label's number is the row's largest, and none before it is as large."""
    before = 0
    for j in range(label):
        before += x[row, j] == top
    return x.dtype.type(1) if x[row, label] == top and before == 0 else x.dtype.type(0)


@parallel_kernel
def _softmax_cross_entropy(part, x_, labels, loss, hits):
    T, (x, labels, loss, hits), (room, top, total) = x_.dtype.type, own(part, x_, labels, loss, hits), _room(x_)
    for start in range(0, len(x) if len(room) else 0, ROWS):
        rows = min(ROWS, len(x) - start)
        _exponentials(x, start, rows, room, top, total)
        for k in range(ROWS):
            total[k] = log_normal(total[k]) if total[k] != 0 else T(-np.inf)
        for k in range(rows):
            loss[start + k], hits[start + k] = total[k], top[k]
    for row in range(0 if len(room) else len(x)):
        shift, size = _shift(x, row), T(0)
        for j in range(x.shape[1]):
            size += exp(x[row, j] - shift)
        loss[row], hits[row] = log_normal(size) if size != 0 else T(-np.inf), shift
    for row in range(len(x)):
        label, shift = labels[row], hits[row]
        inside = 0 <= label < x.shape[1]
        loss[row] = _difference(shift, x[row, label], -loss[row]) if inside else np.nan
        hits[row] = _first(x, row, label, shift) if inside else T(0)


@parallel_kernel
def _softmax_cross_entropy_backward(part, dloss, x_, labels, out):
    T, (dloss, x, labels, out), (room, top, total) = x_.dtype.type, own(part, dloss, x_, labels, out), _room(x_)
    for start in range(0, len(x) if len(room) else 0, ROWS):
        rows = min(ROWS, len(x) - start)
        _exponentials(x, start, rows, room, top, total)
        for k in range(rows):
            scale = dloss[start + k] / total[k] if total[k] != 0 else total[k]
            for j in range(len(room)):
                out[start + k, j] = room[j, k] * scale
    for row in range(0 if len(room) else len(x)):
        shift, scale = _shift(x, row), T(0)
        for j in range(x.shape[1]):
            e = exp(x[row, j] - shift)
            out[row, j] = e
            scale += e
        scale = dloss[row] / scale if scale != 0 else scale
        for j in range(x.shape[1]):
            out[row, j] *= scale
    for row in range(len(x)):
        if 0 <= labels[row] < x.shape[1]:
            out[row, labels[row]] -= dloss[row]


@parallel_kernel
def _pick(part, x, labels, out):
    for row in share(part, x.shape[0]):
        out[row] = x[row, labels[row]] if 0 <= labels[row] < x.shape[1] else np.nan


@parallel_kernel
def _pick_backward(part, dy, labels, out):
    for row in share(part, out.shape[0]):
        for j in range(out.shape[1]):
            out[row, j] = 0
        if 0 <= labels[row] < out.shape[1]:
            out[row, labels[row]] = dy[row]


def _rows(x):
    return x.reshape(x.size // max(1, x.shape[-1]), x.shape[-1])


def _by_rows(kernel, out, *arrays):
    if out is None:
        out = np.empty(arrays[0].shape, arrays[0].dtype)
    if out.size:
        kernel(*[_rows(a) for a in arrays], _rows(out))
    return out


def softmax(x, out=None):
    return _by_rows(_softmax, out, x)


def log_softmax(x, out=None):
    return _by_rows(_log_softmax, out, x)


def softmax_backward(dy, y, out=None):
    return _by_rows(_softmax_backward, out, dy, y)


def log_softmax_backward(dy, y, out=None):
    return _by_rows(_log_softmax_backward, out, dy, y)


def softmax_cross_entropy(x, labels, out=None):
    loss, hits = out or (None, None)
    loss = np.empty(x.shape[0], x.dtype) if loss is None else loss
    hits = np.empty(x.shape[0], x.dtype) if hits is None else hits
    _softmax_cross_entropy(x, labels, loss, hits)
    return loss, hits


def softmax_cross_entropy_backward(dloss, x, labels, out=None):
    if out is None:
        out = np.empty(x.shape, x.dtype)
    if out.size:
        _softmax_cross_entropy_backward(dloss, x, labels, out)
    return out


def pick(x, labels, out=None):
    if out is None:
        out = np.empty(labels.shape, x.dtype)
    _pick(x.reshape(labels.size, x.shape[-1]), labels.reshape(-1), out.reshape(-1))
    return out


def pick_backward(dy, labels, classes, out=None):
    if out is None:
        out = np.empty((*labels.shape, classes), dy.dtype)
    _pick_backward(dy.reshape(-1), labels.reshape(-1), out.reshape(labels.size, classes))
    return out
