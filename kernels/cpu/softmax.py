"""Softmax and its cross-entropy, a row at a time: (..., c) is worked on as (rows, c)."""
import numpy as np

from .launch import exact_kernel, parallel_kernel, share
from .maths import exp, log


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


@exact_kernel
def _shift(x):
    top = x[0]
    for v in x:
        top = v if v > top else top
    return _finite(top)


@exact_kernel
def _first_largest(x):
    best = 0
    for j in range(1, x.size):
        if x[j] > x[best]:
            best = j
    return best


@parallel_kernel
def _softmax(part, x, out):
    for row in share(part, x.shape[0]):
        a, y = x[row], out[row]
        shift, total = _shift(a), x.dtype.type(0)
        for j in range(a.size):
            e = exp(a[j] - shift)
            y[j] = e
            total += e
        for j in range(a.size):
            y[j] = y[j] / total if total != 0 else total


@parallel_kernel
def _log_softmax(part, x, out):
    for row in share(part, x.shape[0]):
        a, y = x[row], out[row]
        shift, total = _shift(a), x.dtype.type(0)
        for j in range(a.size):
            total += exp(a[j] - shift)
        size = log(total) if total != 0 else total
        for j in range(a.size):
            y[j] = _difference(a[j], shift, size)


@parallel_kernel
def _softmax_backward(part, dy, y, out):
    for row in share(part, y.shape[0]):
        p, d, dx = y[row], dy[row], out[row]
        dot = y.dtype.type(0)
        for j in range(p.size):
            dot += p[j] * d[j]
        for j in range(p.size):
            dx[j] = p[j] * (d[j] - dot)


@parallel_kernel
def _log_softmax_backward(part, dy, y, out):
    for row in share(part, y.shape[0]):
        p, d, dx = y[row], dy[row], out[row]
        total = y.dtype.type(0)
        for j in range(p.size):
            total += d[j]
        for j in range(p.size):
            dx[j] = d[j] - exp(p[j]) * total


@parallel_kernel
def _softmax_cross_entropy(part, x, labels, loss, hits):
    T = x.dtype.type
    for row in share(part, x.shape[0]):
        a, label = x[row], labels[row]
        hits[row], loss[row] = 0, np.nan
        if 0 <= label < a.size:
            best = _first_largest(a)
            shift, total = _finite(a[best]), T(0)
            for j in range(a.size):
                total += exp(a[j] - shift)
            hits[row] = best == label
            loss[row] = _difference(shift, a[label], -log(total))


@parallel_kernel
def _softmax_cross_entropy_backward(part, dloss, x, labels, out):
    for row in share(part, x.shape[0]):
        a, dx = x[row], out[row]
        shift, total = _shift(a), x.dtype.type(0)
        for j in range(a.size):
            e = exp(a[j] - shift)
            dx[j] = e
            total += e
        scale = dloss[row] / total if total != 0 else total
        for j in range(a.size):
            dx[j] *= scale
        if 0 <= labels[row] < a.size:
            dx[labels[row]] -= dloss[row]


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
