"""Recurrent layers: all steps in one compiled call, and the simplest of them. lstm.py and gru.py build on this.

Sequences are independent, so the threads share out the batch and never wait for each other in between. A thread walks
a chunk of sequences through all steps; the states stay in its scratch, beside the weights packed for the register tile.
The gradient of the weights is one product over all steps.
"""
import functools

import numpy as np
from numba import get_num_threads

from .launch import inner_kernel, parallel_kernel, share
from .maths import tanh
from .matmul import DEPTH, LINE, SMALL, _copy, _pack, _strip, matmul
from .memory import copy
from .vector import BYTES, VECTORS, address, load, store

CHUNK = 48                      # sequences at a time: their sums stay in the second-level cache, beside the weights
NO_MASK = np.empty((0, 0), np.bool_)


def strip_width(itemsize: int) -> int:
    return VECTORS * (BYTES // itemsize)


@inner_kernel
def padded(kind, width):
    """Whole strips"""
    strip = VECTORS * (BYTES // kind.itemsize)
    return (width + strip - 1) // strip * strip


@functools.partial(parallel_kernel, once=True)
def _pack_weights(part, u, packed, row, col, depth, columns, threads):
    """u (depth, columns), any strides -> strips of (depth, a tile's width)"""
    size, strip = u.itemsize, VECTORS * (BYTES // u.itemsize)
    for j in share(part, padded(u, columns) // strip):
        _pack(u, address(u) + j * strip * col * size, row, col, depth, min(strip, columns - j * strip), strip,
              aligned(packed) + j * strip * depth * size)


def pack_weights(u, transpose=False):
    """(u, k), or its transpose, as strips for `advance`"""
    (depth, columns), (row, col) = (u.shape[::-1], (1, u.shape[1])) if transpose else (u.shape, (u.shape[1], 1))
    strip = strip_width(u.itemsize)
    packed = np.empty(depth * (-(-columns // strip) * strip) + LINE // u.itemsize, u.dtype)
    _pack_weights(u, packed, row, col, depth, columns, get_num_threads() if u.size >= 1 << 15 else 1)
    return packed


@inner_kernel
def aligned(array):
    return (address(array) + LINE - 1) // LINE * LINE


@inner_kernel
def advance(kind, state, depth, packed, start, start_row, sums, wide, rows):
    """sums (rows, wide) = start + state (rows, depth) @ packed; `wide` is whole strips."""
    size, strip = kind.itemsize, VECTORS * (BYTES // kind.itemsize)
    for p in range(0, depth, DEPTH):
        for j in range(0, wide, strip):
            at = sums + j * size
            _strip(kind, state + p * size, depth, 1, packed + (j * depth + p * strip) * size,
                   at if p else start + j * size, wide if p else start_row, at, wide, rows, strip,
                   min(DEPTH, depth - p), 0)


@inner_kernel
def masked(mask, i, t):
    """(n, t), or empty where there is no mask"""
    return mask.size > 0 and not mask[i, t]


@inner_kernel
def move(kind, source, target, n):
    for j in range(n):
        store(kind, target, j, load(kind, source, j))


@inner_kernel
def clear(kind, target, n):
    for j in range(n):
        store(kind, target, j, 0)


@functools.cache
def plan(n, steps, width, units, itemsize):
    """How n sequences are cut: (chunks, threads, numbers a thread has room for, scratch in numbers).

    A thread keeps rows of `units` and `width` numbers, one of each a sequence, and one more.
    """
    threads = max(1, min(n, get_num_threads() if n * steps * units * width >= SMALL else 1))
    chunks = -(-max(1, -(-n // CHUNK)) // threads) * threads
    strip = strip_width(itemsize)
    room = (-(-n // chunks) + 1) * ((-(-width // strip) + -(-units // strip)) * strip)
    return chunks, threads, room, threads * room + LINE // itemsize


def outputs(out, shapes, dtype):
    """The arrays of `out`, new ones where it has none."""
    given = out or [None] * len(shapes)
    return [np.empty(shape, dtype) if o is None else o for o, shape in zip(given, shapes)]


def weight_grad(h, h0, dz, du):
    """du = the states that the steps start from (n, t, u), transposed, times dz (n, t, k)"""
    before = np.empty(h.shape, h.dtype)
    copy(h0[:, None], out=before[:, :1])
    copy(h[:, :-1], out=before[:, 1:])
    matmul(before.reshape(-1, h.shape[2]), dz.reshape(-1, dz.shape[2]), transpose_a=True, out=du)
