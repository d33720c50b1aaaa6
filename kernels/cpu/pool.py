"""Pooling over the windows of (n, h, w, c) images. Both ways each number is written once: the gradient of a pixel is
gathered from the windows that it lies in, as if these were a window of the output.
"""
import functools

import numpy as np

from . import taps
from .activate import activation_backward
from .elementwise import unary
from .launch import inner_kernel, parallel_kernel, share
from .vector import FAR, PIECE, address
from .window import windows


@functools.cache
def _spans(length, fits, taps, step, before):
    """Of each window: (its first real pixel, how many are real, the tap of the first)"""
    start = np.arange(fits) * step - before
    first = start.clip(0, length)
    return np.stack([first, (start + taps).clip(first, length) - first, first - start], 1)


@functools.cache
def _covers(length, fits, taps, step, before):
    """Of each pixel: (the first window that it lies in, how many there are, its tap in the first)"""
    pixel = np.arange(length) + before
    first = (-((taps - 1 - pixel) // step)).clip(0, fits)
    return np.stack([first, (pixel // step + 1).clip(first, fits) - first, pixel - first * step], 1)


@functools.cache
def _plan(make, *geometry):
    """(for each line, for each column of the result, (taps a row, steps of the numbers down and to the right))"""
    size, strides = geometry[2:4]
    steps = (size[1], 1, 1) if make is _spans else (size[1], -strides[0], -strides[1])
    return *[make(*axis) for axis in _axes(*geometry)], steps


@functools.cache
def _shares(dtype, *geometry):
    """What a pixel counts in a window, by the window's line and by its column"""
    return [(1 / np.maximum(1, _spans(*axis)[:, 1])).astype(dtype) for axis in _axes(*geometry)]


def _axes(shape, outputs, size, strides, padding):
    """(pixels, windows, taps, step, pixels before) for lines and for columns"""
    return zip(shape[1:3], outputs[1:3], size, strides, [before for before, _ in padding])


@inner_kernel
def _window(r, q, shape, result, down, along, steps):
    """What taps.Window walks for column q of line r of the result: (n * lines, columns) from images of `shape`"""
    _, h, w, c = shape
    line, (kw, a, b) = r % result[1], steps
    first = ((r // result[1] * h + down[line, 0]) * w + along[q, 0]) * c
    return first, w * c, c, down[line, 1], along[q, 1], down[line, 2] * kw + along[q, 2], a * kw, b


@parallel_kernel
def _max_pool(part, x, y, index, down, along, steps):
    n, lines, columns, c = y.shape
    for r in share(part, n * lines):
        for q in range(columns):
            at = (r * columns + q) * c
            taps.maximum(y.dtype, index.dtype, c, _window(r, q, x.shape, y.shape, down, along, steps), address(x),
                         address(y) + at * y.itemsize, (address(index) + at * index.itemsize,))


@parallel_kernel
def _max_pool_backward(part, dy, index, dx, down, along, steps):
    n, lines, columns, c = dx.shape
    far = dx.size * dx.itemsize >= FAR and address(dx) % PIECE == c * dx.itemsize % PIECE == 0
    for r in share(part, n * lines):
        for q in range(columns):
            taps.of_maximum(dx.dtype, index.dtype, c, _window(r, q, dy.shape, dx.shape, down, along, steps),
                            address(dy), address(dx) + (r * columns + q) * c * dx.itemsize, (address(index), far))


@parallel_kernel
def _average_pool(part, x, y, down, along, steps, line_shares, column_shares):
    (n, lines, columns, c), size = y.shape, y.itemsize
    for r in share(part, n * lines):
        for q in range(columns):
            shares = address(line_shares) + r % lines * size, address(column_shares) + q * size
            taps.mean(y.dtype, y.dtype, c, _window(r, q, x.shape, y.shape, down, along, steps), address(x),
                      address(y) + (r * columns + q) * c * size, shares)


@parallel_kernel
def _average_pool_backward(part, dy, dx, down, along, steps, line_shares, column_shares):
    (n, lines, columns, c), size = dx.shape, dx.itemsize
    for r in share(part, n * lines):
        for q in range(columns):
            shares = (address(line_shares) + down[r % lines, 0] * size, address(column_shares) + along[q, 0] * size)
            taps.of_mean(dx.dtype, dx.dtype, c, _window(r, q, dy.shape, dx.shape, down, along, steps), address(dy),
                         address(dx) + (r * columns + q) * c * size, shares)


def max_pool(x, size, strides, padding, activation="linear", out=None):
    """-> (activation(y), index), both (n, oh, ow, c); index is row * kw + column of a window's first maximum."""
    y, index = out or (None, None)
    shape = x.shape[0], *windows(x.shape, size, strides, padding), x.shape[3]
    y = np.empty(shape, x.dtype) if y is None else y
    index = np.empty(shape, np.uint8 if size[0] * size[1] <= 256 else np.int32) if index is None else index
    _max_pool(x, y, index, *_plan(_spans, x.shape, shape, size, strides, padding))
    if activation != "linear":
        unary(activation, y, out=y)
    return y, index


def max_pool_backward(dy, index, shape, size, strides, padding, y=None, activation="linear", out=None):
    """-> dx, shape = (n, h, w, c)"""
    out = np.empty(shape, dy.dtype) if out is None else out
    if activation != "linear":
        dy = activation_backward(activation, dy, y)
    _max_pool_backward(dy, index, out, *_plan(_covers, shape, dy.shape, size, strides, padding))
    return out


def average_pool(x, size, strides, padding, out=None):
    """-> (n, oh, ow, c), the mean over the real pixels of each window"""
    out = np.empty((x.shape[0], *windows(x.shape, size, strides, padding), x.shape[3]), x.dtype) if out is None else out
    geometry = x.shape, out.shape, size, strides, padding
    _average_pool(x, out, *_plan(_spans, *geometry), *_shares(x.dtype, *geometry))
    return out


def average_pool_backward(dy, shape, size, strides, padding, out=None):
    """-> dx, shape = (n, h, w, c)"""
    out = np.empty(shape, dy.dtype) if out is None else out
    geometry = shape, dy.shape, size, strides, padding
    _average_pool_backward(dy, out, *_plan(_covers, *geometry), *_shares(dy.dtype, *geometry))
    return out
