"""Convolution without a matrix of windows: the matrix product's tiles walk the image. For conv.py."""
import functools

import numpy as np

from .activate import finish
from .launch import kernel, parallel_kernel, share
from .matmul import _pack, _strip
from .vector import BYTES, ROWS, VECTORS, address


@kernel
def _pack_weights(w, packed, depth, filters, strip):
    """(depth, filters) -> strips of (depth, strip)"""
    _pack(w, address(w), filters, 1, depth, filters, strip, address(packed))


@parallel_kernel
def _pad(part, x, out, top, left):
    n, h, w, c = out.shape
    for r in share(part, n * h):
        i, line, y = r // h, r % h, r % h - top
        for q in range(w):
            real = 0 <= y < x.shape[1] and left <= q < left + x.shape[2]
            for j in range(c):
                out[i, line, q, j] = x[i, y, q - left, j] if real else 0


@parallel_kernel
def _direct(part, x, packed, bias, edges, y, kh, kw, sh, sw, dh, dw, relu):
    """edges (n * oh, rows, strip) is room for a tile"""
    n, h, w, c = x.shape
    oh, ow, f = y.shape[1:]
    size, strip = y.itemsize, edges.shape[2]
    depth, runs = (kw * c, 1) if dw == 1 else (c, kw)        # a run: neighbours in the image
    for r in share(part, n * oh):
        i, p = r // oh, r % oh
        for j in range(0, f, strip):
            for tile in range(0, ow, ROWS):
                q = min(tile, ow - ROWS)                        # the last tile goes over some pixels again
                target = address(y) + ((r * ow + q) * f + j) * size
                weights = address(packed) + j * kh * kw * c * size
                for a in range(kh):
                    for b in range(runs):
                        source, start = ((i * h + p * sh + a * dh) * w + q * sw + b * dw) * c, a + b == 0
                        run = weights + (a * runs + b) * depth * strip * size
                        _strip(y, address(x) + source * size, sw * c, 1, run,
                               address(bias) + j * size if start else target, 0 if start else f,
                               target, f, ROWS, min(strip, f - j), depth, address(edges) + r * ROWS * strip * size)
        if relu:
            for q in range(ow):
                for j in range(f):
                    y[i, p, q, j] = 0 if y[i, p, q, j] < 0 else y[i, p, q, j]       # NaN stays


@functools.cache
def _zeros(size, dtype):
    return np.zeros(size, dtype)


def suits(y):
    """A line of outputs must be as long as a tile is high, and the filters fill a register at least."""
    return y.shape[2] >= ROWS and y.shape[3] >= BYTES // y.itemsize


def direct(x, w, b, strides, padding, dilation, activation, out):
    """(n, h, w, c) * (kh, kw, c, f) -> (n, oh, ow, f)"""
    (n, height, width, c), (kh, kw, _, f) = x.shape, w.shape
    (top, bottom), (left, right) = padding
    if top or bottom or left or right:
        room = np.empty((n, height + top + bottom, width + left + right, c), x.dtype)
        _pad(x, room, top, left)
        x = room
    strip = VECTORS * (BYTES // x.itemsize)
    packed = np.empty(kh * kw * c * (-(-f // strip) * strip), x.dtype)
    _pack_weights(w.reshape(-1), packed, kh * kw * c, f, strip)
    bias = _zeros(f, x.dtype) if b is None else b
    edges = np.empty((n * out.shape[1], ROWS, strip), x.dtype)
    _direct(x, packed, bias, edges, out, kh, kw, *strides, *dilation, activation == "relu")
    return out if activation in ("linear", "relu") else finish(out, None, activation)
