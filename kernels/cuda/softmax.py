"""Softmax over the last axis, and its cross-entropy with labels."""
from math import prod

import numpy as np

from .launch import blocks, empty, launch, outputs
from .window import lanes_of, rows_columns


def by_rows(name, args, shape, dtype):
    """One warp or one block a row of (..., c)."""
    rows, c = prod(shape[:-1]), shape[-1]
    lanes, grid = lanes_of(rows, c)
    launch("softmax", name, grid, (*args, np.int64(rows), c, lanes), T=dtype)


def like_last(name, arrays, out, *options):
    """A kernel whose result is like the last of the arrays (..., c)."""
    x = arrays[-1]
    out = empty(x, x.shape) if out is None else out
    by_rows(name, (*arrays, out, *options), x.shape, x.dtype)
    return out


def softmax(x, out=None):
    return like_last("softmax", (x,), out, 0)


def log_softmax(x, out=None):
    return like_last("softmax", (x,), out, 1)


def softmax_backward(dy, y, out=None):
    return like_last("softmax_backward", (dy, y), out, 0)


def log_softmax_backward(dy, y, out=None):
    return like_last("softmax_backward", (dy, y), out, 1)


def softmax_cross_entropy(x, labels, out=None):
    """(n, c), (n,) -> loss (n,), hits (n,)"""
    loss, hits = outputs(x, out, x.shape[:1], x.shape[:1])
    by_rows("softmax_cross_entropy", (x, labels, loss, hits), x.shape, x.dtype)
    return loss, hits


def softmax_cross_entropy_backward(dloss, x, labels, out=None):
    out = empty(x, x.shape) if out is None else out
    by_rows("softmax_cross_entropy_backward", (dloss, x, labels, out), x.shape, x.dtype)
    return out


def pick(x, labels, out=None):
    """(..., c), (...) -> (...)"""
    out = empty(x, labels.shape) if out is None else out
    launch("softmax", "pick", blocks(out.size), (x, labels, out, np.int64(out.size), x.shape[-1]), T=x.dtype)
    return out


def pick_backward(dy, labels, classes, out=None):
    """(...) -> (..., classes)"""
    out = empty(dy, (*labels.shape, classes)) if out is None else out
    grid, block = rows_columns(labels.size, classes)
    launch("softmax", "pick_backward", grid, (dy, labels, out, labels.size, classes), block=block, T=dy.dtype)
    return out
