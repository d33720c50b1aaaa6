"""Matrix products on generated register tiles: no BLAS, so no second thread pool fights Numba's for the cores.

Here is what is decided once for products of the same shapes: how they are cut and read. product.py does it.
"""
import functools
import math

import numpy as np
from numba import config

from .activate import ACTIVATIONS, _activate_all, bias_backward
from .memory import flat
from .pack import APART
from .product import DOTS, ROW, TILES, _gemm, _join
from .tile import WIDE
from .vector import BYTES, LINE, ROWS, VECTORS

DEPTH, COLUMNS = 1024, 256      # of a packed block of b: c is written once
BAND = 11 * ROWS                # rows of a that pass by one strip of b after the other: both stay in a near cache
TURNED = 512, 1024, 12 * ROWS   # all three where a is copied to panels: they are made once for so many columns
SMALL = 1 << 17                 # multiplications, a number moved being eight, that are worth a thread
NEAR = 1 << 14                  # bytes of b that need not be packed
PANEL = 4                       # strips of b from which on copying a turned a pays
FEW = 4                         # rows for which products of contiguous vectors beat packing b
LONG, PARTS = 1024, 16          # depth of a part of a long sum at least, and how many there are at most
ZEROS = {size: np.zeros(WIDE * BYTES // size, f"f{size}") for size in (4, 8)}


def _flat(x):
    """An array on two axes that begins where x begins, and reaches as far at least."""
    return x if x.ndim == 2 and x.flags.c_contiguous else flat(x)[None]


def _steps(shape, strides, size, turned):
    """Strides in elements over (outer, inner, row, column), 0 where broadcast; `turned` swaps the last two."""
    outer, inner = 0, 0
    *lead, row, col = strides
    if lead:
        inner = lead[-1] // size if shape[-3] > 1 else 0
        outer = lead[0] // size if len(lead) > 1 and shape[0] > 1 else 0
    return (outer, inner, col // size, row // size) if turned else (outer, inner, row // size, col // size)


def _way(m, n, k, a, b, size):
    """How: (way, columns of b read in place)"""
    lanes = BYTES // size
    if m <= FEW and a[3] == 1 and b[2] == 1:
        return DOTS, 0
    if b[3] != 1 or m > ROWS and min(k, DEPTH) * n * size > NEAR:
        return TILES, 0
    return ROW if m == 1 else TILES, n if n % lanes == 0 else n // (VECTORS * lanes) * (VECTORS * lanes)


def _blocks(m, n, k, a, way, near, size):
    """(columns and depth of a block of b, rows of a band, numbers of a thread's scratch for its strips, for panels)"""
    lanes, strip = BYTES // size, VECTORS * (BYTES // size)
    turned = way == TILES and near < n and a[2] == 1 and m > 2 * ROWS and n > PANEL * strip
    most, columns, band = TURNED if turned else (DEPTH, COLUMNS, BAND)
    step = max(1, k if m <= ROWS else -(-k // max(1, -(-k // most))))
    strips = 0 if way == DOTS or near == n else step * min(-(-(n - near) // strip) * strip, columns)
    return columns, step, band, strips, band * (step + APART) + lanes if turned else 0


def _grid(m, n, parts, strip, laid):
    """Rows and columns of a task, when c is cut into about so many: the least work, packing b included. Where a is
    copied, that costs a row as much as `laid` columns.
    """
    cuts = [(-(-m // (cut * ROWS)) * ROWS, -(-n // (parts // cut * strip)) * strip) for cut in range(1, parts + 1)]
    return min(cuts, key=lambda cut: (cut[0] + ROWS) * (cut[1] + laid))


@functools.cache
def _plan(size, a_shape, a_strides, turn_a, b_shape, b_strides, turn_b, c_shape, c_strides, add, bias, relu, parts=1):
    """How a product of such arrays runs: (contiguous matrices?, numbers for _gemm, zeros, scratch, threads at most)

    `parts`: of the depth, each gives a matrix of its own.
    """
    plain = all(strides == (shape[-1] * size, size) for shape, strides in
               ((a_shape, a_strides), (b_shape, b_strides), (c_shape, c_strides)))
    (m, n), k = c_shape[-2:], a_shape[-2 if turn_a else -1]
    batches, inner = (1, 1) if len(c_shape) == 2 else (math.prod(c_shape[:-2]), c_shape[-3])
    a, b = _steps(a_shape, a_strides, size, turn_a), _steps(b_shape, b_strides, size, turn_b)
    c = _steps(c_shape, c_strides, size, False)
    depth, last = k, k
    if parts > 1:
        depth = -(-k // parts)
        last, a, b = k - (parts - 1) * depth, (0, depth * a[3], *a[2:]), (0, depth * b[2], *b[2:])
    swapped = n == 1 and c[2] == 1 and not (bias and a[3] != 1)         # a column is a row
    if swapped:
        m, n, a, b = n, m, (*b[:2], b[3], b[2]), (*a[:2], a[3], a[2])
    cost = batches * (m * n * depth + 8 * (m * depth + depth * n + m * n))
    threads = max(1, min(config.NUMBA_NUM_THREADS, cost // SMALL))
    way, near = _way(m, n, depth, a, b, size)
    columns, step, band, strips, panels = _blocks(m, n, depth, a, way, near, size)
    room = strips + panels and strips + panels + LINE // size
    numbers = (m, n, depth, last, inner, batches, *a, *b, *c[:3], swapped, add, bias and not swapped, relu, way, near,
               *_grid(m, n, -(-threads // batches), VECTORS * (BYTES // size), 4 * ROWS * (panels > 0)), band, columns,
               step, room, strips, panels > 0)
    return plain, np.array(numbers, np.int64), ZEROS[size], room and threads * room + LINE // size, threads


@functools.cache
def _parts(m, n, k):
    """Into how many pieces a long sum over small factors is cut, for any number of threads: a power of two."""
    most = max(1, min(PARTS, k // LONG, (m + n) * k // (8 * m * n)))
    return 1 << most.bit_length() - 1


def _run(a, b, c, bias, plain, numbers, zeros, scratch, threads):
    if not plain:
        a, b, c = _flat(a), _flat(b), _flat(c)
    _gemm(a, b, c, zeros if bias is None else bias, np.empty(scratch, c.dtype) if scratch else zeros, numbers, threads)


def matmul(a, b, transpose_a=False, transpose_b=False, accumulate=False, out=None):
    """(..., m, k) @ (..., k, n) -> (..., m, n)"""
    if out is None:
        lead = a.shape[:-2] if a.shape[:-2] == b.shape[:-2] else np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        out = np.empty((*lead, a.shape[-1 if transpose_a else -2], b.shape[-2 if transpose_b else -1]), a.dtype)
    if out.size:
        c = out
        if c.ndim > 4:
            a, b, c = (x if x.ndim <= 4 else x.reshape(-1, *x.shape[-3:]) for x in (a, b, c))
        if c.ndim == 2 and (parts := _parts(*c.shape, a.shape[not transpose_a])) > 1:
            _product_in_parts(a, b, c, transpose_a, transpose_b, accumulate, parts)
        else:
            _run(a, b, c, None, *_plan(c.itemsize, a.shape, a.strides, transpose_a, b.shape, b.strides, transpose_b,
                                       c.shape, c.strides, accumulate, False, False))
    return out


def _product_in_parts(a, b, c, turn_a, turn_b, add, parts):
    room = np.empty((parts, *c.shape), c.dtype)
    _run(a, b, room, None, *_plan(c.itemsize, a.shape, a.strides, turn_a, b.shape, b.strides, turn_b,
                                  room.shape, room.strides, False, False, False, parts))
    _join(room, _flat(c), c.strides[0] // c.itemsize, add, max(1, room.size // SMALL))


@functools.cache
def _dense_plan(size, x, w, bias, relu):
    """All are contiguous."""
    m, k, n = *x, w[1]
    return _plan(size, x, (k * size, size), False, w, (n * size, size), False, (m, n), (n * size, size),
                 False, bias, relu)


def dense(x, w, b, activation="linear", masks=None, out=None):
    """(n, i) x (i, o) + (o,) -> (n, o); nothing in between is Python: a small layer is mostly this function"""
    if out is None:
        out = np.empty((x.shape[0], w.shape[1]), x.dtype)
    if out.size:
        _, numbers, zeros, scratch, threads = _dense_plan(x.itemsize, x.shape, w.shape, b is not None,
                                                          activation == "relu")
        _gemm(x, w, out, zeros if b is None else b, np.empty(scratch, x.dtype) if scratch else zeros, numbers, threads)
        if activation in ("sigmoid", "tanh"):
            _activate_all(out.reshape(-1), ACTIVATIONS[activation])
    return out


def dense_backward(dy, y, x, w, activation, need, mask=None, out=None):
    """need for (x, w, b): gradients of dense, each written where `need` or `out` says"""
    places = out or tuple(n if isinstance(n, np.ndarray) else None for n in need)
    bent = activation != "linear"
    dz, db = bias_backward(activation, dy, y, (bent, need[2]), (None, places[2]))
    dz = dz if bent else dy
    dx = matmul(dz, w, transpose_b=True, out=places[0]) if wanted(need[0]) else None
    dw = matmul(x, dz, transpose_a=True, out=places[1]) if wanted(need[1]) else None
    return dx, dw, db


def wanted(need) -> bool:
    return need is not None and need is not False
