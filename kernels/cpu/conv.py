"""Convolution for every stride, dilation and group, as a matrix product.

im2col lays each window down as a row, col2im adds the rows up again. A batch goes through in parts: the
matrix of windows stays small. The usual forward pass is in direct.py, one filter a channel in depthwise.py.
"""
import math

import numpy as np

from .activate import finish
from .depthwise import depthwise, depthwise_input_grad, depthwise_weight_grad
from .direct import direct, suits
from .launch import parallel_kernel, share
from .matmul import dense, matmul
from .memory import copy
from .window import real, windows

PART = 1 << 20          # numbers in the matrix of windows at a time


@parallel_kernel
def _im2col(part, x, cols, sh, sw, top, left, dh, dw):
    n, oh, ow, groups, kh, kw, c = cols.shape
    h, w = x.shape[1:3]
    lines, rows = x.reshape(n * h, w * groups * c), cols.reshape(n * oh, ow * groups * kh * kw * c)
    taps, runs = (kw, 1) if dw == 1 and groups == 1 else (1, kw)        # a run: neighbours on both sides
    for r in share(part, n * oh):
        row, at, line0, y0 = rows[r], 0, r // oh * h, r % oh * sh - top
        for q in range(ow):
            for g in range(groups):
                for a in range(kh):
                    y = y0 + a * dh
                    line = lines[line0 + min(max(y, 0), h - 1)]
                    for b in range(runs):
                        start = q * sw + b * dw - left
                        first, stop = real(start, taps if 0 <= y < h else 0, w)
                        source = start * groups * c + g * c
                        for j in range(first * c):
                            row[at + j] = 0
                        for j in range(first * c, stop * c):
                            row[at + j] = line[source + j]
                        for j in range(stop * c, taps * c):
                            row[at + j] = 0
                        at += taps * c


@parallel_kernel
def _col2im(part, cols, x, sh, sw, top, left, dh, dw):
    n, oh, ow, groups, kh, kw, c = cols.shape
    h, w = x.shape[1:3]
    lines, rows = x.reshape(n * h, w * groups * c), cols.reshape(n * oh, ow * groups * kh * kw * c)
    taps, runs = (kw, 1) if dw == 1 and groups == 1 else (1, kw)
    for r in share(part, n * h):                             # a line gathers its own windows: no two threads meet
        line = lines[r]
        line[:] = 0
        for a in range(kh):
            y = r % h + top - a * dh
            if y < 0 or y % sh or y // sh >= oh:
                continue
            row = rows[r // h * oh + y // sh]
            for q in range(ow):
                for g in range(groups):
                    at = ((q * groups + g) * kh + a) * kw * c
                    for b in range(runs):
                        start = q * sw + b * dw - left
                        first, stop = real(start, taps, w)
                        target = start * groups * c + g * c
                        for j in range(first * c, stop * c):
                            line[target + j] += row[at + j]
                        at += taps * c


def im2col(x, size, strides, padding, dilation, groups=1, out=None):
    """(n, h, w, c) -> (n, oh, ow, groups, kh, kw, c / groups), zeros outside the image."""
    if out is None:
        n, c, fits = x.shape[0], x.shape[3], windows(x.shape, size, strides, padding, dilation)
        out = np.empty((n, *fits, groups, *size, c // groups), x.dtype)
    _im2col(x, out, *strides, padding[0][0], padding[1][0], *dilation)
    return out


def col2im(cols, shape, size, strides, padding, dilation, groups=1, out=None):
    """The transpose of im2col: -> shape = (n, h, w, c), windows that overlap are summed."""
    if out is None:
        out = np.empty(shape, cols.dtype)
    _col2im(cols, out, *strides, padding[0][0], padding[1][0], *dilation)
    return out


def _pointwise(size, strides, padding):
    """The windows are the image itself."""
    return size == strides == (1, 1) and padding == ((0, 0), (0, 0))


def _parts(shape, dtype, size, strides, padding, dilation, groups):
    """Slices of the batch, and room for the windows of the largest."""
    n, c = shape[0], shape[3]
    image = (*windows(shape, size, strides, padding, dilation), groups, *size, c // groups)
    step = max(1, min(n, PART // max(1, math.prod(image))))
    return [slice(i, min(n, i + step)) for i in range(0, max(n, 1), step)], np.empty((step, *image), dtype)


def _columns(x, size, strides, padding, dilation, groups):
    """Yields (slice of the batch, its windows as im2col gives them)."""
    if _pointwise(size, strides, padding):
        yield slice(None), x
        return
    parts, room = _parts(x.shape, x.dtype, size, strides, padding, dilation, groups)
    for part in parts:
        here = x[part]
        yield part, im2col(here, size, strides, padding, dilation, groups, room[:len(here)])


def _by_group(a, groups, k):
    """(..., groups * k) -> (groups, rows, k), a view"""
    return a.reshape(-1, groups, k).transpose(1, 0, 2)


def conv(x, w, b, strides, padding, dilation, groups=1, activation="linear", out=None):
    """(n, h, w, c) * (kh, kw, c / groups, f) -> (n, oh, ow, f), bias and activation included."""
    size, c, f = w.shape[:2], x.shape[3], w.shape[3]
    if out is None:
        out = np.empty((x.shape[0], *windows(x.shape, size, strides, padding, dilation), f), x.dtype)
    if groups == c > 1:
        return depthwise(x, w, b, strides, padding, dilation, activation, out)
    if groups == 1 and suits(out) and not _pointwise(size, strides, padding):
        return direct(x, w, b, strides, padding, dilation, activation, out)
    k = w.size // f
    for part, cols in _columns(x, size, strides, padding, dilation, groups):
        if groups == 1:
            dense(cols.reshape(-1, k), w.reshape(k, f), b, activation, out[part].reshape(-1, f))
        else:
            matmul(_by_group(cols, groups, k), _by_group(w, groups, f // groups),
                   out=_by_group(out[part], groups, f // groups))
    return out if groups == 1 else finish(out, b, activation)


def conv_input_grad(dz, w, shape, strides, padding, dilation, groups=1, out=None):
    """(n, oh, ow, f) -> shape = (n, h, w, c); also the forward pass of a transposed convolution."""
    size, f = w.shape[:2], w.shape[3]
    if out is None:
        out = np.empty(shape, dz.dtype)
    if groups == shape[3] > 1:
        return depthwise_input_grad(dz, w, strides, padding, dilation, out)
    reach = tuple(((taps - 1) * gap - before, (taps - 1) * gap - after)
                  for taps, gap, (before, after) in zip(size, dilation, padding, strict=True))
    plain = groups == 1 and strides == (1, 1) and not _pointwise(size, strides, padding)
    if plain and suits(out) and min(map(min, reach)) >= 0:
        turned = copy(w[::-1, ::-1].swapaxes(2, 3), out=np.empty((*size, f, shape[3]), w.dtype))
        return conv(dz, turned, None, strides, reach, dilation, out=out)
    k, weights = w.size // f, _by_group(w, groups, f // groups)
    if _pointwise(size, strides, padding):
        matmul(_by_group(dz, groups, f // groups), weights, transpose_b=True, out=_by_group(out, groups, k))
        return out
    parts, room = _parts(shape, dz.dtype, size, strides, padding, dilation, groups)
    for part in parts:
        here = dz[part]
        cols = room[:len(here)]
        matmul(_by_group(here, groups, f // groups), weights, False, True, out=_by_group(cols, groups, k))
        col2im(cols, shape, size, strides, padding, dilation, groups, out[part])
    return out


def conv_weight_grad(x, dz, size, strides, padding, dilation, groups=1, out=None):
    """x (n, h, w, c), dz (n, oh, ow, f) -> (kh, kw, c / groups, f)"""
    c, f = x.shape[3], dz.shape[3]
    if out is None:
        out = np.empty((*size, c // groups, f), x.dtype)
    if groups == c > 1:
        return depthwise_weight_grad(x, dz, strides, padding, dilation, out)
    k, target = out.size // f, _by_group(out, groups, f // groups)
    for number, (part, cols) in enumerate(_columns(x, size, strides, padding, dilation, groups)):
        matmul(_by_group(cols, groups, k), _by_group(dz[part], groups, f // groups),
               transpose_a=True, accumulate=number > 0, out=target)
    return out
