"""Pooling over the windows of (n, h, w, c) images, a window at a time over all channels."""
import functools

import numpy as np

from . import taps
from .launch import clear, inner_kernel, parallel_kernel, share
from .vector import address
from .window import real, windows

parallel_addresses = parallel_kernel
_put_maximum, _put_mean = taps.make_spread(False)
_add_maximum, _add_mean = taps.make_spread(True)


@inner_kernel
def _taps(x, i, p, q, geometry):
    """Window (p, q) of image i: what taps.Window walks"""
    _, h, w, c = x.shape
    kh, kw, sh, sw, top, left = geometry
    a0, a1 = real(p * sh - top, kh, h)
    b0, b1 = real(q * sw - left, kw, w)
    pixel = c * x.itemsize
    start = address(x) + ((i * h + p * sh - top + a0) * w + q * sw - left + b0) * pixel
    return start, w * pixel, pixel, a1 - a0, b1 - b0, a0 * kw + b0, kw


@inner_kernel
def _count(dtype, window):
    return dtype.type(max(1, window[3] * window[4]))


@parallel_addresses
def _max_pool(part, x, y, index, geometry):
    n, oh, ow, c = y.shape
    for r in share(part, n * oh):
        for q in range(ow):
            at = (r * ow + q) * c
            taps.maximum(x, c, _taps(x, r // oh, r % oh, q, geometry), address(y) + at * y.itemsize,
                         index, address(index) + at * index.itemsize)


@parallel_addresses
def _average_pool(part, x, y, geometry):
    n, oh, ow, c = y.shape
    for r in share(part, n * oh):
        for q in range(ow):
            window = _taps(x, r // oh, r % oh, q, geometry)
            taps.mean(x, c, window, address(y) + (r * ow + q) * c * y.itemsize, _count(y.dtype, window))


@parallel_kernel
def _max_pool_backward(part, dy, index, dx, geometry, apart, whole):
    """apart: no two windows overlap; whole: every pixel lies in one"""
    (n, oh, ow, c) = dy.shape
    for i in share(part, n):
        if not (apart and whole):
            clear(dx[i])
        for r in range(oh * ow):
            window, at = _taps(dx, i, r // ow, r % ow, geometry), (i * oh * ow + r) * c
            d, place = address(dy) + at * dy.itemsize, address(index) + at * index.itemsize
            if apart:
                _put_maximum(dx, c, window, d, index, place)
            else:
                _add_maximum(dx, c, window, d, index, place)


@parallel_kernel
def _average_pool_backward(part, dy, dx, geometry, apart, whole):
    (n, oh, ow, c) = dy.shape
    for i in share(part, n):
        if not (apart and whole):
            clear(dx[i])
        for r in range(oh * ow):
            window, d = _taps(dx, i, r // ow, r % ow, geometry), address(dy) + (i * oh * ow + r) * c * dy.itemsize
            if apart:
                _put_mean(dx, c, window, d, _count(dx.dtype, window))
            else:
                _add_mean(dx, c, window, d, _count(dx.dtype, window))


def _geometry(size, strides, padding):
    return *size, *strides, padding[0][0], padding[1][0]


def _cover(outputs, shape, size, strides, padding):
    """(apart, whole): do windows never overlap, and does every pixel lie in one?"""
    last = [(n - 1) * step - before + taps for n, step, (before, _), taps in
            zip(outputs[1:3], strides, padding, size)]
    dense = all([step <= taps for step, taps in zip(strides, size)])
    return (all([step >= taps for step, taps in zip(strides, size)]),
            dense and last[0] >= shape[1] and last[1] >= shape[2])


def max_pool(x, size, strides, padding, out=None):
    """-> (y, index), both (n, oh, ow, c); index is row * kw + column of the first maximum in its window."""
    y, index = out or (None, None)
    shape = x.shape[0], *windows(x.shape, size, strides, padding), x.shape[3]
    if y is None:
        y = np.empty(shape, x.dtype)
    if index is None:
        index = np.empty(shape, np.uint8 if size[0] * size[1] <= 256 else np.int32)
    _max_pool(x, y, index, _geometry(size, strides, padding))
    return y, index


def max_pool_backward(dy, index, shape, size, strides, padding, out=None):
    """-> dx, shape = (n, h, w, c)"""
    if out is None:
        out = np.empty(shape, dy.dtype)
    _max_pool_backward(dy, index, out, _geometry(size, strides, padding),
                       *_cover(dy.shape, shape, size, strides, padding))
    return out


def average_pool(x, size, strides, padding, out=None):
    """-> (n, oh, ow, c), the mean over the real pixels of each window"""
    if out is None:
        out = np.empty((x.shape[0], *windows(x.shape, size, strides, padding), x.shape[3]), x.dtype)
    _average_pool(x, out, _geometry(size, strides, padding))
    return out


def average_pool_backward(dy, shape, size, strides, padding, out=None):
    """-> dx, shape = (n, h, w, c)"""
    if out is None:
        out = np.empty(shape, dy.dtype)
    _average_pool_backward(dy, out, _geometry(size, strides, padding),
                           *_cover(dy.shape, shape, size, strides, padding))
    return out
