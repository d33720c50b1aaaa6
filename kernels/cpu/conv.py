"""Convolution for every stride, dilation and group. im2col lays each window down as a row, col2im adds the rows up
again; the convolutions themselves need neither: direct.py walks the image.
"""
import numpy as np

from ..served import note
from .direct import direct, direct_input_grad, direct_weight_grad
from .launch import parallel_kernel, share
from .matmul import dense, matmul
from .memory import fill
from .window import real, windows


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
    out = np.empty(shape, cols.dtype) if out is None else out
    _col2im(cols, out, *strides, padding[0][0], padding[1][0], *dilation)
    return out


def _pointwise(w, strides, padding, groups):
    """The windows are the image itself."""
    return groups == 1 and w[:2] == strides == (1, 1) and padding == ((0, 0), (0, 0))


def conv(x, w, b, strides, padding, dilation, groups=1, activation="linear", out=None):
    """(n, h, w, c) * (kh, kw, c / groups, f) -> (n, oh, ow, f), bias and activation included."""
    size, f = w.shape[:2], w.shape[3]
    if out is None:
        out = np.empty((x.shape[0], *windows(x.shape, size, strides, padding, dilation), f), x.dtype)
    if _pointwise(w.shape, strides, padding, groups):
        dense(x.reshape(-1, w.shape[2]), w[0, 0], b, activation, out=out.reshape(-1, f))
        note(w, w.ctypes.data, "conv", "product")
    elif out.size:
        direct(x, w, b, strides, padding, dilation, groups, activation, out)
    return out


def conv_input_grad(dz, w, shape, strides, padding, dilation, groups=1, out=None):
    """(n, oh, ow, f) -> shape = (n, h, w, c); also the forward pass of a transposed convolution."""
    out = np.empty(shape, dz.dtype) if out is None else out
    if _pointwise(w.shape, strides, padding, groups):
        matmul(dz.reshape(-1, w.shape[3]), w[0, 0], transpose_b=True, out=out.reshape(-1, shape[3]))
        note(w, w.ctypes.data, "conv_input_grad", "product")
    elif out.size:
        direct_input_grad(dz, w, shape, strides, padding, dilation, groups, out)
    return out


def conv_weight_grad(x, dz, size, strides, padding, dilation, groups=1, out=None):
    """x (n, h, w, c), dz (n, oh, ow, f) -> (kh, kw, c / groups, f)"""
    c, f = x.shape[3], dz.shape[3]
    out = np.empty((*size, c // groups, f), x.dtype) if out is None else out
    if not dz.size:
        return fill(0, out)
    return direct_weight_grad(x, dz, strides, padding, dilation, groups, out)
