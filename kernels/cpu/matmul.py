"""Matrix products on generated register tiles: no BLAS, so no second thread pool fights Numba's for the cores.

Each task owns a block of c: it packs a block of b (depth x columns, in strips as wide as a tile) into its own
buffer and runs tiles down the rows of a, which is read where it lies. The sum over depth runs in one order
whatever the thread count. Inside, arrays are addresses: that compiles in half the time.
"""
import functools
import math

import numpy as np
from numba import config
from numba.np.unsafe.ndarray import to_fixed_tuple

from .activate import ACTIVATIONS, _activate_all, activation_backward
from .launch import inner_kernel, parallel_kernel, share
from .pack import _pack, _panels, panel_size
from .reduce import reduce
from .tile import WIDE, dots, rows_of_tiles, wide_row
from .vector import BYTES, ROWS, VECTORS, address, load, store

DEPTH = 320                     # a packed strip of b stays in the first-level cache
COLUMNS = 256                   # and a packed block in the second-level one
CHUNK = 16 * ROWS               # rows of a that stay in the second-level cache while the strips pass
SMALL = 1 << 17                 # multiplications, a number moved being eight, that are worth a thread
PANEL = 4                       # strips of b from which on copying a pays
LINE = 64                       # bytes: where a thread's scratch begins
NEAR = 1 << 14                  # bytes of b that need not be packed
FEW = 4                         # rows for which products of contiguous vectors beat packing b
DOTS = 1
LONG, PARTS = 1024, 16          # depth of a part of a long sum at least, and how many there are at most
ZEROS = {size: np.zeros(WIDE * BYTES // size, f"f{size}") for size in (4, 8)}


@inner_kernel
def _rows(kind, a, a_row, a_col, b, b_row, b_strip, seed, seed_row, seed_col, c, c_row, rows, columns, depth, floor,
          panels):
    """c[rows, columns] = max(seed + a @ b, floor); b's strips lie `b_strip` bytes apart."""
    size, strip = kind.itemsize, VECTORS * (BYTES // kind.itemsize)
    for i in range(0, rows, CHUNK):
        x, x_row, x_col, x_tile, high = a + i * a_row * size, a_row, a_col, ROWS * a_row, min(CHUNK, rows - i)
        if panels and columns > PANEL * strip:
            _panels(kind, x, a_col, high, depth, panels)
            x, x_row, x_col, x_tile = panels, 1, ROWS, panel_size(kind, depth)
        for j in range(0, columns, strip):
            rows_of_tiles(kind, x, x_row, x_col, x_tile, b + j // strip * b_strip, b_row,
                          seed + (i * seed_row + j * seed_col) * size, seed_row, c + (i * c_row + j) * size, c_row,
                          high, min(strip, columns - j), depth, floor)


@inner_kernel
def _near(kind, a, a_row, a_col, b, b_row, seed, seed_row, seed_col, c, c_row, rows, columns, depth, floor, panels):
    """The same where b is read in place: its rows are contiguous, its columns fill registers."""
    size, done = kind.itemsize, 0
    if rows == 1:
        wide = WIDE * (BYTES // size)
        done = columns // wide * wide
        for j in range(0, done, wide):
            wide_row(kind, a, a_col, b + j * size, b_row, seed + j * seed_col * size, c + j * size, depth, floor)
    _rows(kind, a, a_row, a_col, b + done * size, b_row, VECTORS * BYTES, seed + done * seed_col * size, seed_row,
          seed_col, c + done * size, c_row, rows, columns - done, depth, floor, panels)


@inner_kernel
def _block(kind, a, a_row, a_col, b, b_row, b_col, first, first_col, c, c_row, rows, columns, k, step, add, floor, near,
           packed, panels):
    """c[rows, columns] = max(first[columns] or c + a[rows, k] @ b[k, columns], floor); columns of b before `near` are
    read in place."""
    size, strip = kind.itemsize, VECTORS * (BYTES // kind.itemsize)
    for p in range(0, k, step):
        depth, begun, x, y = min(step, k - p), p > 0 or add, a + p * a_col * size, b + p * b_row * size
        lowest = floor if p + step >= k else -np.inf
        seed, seed_row, seed_col = (c, c_row, 1) if begun else (first, 0, first_col)
        if near:
            _near(kind, x, a_row, a_col, y, b_row, seed, seed_row, seed_col, c, c_row, rows, near, depth, lowest,
                  panels)
        for j in range(near, columns, COLUMNS):
            wide = min(COLUMNS, columns - j)
            _pack(kind, y + j * b_col * size, b_row, b_col, depth, wide, strip, packed)
            _rows(kind, x, a_row, a_col, packed, strip, depth * strip * size, seed + j * seed_col * size, seed_row,
                  seed_col, c + j * size, c_row, rows, wide, depth, lowest, panels)


@inner_kernel
def _dots(kind, a, a_row, b, b_col, first, first_col, c, c_row, rows, columns, k, add, floor):
    """The same for a few rows, where the rows of a and the columns of b are contiguous."""
    size = kind.itemsize
    lanes = BYTES // size
    for j in range(0, columns, lanes):
        for i in range(rows):
            target = c + (i * c_row + j) * size
            dots(kind, a + i * a_row * size, b + j * b_col * size, b_col, target if add else first + j * first_col * size,
                 1 if add else first_col, target, min(lanes, columns - j), k, floor)


@inner_kernel
def _nothing(kind, first, first_col, c, c_row, rows, columns, floor):
    """c = max(first[columns], floor), where there is nothing to sum"""
    for i in range(rows):
        for j in range(columns):
            x = load(kind, first, j * first_col)
            store(kind, c, i * c_row + j, floor if x < floor else x)


@inner_kernel
def _grid(m, n, parts, strip):
    """Rows and columns of a task, when c is cut into about so many: the least work, packing b included."""
    best, high, wide = m * n * 8, m, n
    for cut in range(1, parts + 1):
        rows, columns = -(-m // cut), -(-n // (parts // cut))
        rows, columns = -(-rows // ROWS) * ROWS, -(-columns // strip) * strip
        if (rows + ROWS) * columns < best:
            best, high, wide = (rows + ROWS) * columns, rows, columns
    return high, wide


@functools.partial(parallel_kernel, once=True)
def _gemm(part, a, b, c, bias, scratch, plan, threads):
    """c = a @ b over flat memory, strides in elements of the (outer batch, inner batch, row, column) axes."""
    (m, n, k, inner, batches, a_outer, a_inner, a_row, a_col, b_outer, b_inner, b_row, b_col, c_outer, c_inner, c_row,
     swapped, add, bias_col, relu, way, near, step, last, room, panel) = to_fixed_tuple(plan, 26)
    kind, size, floor = c.dtype, c.itemsize, 0.0 if relu else -np.inf
    left, right = (address(b), address(a)) if swapped else (address(a), address(b))
    packed = (address(scratch) + LINE - 1) // LINE * LINE + part[0] * room * size
    panels = packed + panel * size if panel else 0
    high, wide = _grid(m, n, -(-part[1] // batches), VECTORS * (BYTES // size))
    blocks, columns = -(-m // high), -(-n // wide)
    mine = share(part, batches * blocks * columns)
    rest, j = mine.start // columns, mine.start % columns * wide
    rest, i = rest // blocks, rest % blocks * high
    o, q = rest // inner, rest % inner
    for _ in range(len(mine)):
        rows, real = min(high, m - i), min(wide, n - j)
        depth = last if q == inner - 1 else k
        x = left + (o * a_outer + q * a_inner + i * a_row) * size
        y = right + (o * b_outer + q * b_inner + j * b_col) * size
        z, first = address(c) + (o * c_outer + q * c_inner + i * c_row + j) * size, address(bias) + j * bias_col * size
        if way == DOTS:
            _dots(kind, x, a_row, y, b_col, first, bias_col, z, c_row, rows, real, depth, add, floor)
        elif k > 0:
            _block(kind, x, a_row, a_col, y, b_row, b_col, first, bias_col, z, c_row, rows, real, depth, step, add, floor,
                   max(0, min(near - j, real)), packed, panels)
        elif not add:
            _nothing(kind, first, bias_col, z, c_row, rows, real, floor)
        j += wide
        if j >= n:
            i, j = i + high, 0
            if i >= m:
                q, i = q + 1, 0
                if q >= inner:
                    o, q = o + 1, 0


def _flat(x):
    """An array on two axes that begins where x begins, and reaches as far at least."""
    if x.flags.c_contiguous:
        return x if x.ndim == 2 else x.reshape(1, -1)
    length = 1 + sum([(n - 1) * s // x.itemsize for n, s in zip(x.shape, x.strides)])
    own = x.base                                    # of any dtype: an arena is bytes
    if not isinstance(own, np.ndarray) or not own.flags.c_contiguous:
        return np.lib.stride_tricks.as_strided(x, (1, length), (length * x.itemsize, x.itemsize))
    start = x.__array_interface__["data"][0] - own.__array_interface__["data"][0]
    return np.ndarray((1, length), x.dtype, own, start)


def _steps(shape, strides, size, turned):
    """Strides in elements over (outer, inner, row, column), 0 where broadcast; `turned` swaps the last two."""
    outer, inner = 0, 0
    *lead, row, col = strides
    if lead:
        inner = lead[-1] // size if shape[-3] > 1 else 0
        outer = lead[0] // size if len(lead) > 1 and shape[0] > 1 else 0
    return (outer, inner, col // size, row // size) if turned else (outer, inner, row // size, col // size)


def _way(m, n, k, a, b, size):
    """How b is read: (DOTS or not, columns read in place)"""
    lanes = BYTES // size
    if m <= FEW and a[3] == 1 and b[2] == 1:
        return DOTS, 0
    if b[3] != 1 or m > ROWS and min(k, DEPTH) * n * size > NEAR:
        return 0, 0
    return 0, n if n % lanes == 0 else n // (VECTORS * lanes) * (VECTORS * lanes)


def _cut(m, n, k, a, b, size):
    """How the factors of one product are read: (way, columns of b in place, depth, room, of that for b)"""
    strip = VECTORS * (BYTES // size)
    way, near = _way(m, n, k, a, b, size)
    step = k if m <= ROWS else -(-k // max(1, -(-k // DEPTH)))
    packed = 0 if way == DOTS or near == n else step * min(-(-(n - near) // strip) * strip, COLUMNS) + LINE // size
    panel = CHUNK * step + CHUNK // ROWS * (BYTES // size) if packed and a[2] == 1 and n > PANEL * strip else 0
    return way, near, step, packed + panel, packed if panel else 0


@functools.cache
def _plan(size, a_shape, a_strides, turn_a, b_shape, b_strides, turn_b, c_shape, c_strides, add, bias, relu, parts=1):
    """How a product of such arrays runs: (contiguous matrices?, numbers for _gemm, zeros, scratch, threads at most)

    `parts`: of the depth, each gives a matrix of its own.
    """
    flat = all(strides == (shape[-1] * size, size) for shape, strides in
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
    way, near, step, room, panel = _cut(m, n, depth, a, b, size)
    cost = batches * (m * n * depth + 8 * (m * depth + depth * n + m * n))
    threads = max(1, min(config.NUMBA_NUM_THREADS, cost // SMALL))
    numbers = (m, n, depth, inner, batches, *a, *b, *c[:3], swapped, add, bias and not swapped, relu,
               way, near, step, last, room, panel)
    return flat, np.array(numbers, np.int64), ZEROS[size], room and threads * room + LINE // size, threads


@functools.cache
def _parts(m, n, k):
    """Into how many pieces a long sum over small factors is cut, for any number of threads."""
    return max(1, min(PARTS, k // LONG, (m + n) * k // (8 * m * n)))


@functools.partial(parallel_kernel, once=True)
def _join(part, parts, c, c_row, add, threads):
    """c (m, n) (+)= the sum of (parts, m, n)"""
    kind, size, (count, m, n) = c.dtype, c.itemsize, parts.shape
    for i in share(part, m):
        for p in range(count):
            source, target = address(parts) + (p * m + i) * n * size, address(c) + i * c_row * size
            for j in range(n):
                x = load(kind, source, j)
                store(kind, target, j, x + load(kind, target, j) if p or add else x)


def _run(a, b, c, bias, flat, numbers, zeros, scratch, threads):
    if not flat:
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


def dense(x, w, b, activation="linear", out=None):
    """(n, i) x (i, o) + (o,) -> (n, o); nothing in between is Python: a small layer is mostly this function"""
    if out is None:
        out = np.empty((x.shape[0], w.shape[1]), x.dtype)
    if out.size:
        _run(x, w, out, b, *_dense_plan(x.itemsize, x.shape, w.shape, b is not None, activation == "relu"))
        if activation in ("sigmoid", "tanh"):
            _activate_all(out.reshape(-1), ACTIVATIONS[activation])
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
