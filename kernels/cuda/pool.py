"""Pooling over the windows of (n, h, w, c) images. Backward, a pixel gathers from windows that hold it."""
from math import prod

from .launch import empty, launch_table
from .window import window, windows


def max_pool(x, size, strides, padding, activation="linear", out=None):
    """-> (activation(y), index), both (n, oh, ow, c); index is row * kw + column of a window's first maximum."""
    y, index = out or (None, None)
    shape = x.shape[0], *windows(x.shape, size, strides, padding), x.shape[3]
    y = empty(x, shape) if y is None else y
    index = empty(x, shape, "uint8" if size[0] * size[1] <= 256 else "int32") if index is None else index
    _run("max_pool", (x, y, index), x.shape, y, size, strides, padding, index.dtype, int(activation == "relu"))
    return y, index


def max_pool_backward(dy, index, shape, size, strides, padding, y=None, activation="linear", out=None):
    """-> dx, shape = (n, h, w, c)"""
    out, y = empty(dy, shape) if out is None else out, dy if y is None else y
    _run("max_pool_backward", (dy, index, y, out), shape, out, size, strides, padding, index.dtype,
         int(activation == "relu"))
    return out


def average_pool(x, size, strides, padding, out=None):
    """-> (n, oh, ow, c), the mean over the real pixels of each window"""
    out = empty(x, (x.shape[0], *windows(x.shape, size, strides, padding), x.shape[3])) if out is None else out
    _run("average_pool", (x, out), x.shape, out, size, strides, padding)
    return out


def average_pool_backward(dy, shape, size, strides, padding, out=None):
    """-> dx, shape = (n, h, w, c)"""
    out = empty(dy, shape) if out is None else out
    _run("average_pool_backward", (dy, out), shape, out, size, strides, padding)
    return out


def _run(name, arrays, image, result, size, strides, padding, index="uint8", *options):
    """A thread an element of the result; `image` is the shape (n, h, w, c), `index` the dtype of places."""
    g = window(tuple(image), image[3], size, strides, padding)
    launch_table("pool", name, prod(result.shape[:3]), result.shape[3], (*arrays, g, *options), T=result.dtype, I=index)
