"""Recurrent layers: all steps in one compiled call, and the simplest of them. lstm.py and gru.py build on this.

Sequences are independent, so the threads share out the batch and never wait for each other in between. A thread walks
a chunk of sequences through all steps; the states stay in its scratch, beside the weights packed for the register tile.
The gradient of the weights is one product over all steps.
"""
import functools

import numpy as np
from numba import config

from .launch import inner_kernel, parallel_kernel, share
from .maths import tanh
from .matmul import DEPTH, LINE, SMALL, matmul
from .memory import copy
from .pack import _pack
from .tile import rows_of_tiles
from .vector import BYTES, ROWS, VECTORS, address, load, store

CHUNK = 48                      # sequences at a time: their sums stay in the second-level cache, beside the weights
NO_MASK = np.empty((0, 0), np.bool_)


def strip_width(itemsize: int) -> int:
    return VECTORS * (BYTES // itemsize)


@inner_kernel
def padded(kind, width):
    """Whole strips"""
    strip = VECTORS * (BYTES // kind.itemsize)
    return (width + strip - 1) // strip * strip


@parallel_kernel
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
    _pack_weights(u, packed, row, col, depth, columns, config.NUMBA_NUM_THREADS if u.size >= 1 << 15 else 1)
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
            weights, at = packed + (j * depth + p * strip) * size, sums + j * size
            rows_of_tiles(kind, state + p * size, depth, 1, ROWS * depth, weights, strip,
                          at if p else start + j * size, wide if p else start_row, at, wide, rows, strip,
                          min(DEPTH, depth - p), -np.inf)


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


@inner_kernel
def add(kind, x, total, n):
    for j in range(n):
        store(kind, total, j, load(kind, total, j) + load(kind, x, j))


@inner_kernel
def sequences(chunk, chunks, n):
    """-> (the first of a chunk, how many)"""
    mine = share((chunk, chunks), n)
    return mine.start, len(mine)


@functools.cache
def _plan(n, steps, width, units, itemsize):
    """How n sequences are cut: (numbers in the scratch, numbers of it for a thread, chunks, threads).

    A thread keeps rows of `units` and of `width` numbers: one of each a sequence, and one more.
    """
    threads = max(1, min(n, config.NUMBA_NUM_THREADS, n * steps * units * width // SMALL))
    chunks = -(-max(1, -(-n // CHUNK)) // threads) * threads
    strip = strip_width(itemsize)
    room = (-(-n // chunks) + 1) * ((-(-width // strip) + -(-units // strip)) * strip)
    return threads * room + LINE // itemsize, room, chunks, threads


def run(kernel, arrays, u, transpose, mask, shape):
    """`kernel` over all steps: u (units, width), transposed for the way back; shape (n, steps, width)"""
    units = u.shape[0]
    if shape[0] * units:
        scratch, *plan = _plan(*shape, units, u.itemsize)
        packed = pack_weights(u, transpose)
        kernel(*arrays, packed, NO_MASK if mask is None else mask, np.empty(scratch, u.dtype), *plan)


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


@inner_kernel
def _state(kind, z, sums, state, units):
    for j in range(units):
        store(kind, state, j, tanh(load(kind, z, j) + load(kind, sums, j)))


@parallel_kernel
def _simple_rnn(part, z, h0, h, packed, mask, scratch, room, chunks, threads):
    (n, steps, units), size = z.shape, z.itemsize
    wide, row = padded(z, units), units * size
    zeros = aligned(scratch) + part[0] * room * size
    clear(z, zeros, wide)
    for chunk in share(part, chunks):
        first, rows = sequences(chunk, chunks, n)
        sums = zeros + wide * size
        state = sums + rows * wide * size
        move(z, address(h0) + first * row, state, rows * units)
        for t in range(steps):
            advance(z, state, units, aligned(packed), zeros, 0, sums, wide, rows)
            for r in range(rows):
                at, mine = ((first + r) * steps + t) * row, state + r * row
                if not masked(mask, first + r, t):
                    _state(z, address(z) + at, sums + r * wide * size, mine, units)
                move(z, mine, address(h) + at, units)


@inner_kernel
def _slopes(kind, dh, h, d, dh_next, units):
    one = kind.dtype.type(1)
    for j in range(units):
        y = load(kind, h, j)
        store(kind, d, j, (load(kind, dh, j) + load(kind, dh_next, j)) * (one - y * y))
    clear(kind, dh_next, units)


@parallel_kernel
def _simple_rnn_backward(part, dh, h, dz, dh0, packed, mask, scratch, room, chunks, threads):
    (n, steps, units), size = dz.shape, dz.itemsize
    wide, row = padded(dz, units), units * size
    for chunk in share(part, chunks):
        first, rows = sequences(chunk, chunks, n)
        dh_next = aligned(scratch) + part[0] * room * size
        d = dh_next + rows * wide * size
        clear(dz, dh_next, rows * wide)
        for t in range(steps - 1, -1, -1):
            for r in range(rows):
                at, mine, down = ((first + r) * steps + t) * row, d + r * row, dh_next + r * wide * size
                if masked(mask, first + r, t):
                    add(dz, address(dh) + at, down, units)
                    clear(dz, mine, units)
                else:
                    _slopes(dz, address(dh) + at, address(h) + at, mine, down, units)
                move(dz, mine, address(dz) + at, units)
            advance(dz, d, units, aligned(packed), dh_next, wide, dh_next, wide, rows)
        for r in range(rows):
            move(dz, dh_next + r * wide * size, address(dh0) + (first + r) * row, units)


def simple_rnn(z, u, h0, mask=None, out=None):
    """h = tanh(z_t + h u), (n, t, u)"""
    h, = outputs([out], [z.shape], z.dtype)
    run(_simple_rnn, (z, h0, h), u, False, mask, z.shape)
    return h


def simple_rnn_backward(dh, h, u, h0, mask=None, out=None):
    """dh (n, t, u) -> (dz, du, dh0)"""
    dz, du, dh0 = outputs(out, [h.shape, u.shape, h0.shape], dh.dtype)
    run(_simple_rnn_backward, (dh, h, dz, dh0), u, True, mask, dz.shape)
    weight_grad(h, h0, dz, du)
    return dz, du, dh0
