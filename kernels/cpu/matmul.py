"""Matrix products on generated register tiles: no BLAS, so no second thread pool fights Numba's for the cores.

Each task owns a block of c: it packs a block of b (depth x columns, in strips as wide as a tile) into its own
buffer and runs tiles down the rows of a, which is read where it lies. The sum over depth runs in one order
whatever the thread count. Inside, arrays are addresses: that compiles in half the time.
"""
import functools

import numpy as np
from numba import get_num_threads

from .activate import ACTIVATIONS, NO_BIAS, _finish, activation_backward
from .launch import inner_kernel, parallel_kernel, share
from .reduce import reduce
from .vector import BYTES, ROWS, VECTORS, address, load, make_tile, store

DEPTH = 256                     # a packed strip of b stays in the first-level cache
COLUMNS = 256                   # and a packed block in the second-level one
CHUNK = 16 * ROWS               # rows of a that stay in the second-level cache while the strips pass
SMALL = 1 << 19                 # multiplications below which one thread is faster
LINE = 64                       # bytes: where a thread's scratch begins

_tile, _row = make_tile(ROWS, VECTORS), make_tile(1, VECTORS)


@inner_kernel
def _pack(kind, b, row, col, depth, columns, strip, packed):
    """(depth, columns) of b, any strides -> strips of (depth, strip), zeros on the right."""
    for j in range(0, columns, strip):
        real, target = min(strip, columns - j), packed + j * depth * kind.itemsize
        source = b + j * col * kind.itemsize
        for p in range(depth):
            if col == 1 and real == strip:
                for v in range(strip):
                    store(kind, target, p * strip + v, load(kind, source, p * row + v))
            else:
                for v in range(strip):
                    store(kind, target, p * strip + v, load(kind, source, p * row + v * col) if v < real else 0)


@inner_kernel
def _copy(kind, source, source_row, target, target_row, rows, columns):
    for i in range(rows):
        for j in range(columns):
            store(kind, target, i * target_row + j, load(kind, source, i * source_row + j))


@inner_kernel
def _strip(kind, a, a_row, a_col, b, seed, seed_row, c, c_row, rows, columns, depth, edge):
    """One strip of c, `rows` high and at most a tile wide, begins as the seed's rows. `edge` is room for a tile."""
    size, width, i = kind.itemsize, VECTORS * (BYTES // kind.itemsize), 0
    while i < rows:
        high = ROWS if rows - i >= ROWS else 1
        x, y, y_row = a + i * a_row * size, c + i * c_row * size, c_row
        start, start_row = seed + i * seed_row * size, seed_row
        if columns < width:                         # the last strip: work beside c, then copy what is real
            _copy(kind, start, seed_row, edge, width, high, columns)
            start, start_row, y, y_row = edge, width, edge, width
        if high == ROWS:
            _tile(kind, x, a_row, a_col, b, start, start_row, y, y_row, depth)
        else:
            _row(kind, x, a_row, a_col, b, start, start_row, y, y_row, depth)
        if columns < width:
            _copy(kind, edge, width, c + i * c_row * size, c_row, high, columns)
        i += high


@inner_kernel
def _block(kind, a, a_row, a_col, b, b_row, b_col, c, c_row, packed, first, edge, rows, columns, k, add, relu):
    """c[rows, columns] (+)= a[rows, k] @ b[k, columns] + first[columns], one task: addresses, strides in elements."""
    size, strip = kind.itemsize, VECTORS * (BYTES // kind.itemsize)
    for p in range(0, k, DEPTH):
        depth, from_c = min(DEPTH, k - p), p > 0 or add
        _pack(kind, b + p * b_row * size, b_row, b_col, depth, columns, strip, packed)
        for i in range(0, rows, CHUNK):
            for j in range(0, columns, strip):
                target = c + (i * c_row + j) * size
                _strip(kind, a + (i * a_row + p * a_col) * size, a_row, a_col, packed + j * depth * size,
                       target if from_c else first + j * size, c_row if from_c else 0,
                       target, c_row, min(CHUNK, rows - i), min(strip, columns - j), depth, edge)
    if k == 0 and not add:
        _copy(kind, first, 0, c, c_row, rows, columns)
    if relu:
        for i in range(rows):
            for j in range(columns):
                x = load(kind, c, i * c_row + j)
                store(kind, c, i * c_row + j, 0 if x < 0 else x)        # NaN stays


@functools.partial(parallel_kernel, once=True)
def _gemm(part, a, b, c, bias, scratch, room, wide, m, n, k, inner, batches, blocks, a_outer, a_inner, a_row, a_col,
          b_outer, b_inner, b_row, b_col, c_outer, c_inner, c_row, add, relu, threads):
    """c = a @ b over flat memory, strides in elements of the (outer batch, inner batch, row, column) axes.

    A thread keeps in its `room` of the scratch a packed block of b, a row of the bias and a tile.
    """
    size, columns = c.itemsize, (n + COLUMNS - 1) // COLUMNS
    high = ((m + blocks - 1) // blocks + ROWS - 1) // ROWS * ROWS
    packed = (address(scratch) + LINE - 1) // LINE * LINE + part[0] * room * size
    first = packed + min(k, DEPTH) * wide * size
    edge = first + wide * size
    for task in share(part, batches * blocks * columns):
        rest, j = task // columns, task % columns * COLUMNS
        rest, i = rest // blocks, rest % blocks * high
        o, q = rest // inner, rest % inner
        if i < m:
            for v in range(wide):
                store(c, first, v, bias[j + v] if j + v < bias.size else 0)
            _block(c, address(a) + (o * a_outer + q * a_inner + i * a_row) * size, a_row, a_col,
                   address(b) + (o * b_outer + q * b_inner + j * b_col) * size, b_row, b_col,
                   address(c) + (o * c_outer + q * c_inner + i * c_row + j) * size, c_row,
                   packed, first, edge, min(high, m - i), min(COLUMNS, n - j), k, add, relu)


def _flat(x):
    """An array on one axis that begins where x begins, and reaches as far at least."""
    if x.flags.c_contiguous:
        return x.reshape(-1)
    length = 1 + sum([(n - 1) * s // x.itemsize for n, s in zip(x.shape, x.strides)])
    own = x.base                                    # of any dtype: an arena is bytes
    if not isinstance(own, np.ndarray) or not own.flags.c_contiguous:
        return np.lib.stride_tricks.as_strided(x, (length,), (x.itemsize,))
    return np.ndarray((length,), x.dtype, own, x.__array_interface__["data"][0] - own.__array_interface__["data"][0])


def _steps(x, turned):
    """Strides in elements over (outer, inner, row, column), 0 where broadcast; `turned` swaps the last two."""
    size, outer, inner = x.itemsize, 0, 0
    *lead, row, col = x.strides
    if lead:
        inner = lead[-1] // size if x.shape[-3] > 1 else 0
        outer = lead[0] // size if len(lead) > 1 and x.shape[0] > 1 else 0
    return (outer, inner, col // size, row // size) if turned else (outer, inner, row // size, col // size)


@functools.cache
def _plan(m, n, k, batches, itemsize):
    """How a product of this size is cut: (room, wide, blocks, threads, scratch in numbers)."""
    strip = VECTORS * (BYTES // itemsize)
    wide = -(-min(n, COLUMNS) // strip) * strip
    threads = blocks = 1
    if batches * m * n * k >= SMALL:
        threads, tasks = get_num_threads(), batches * -(-n // COLUMNS)
        blocks = max(1, min(-(-threads // tasks), m // ROWS))
    room = min(k, DEPTH) * wide + wide + ROWS * strip
    return room, wide, blocks, threads, threads * room + LINE // itemsize


def _product(a, b, c, turn_a, turn_b, add):
    """c (+)= a @ b, at most two leading axes"""
    m, n = c.shape[-2:]
    k = a.shape[-2 if turn_a else -1]
    batches, inner = (1, 1) if c.ndim == 2 else (c.size // max(1, m * n), c.shape[-3])
    room, wide, blocks, threads, size = _plan(m, n, k, batches, c.itemsize)
    if c.size:
        _gemm(_flat(a), _flat(b), _flat(c), NO_BIAS[c.dtype], np.empty(size, c.dtype), room, wide, m, n, k, inner,
              batches, blocks, *_steps(a, turn_a), *_steps(b, turn_b), *_steps(c, False)[:3], add, False, threads)


def _two_batches(x):
    """At most two leading axes: more are merged, which needs contiguous memory there."""
    return x if x.ndim <= 4 else x.reshape(-1, *x.shape[-3:])


def matmul(a, b, transpose_a=False, transpose_b=False, accumulate=False, out=None):
    """(..., m, k) @ (..., k, n) -> (..., m, n)"""
    if out is None:
        lead = a.shape[:-2] if a.shape[:-2] == b.shape[:-2] else np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        out = np.empty((*lead, a.shape[-1 if transpose_a else -2], b.shape[-2 if transpose_b else -1]), a.dtype)
    _product(_two_batches(a), _two_batches(b), _two_batches(out), transpose_a, transpose_b, accumulate)
    return out


def dense(x, w, b, activation="linear", out=None):
    """(n, i) x (i, o) + (o,) -> (n, o); nothing in between is Python: a small layer is mostly this function"""
    (m, k), n, dtype = x.shape, w.shape[1], x.dtype
    if out is None:
        out = np.empty((m, n), dtype)
    if out.size:
        room, wide, blocks, threads, size = _plan(m, n, k, 1, x.itemsize)
        _gemm(x.reshape(-1), w.reshape(-1), out.reshape(-1), NO_BIAS[dtype] if b is None else b,
              np.empty(size, dtype), room, wide, m, n, k, 1, 1, blocks, 0, 0, k, 1, 0, 0, n, 1, 0, 0, n,
              False, activation == "relu", threads)
        if activation in ("sigmoid", "tanh"):
            _finish(out, NO_BIAS[dtype], ACTIVATIONS[activation])
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
