"""Pooling over the windows of (n, h, w, c) images. Backward, a line of the image gathers from its windows."""
import numpy as np

from .launch import inner_kernel, parallel_kernel, share
from .window import real, windows


@inner_kernel
def _maximum(pixel, tap, y, index):
    """(c,) each: the first maximum stays, NaN wins."""
    for j in range(y.size):                     # a choice between bytes does not vectorise, arithmetic does
        new, old, place = pixel[j], y[j], index[j]
        keep = index.dtype.type(new <= old) | index.dtype.type(old != old)
        y[j] = old if (new <= old) | (old != old) else new
        index[j] = place * keep + tap * (1 - keep)


@parallel_kernel
def _max_pool(part, x, y, index, kh, kw, sh, sw, top, left):
    n, oh, ow, c = y.shape
    h, w = x.shape[1:3]
    for r in share(part, n * oh):
        i, p = r // oh, r % oh
        a0, a1 = real(p * sh - top, kh, h)
        for q in range(ow):
            b0, b1 = real(q * sw - left, kw, w)
            best, place = y[i, p, q], index[i, p, q]
            best[:] = -np.inf                           # what no pixel beats is at the first real pixel
            place[:] = a0 * kw + b0
            for a in range(a0, a1):
                for b in range(b0, b1):
                    _maximum(x[i, p * sh + a - top, q * sw + b - left], a * kw + b, best, place)


@parallel_kernel
def _max_pool_backward(part, dy, index, dx, kh, kw, sh, sw, top, left):
    n, oh, ow, c = dy.shape
    h, w = dx.shape[1:3]
    for r in share(part, n * h):
        i, line = r // h, r % h
        dx[i, line] = 0
        for p in range(max(0, (line + top - kh) // sh + 1), min(oh, (line + top) // sh + 1)):
            for q in range(ow):
                b0, b1 = real(q * sw - left, kw, w)
                for b in range(b0, b1):
                    tap = (line + top - p * sh) * kw + b
                    _where_won(dy[i, p, q], index[i, p, q], tap, dx[i, line, q * sw + b - left])


@inner_kernel
def _where_won(dy, index, tap, dx):
    """(c,) each"""
    for j in range(dx.size):
        share = dy[j]
        dx[j] += share if index[j] == tap else dx.dtype.type(0)


@parallel_kernel
def _average_pool(part, x, y, kh, kw, sh, sw, top, left):
    n, oh, ow, c = y.shape
    h, w = x.shape[1:3]
    for r in share(part, n * oh):
        i, p = r // oh, r % oh
        a0, a1 = real(p * sh - top, kh, h)
        for q in range(ow):
            b0, b1 = real(q * sw - left, kw, w)
            total, count = y[i, p, q], y.dtype.type(max(1, (a1 - a0) * (b1 - b0)))
            total[:] = 0
            for a in range(a0, a1):
                for b in range(b0, b1):
                    pixel = x[i, p * sh + a - top, q * sw + b - left]
                    for j in range(c):
                        total[j] += pixel[j]
            for j in range(c):
                total[j] /= count


@parallel_kernel
def _average_pool_backward(part, dy, dx, kh, kw, sh, sw, top, left):
    n, oh, ow, c = dy.shape
    h, w = dx.shape[1:3]
    for r in share(part, n * h):
        i, line = r // h, r % h
        dx[i, line] = 0
        for p in range(max(0, (line + top - kh) // sh + 1), min(oh, (line + top) // sh + 1)):
            a0, a1 = real(p * sh - top, kh, h)
            for q in range(ow):
                b0, b1 = real(q * sw - left, kw, w)
                count = dx.dtype.type((a1 - a0) * (b1 - b0))
                for b in range(b0, b1):
                    pixel = dx[i, line, q * sw + b - left]
                    for j in range(c):
                        pixel[j] += dy[i, p, q, j] / count


def _geometry(size, strides, padding):
    return *size, *strides, padding[0][0], padding[1][0]


def max_pool(x, size, strides, padding, out=None):
    """-> (y, index), both (n, oh, ow, c); index is row * kw + column of the first maximum in its window."""
    y, index = out or (None, None)
    shape = x.shape[0], *windows(x.shape, size, strides, padding), x.shape[3]
    if y is None:
        y = np.empty(shape, x.dtype)
    if index is None:
        index = np.empty(shape, np.uint8 if size[0] * size[1] <= 256 else np.int32)
    _max_pool(x, y, index, *_geometry(size, strides, padding))
    return y, index


def max_pool_backward(dy, index, shape, size, strides, padding, out=None):
    """-> dx, shape = (n, h, w, c)"""
    if out is None:
        out = np.empty(shape, dy.dtype)
    _max_pool_backward(dy, index, out, *_geometry(size, strides, padding))
    return out


def average_pool(x, size, strides, padding, out=None):
    """-> (n, oh, ow, c), the mean over the real pixels of each window"""
    if out is None:
        out = np.empty((x.shape[0], *windows(x.shape, size, strides, padding), x.shape[3]), x.dtype)
    _average_pool(x, out, *_geometry(size, strides, padding))
    return out


def average_pool_backward(dy, shape, size, strides, padding, out=None):
    """-> dx, shape = (n, h, w, c)"""
    if out is None:
        out = np.empty(shape, dy.dtype)
    _average_pool_backward(dy, out, *_geometry(size, strides, padding))
    return out
