"""Softmax over the last axis, and its cross-entropy with labels."""
from math import prod

import numpy as np

from .launch import MAX_BLOCKS, blocks, empty, launch, launch_rows, launch_table, outputs, real_type
from .memory import fill


def like_last(name, arrays, out, *options):
    """A kernel whose result is like the last of the arrays (..., c)."""
    x = arrays[-1]
    out = empty(x, x.shape) if out is None else out
    launch_rows("softmax", name, prod(x.shape[:-1]), x.shape[-1], (*arrays, out, *options), T=x.dtype)
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
    loss, hits = outputs(x, out, x.shape[:1], x.shape[:1], dtypes=(real_type(x.dtype),) * 2)
    launch_rows("softmax", "softmax_cross_entropy", *x.shape, (x, labels, loss, hits), T=x.dtype)
    return loss, hits


def softmax_cross_entropy_backward(dloss, x, labels, out=None):
    out = empty(x, x.shape) if out is None else out
    launch_rows("softmax", "softmax_cross_entropy_backward", *x.shape, (dloss, x, labels, out), T=x.dtype)
    return out


def softmax_cross_entropy_mean(x, labels, out=None):
    """(n, c), (n,) -> the mean loss (), dx (n, c)"""
    loss, dx = outputs(x, out, (), x.shape, dtypes=(real_type(x.dtype), None))
    if not x.size:
        return fill(np.nan, loss), dx
    sums = empty(x, min(len(x), MAX_BLOCKS), loss.dtype)
    launch_rows("softmax", "softmax_cross_entropy_mean", *x.shape, (x, labels, dx, sums, loss), T=x.dtype)
    return loss, dx


def pick(x, labels, out=None):
    """(..., c), (...) -> (...)"""
    out = empty(x, labels.shape) if out is None else out
    launch("softmax", "pick", blocks(out.size), (x, labels, out, np.int64(out.size), x.shape[-1]), T=x.dtype)
    return out


def pick_backward(dy, labels, classes, out=None):
    """(...) -> (..., classes)"""
    out = empty(dy, (*labels.shape, classes)) if out is None else out
    launch_table("softmax", "pick_backward", labels.size, classes, (dy, labels, out, labels.size, classes), T=dy.dtype)
    return out
