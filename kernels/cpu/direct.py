"""Convolution without a matrix of windows: the matrix product's tiles walk the image. For conv.py."""
import functools

import numpy as np
from numba import prange

from .depthwise import activate
from .launch import kernel, parallel_kernel
from .matmul import ACTIVATIONS, _pack, _strip
from .vector import BYTES, ROWS, VECTORS


@kernel
def _pack_weights(w, packed, depth, filters, strip):
    """(depth, filters) -> strips of (depth, strip)"""
    _pack(w, 0, filters, 1, depth, filters, strip, packed)


@parallel_kernel
def _pad(x, out, top, left):
    n, h, w, c = out.shape
    for r in prange(n * h):
        i, line = r // h, r % h
        out[i, line] = 0
        y = line - top
        if 0 <= y < x.shape[1]:
            out[i, line, left:left + x.shape[2]] = x[i, y]


@parallel_kernel
def _direct(x, packed, bias, y, kh, kw, sh, sw, dh, dw, activation):
    n, h, w, c = x.shape
    oh, ow, f = y.shape[1:]
    strip = VECTORS * (BYTES // y.itemsize)
    depth, runs = (kw * c, 1) if dw == 1 else (c, kw)        # a run: neighbours in the image
    image, target = x.reshape(-1), y.reshape(-1)
    for r in prange(n * oh):
        i, p = r // oh, r % oh
        edge = np.empty(ROWS * strip, y.dtype)
        for j in range(0, f, strip):
            for tile in range(0, ow, ROWS):
                q = min(tile, ow - ROWS)                        # the last tile goes over some pixels again
                at = (r * ow + q) * f + j
                weights = packed.ctypes.data + j * kh * kw * c * y.itemsize
                for a in range(kh):
                    for b in range(runs):
                        source, start = ((i * h + p * sh + a * dh) * w + q * sw + b * dw) * c, a + b == 0
                        run = weights + (a * runs + b) * depth * strip * y.itemsize
                        _strip(image, source, sw * c, 1, run,
                               bias if start else target, j if start else at, 0 if start else f,
                               target, at, f, ROWS, min(strip, f - j), depth, edge)
        activate(target[r * ow * f:(r + 1) * ow * f], activation)


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
    _direct(x, packed, bias, out, kh, kw, *strides, *dilation, ACTIVATIONS[activation])
    return out
