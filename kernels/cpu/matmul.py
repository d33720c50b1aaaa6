"""Matrix products on generated register tiles: no BLAS, so no second thread pool fights Numba's for the cores.

Each task owns a block of c: it packs a block of b (depth x columns, in strips as wide as a tile) into its own buffer
and runs tiles down the rows of a, which is read where it lies. The sum over depth runs in one order whatever the
thread count.
"""
import math

import numpy as np
from numba import get_num_threads, prange

from .launch import kernel, njit_pair
from .reduce import reduce
from .vector import BYTES, ROWS, VECTORS, make_tile

DEPTH = 256                     # a packed strip of b stays in the first-level cache
COLUMNS = 256                   # and a packed block in the second-level one
CHUNK = 16 * ROWS               # rows of a that stay in the second-level cache while the strips pass
SMALL = 1 << 19                 # multiplications below which one thread is faster
ACTIVATIONS = {"linear": 0, "relu": 1, "sigmoid": 2, "tanh": 3}

_tile, _row = make_tile(ROWS, VECTORS), make_tile(1, VECTORS)


@kernel
def _pack(b, start, row, col, depth, columns, strip, packed):
    """(depth, columns) of b from flat index `start`, any strides -> strips of (depth, strip), zeros on the right."""
    for j in range(0, columns, strip):
        base, real = j * depth, min(strip, columns - j)
        for p in range(depth):
            source, target = start + p * row + j * col, base + p * strip
            if col == 1 and real == strip:
                for v in range(strip):
                    packed[target + v] = b[source + v]
            else:
                for v in range(strip):
                    packed[target + v] = b[source + v * col] if v < real else 0


@kernel
def _activated(code, x):
    if code == 1:
        return x if x > 0 or x != x else type(x)(0)
    if code == 2:
        e = math.exp(-abs(x))
        return 1 / (1 + e) if x >= 0 else e / (1 + e)
    return math.tanh(x)


@kernel
def _strip(a, a_at, a_row, a_col, b_address, seed, seed_at, seed_row, c, c_at, c_row, rows, columns, depth, edge):
    """One strip of c, `rows` high and at most a tile wide; it begins as seed[seed_at + row * seed_row]."""
    size, width = c.itemsize, VECTORS * (BYTES // c.itemsize)
    pa, pc, ps, pe = a.ctypes.data, c.ctypes.data, seed.ctypes.data, edge.ctypes.data
    i = 0
    while i < rows:
        high = ROWS if rows - i >= ROWS else 1
        x, start = pa + (a_at + i * a_row) * size, ps + (seed_at + i * seed_row) * size
        y, y_row = pc + (c_at + i * c_row) * size, c_row
        if columns < width:                         # the last strip: work beside c, then copy what is real
            for r in range(high):
                for v in range(columns):
                    edge[r * width + v] = seed[seed_at + (i + r) * seed_row + v]
            y, y_row, start, seed_step = pe, width, pe, width
        else:
            seed_step = seed_row
        if high == ROWS:
            _tile(c, x, a_row, a_col, b_address, start, seed_step, y, y_row, depth)
        else:
            _row(c, x, a_row, a_col, b_address, start, seed_step, y, y_row, depth)
        if columns < width:
            for r in range(high):
                for v in range(columns):
                    c[c_at + (i + r) * c_row + v] = edge[r * width + v]
        i += high


@kernel
def _block(a, a_at, a_row, a_col, b, b_at, b_row, b_col, c, c_at, c_row, bias, bias_at, rows, columns, k, add, code):
    """c[rows, columns] (+)= a[rows, k] @ b[k, columns] + bias, activated; one task."""
    strip = VECTORS * (BYTES // c.itemsize)
    wide = (columns + strip - 1) // strip * strip
    packed, edge = np.empty(min(k, DEPTH) * wide, c.dtype), np.empty(ROWS * strip, c.dtype)
    first = np.zeros(wide, c.dtype)
    for j in range(min(columns, bias.size - bias_at)):
        first[j] = bias[bias_at + j]
    for p in range(0, k, DEPTH):
        depth = min(DEPTH, k - p)
        _pack(b, b_at + p * b_row, b_row, b_col, depth, columns, strip, packed)
        for i in range(0, rows, CHUNK):
            high = min(CHUNK, rows - i)
            for j in range(0, columns, strip):
                at, from_c = c_at + i * c_row + j, p > 0 or add
                _strip(a, a_at + i * a_row + p * a_col, a_row, a_col, packed.ctypes.data + j * depth * c.itemsize,
                       c if from_c else first, at if from_c else j, c_row if from_c else 0,
                       c, at, c_row, high, min(strip, columns - j), depth, edge)
    if k == 0 and not add:
        for i in range(rows):
            c[c_at + i * c_row:c_at + i * c_row + columns] = first[:columns]
    if code:
        for i in range(rows):
            for j in range(c_at + i * c_row, c_at + i * c_row + columns):
                c[j] = _activated(code, c[j])


def _gemm(a, b, c, bias, outer, inner, m, n, k, a_steps, b_steps, c_steps, blocks, add, code):
    """c = a @ b over flat memory; *_steps: strides in elements of the (outer batch, inner batch, row, column) axes."""
    columns = (n + COLUMNS - 1) // COLUMNS
    high = ((m + blocks - 1) // blocks + ROWS - 1) // ROWS * ROWS
    for task in prange(outer * inner * blocks * columns):
        rest, j = task // columns, task % columns * COLUMNS
        rest, i = rest // blocks, rest % blocks * high
        o, q = rest // inner, rest % inner
        if i < m:
            _block(a, o * a_steps[0] + q * a_steps[1] + i * a_steps[2], a_steps[2], a_steps[3],
                   b, o * b_steps[0] + q * b_steps[1] + j * b_steps[3], b_steps[2], b_steps[3],
                   c, o * c_steps[0] + q * c_steps[1] + i * c_steps[2] + j, c_steps[2],
                   bias, j, min(high, m - i), min(COLUMNS, n - j), k, add, code)


_gemm_alone, _gemm_together = njit_pair(_gemm)
NO_BIAS = {dtype: np.zeros(0, dtype) for dtype in (np.dtype("float32"), np.dtype("float64"))}


def flat(x):
    """The memory from the first to the last element of an array, as one axis."""
    if x.flags.c_contiguous:
        return x.reshape(-1)
    length = 1 + sum((n - 1) * s // x.itemsize for n, s in zip(x.shape, x.strides, strict=True))
    own = x.base                                    # of any dtype: an arena is bytes
    if not isinstance(own, np.ndarray) or not own.flags.c_contiguous:
        return np.lib.stride_tricks.as_strided(x, (length,), (x.itemsize,))
    return np.ndarray((length,), x.dtype, own, x.__array_interface__["data"][0] - own.__array_interface__["data"][0])


def _steps(x, outer, inner):
    """Strides in elements over (outer, inner, row, column); a broadcast axis does not move."""
    *lead, row, col = [s // x.itemsize for s in x.strides]
    lead, shape = [0, 0, *lead][-2:], [1, 1, *x.shape[:-2]][-2:]
    return (lead[0] if shape[0] > 1 else 0, lead[1] if shape[1] > 1 else 0, row, col)


def _two_batches(x):
    """At most two leading axes: more are merged, which needs contiguous memory there."""
    return x if x.ndim <= 4 else x.reshape(-1, *x.shape[-3:])


def _product(a, b, c, bias, add, code):
    (m, k), n = a.shape[-2:], b.shape[-1]
    outer, inner = ([1, 1, *c.shape[:-2]])[-2:]
    if c.size == 0:
        return c
    work, batch = outer * inner * m * n * k, outer * inner * ((n + COLUMNS - 1) // COLUMNS)
    blocks = 1 if work < SMALL else max(1, min(get_num_threads() // batch + (get_num_threads() % batch > 0), m // ROWS))
    gemm = _gemm_alone if work < SMALL else _gemm_together
    gemm(flat(a), flat(b), flat(c), bias, outer, inner, m, n, k,
         _steps(a, outer, inner), _steps(b, outer, inner), _steps(c, outer, inner), blocks, add, code)
    return c


def matmul(a, b, transpose_a=False, transpose_b=False, accumulate=False, out=None):
    """(..., m, k) @ (..., k, n) -> (..., m, n)"""
    a = a.swapaxes(-1, -2) if transpose_a else a
    b = b.swapaxes(-1, -2) if transpose_b else b
    if out is None:
        lead = a.shape[:-2] if a.shape[:-2] == b.shape[:-2] else np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        out = np.empty((*lead, a.shape[-2], b.shape[-1]), a.dtype)
    _product(_two_batches(a), _two_batches(b), _two_batches(out), NO_BIAS[out.dtype], accumulate, 0)
    return out


def dense(x, w, b, activation="linear", out=None):
    """(n, i) x (i, o) + (o,) -> (n, o)"""
    if out is None:
        out = np.empty((x.shape[0], w.shape[1]), x.dtype)
    return _product(x, w, out, NO_BIAS[x.dtype] if b is None else b, False, ACTIVATIONS[activation])


def _activation_backward(code, dy, y, out):
    for i in prange(y.size):
        if code == 0:
            out[i] = dy[i]
        elif code == 1:
            out[i] = dy[i] if y[i] > 0 else y.dtype.type(0)
        elif code == 2:
            out[i] = dy[i] * y[i] * (1 - y[i])
        else:
            out[i] = dy[i] * (1 - y[i] * y[i])


_activation_backward_alone, _activation_backward_together = njit_pair(_activation_backward)


def activation_backward(activation, dy, y, out=None):
    """dz of a fused activation, from its output."""
    out = np.empty(y.shape, y.dtype) if out is None else out
    backward = _activation_backward_alone if y.size < SMALL else _activation_backward_together
    backward(ACTIVATIONS[activation], dy.reshape(-1), y.reshape(-1), out.reshape(-1))
    return out


def dense_backward(dy, y, x, w, activation, need, out=None):
    """need for (x, w, b): gradients of dense, each written where `need` or `out` says"""
    places = out or tuple(n if isinstance(n, np.ndarray) else None for n in need)
    dz = dy if activation == "linear" else activation_backward(activation, dy, y)
    dx = matmul(dz, w, transpose_b=True, out=places[0]) if wanted(need[0]) else None
    dw = matmul(x, dz, transpose_a=True, out=places[1]) if wanted(need[1]) else None
    db = reduce("sum", dz, (0,), out=places[2]) if wanted(need[2]) else None
    return dx, dw, db


def wanted(need) -> bool:
    return need is not None and need is not False
