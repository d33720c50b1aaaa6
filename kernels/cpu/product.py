"""The compiled side of matmul.py: loops that bring the factors near and run the register tile over them.

Each task owns a block of c: it packs a block of b (depth x columns, in strips as wide as a tile) into its own buffer
and runs tiles down the rows of a. A small b, or one for few rows, is read where it lies; a transposed a is copied to
panels as high as a tile. The sum over depth runs in one order whatever the thread count.
Inside, arrays are addresses: that compiles in half the time. `kind` is the dtype.
"""

import numpy as np
from numba.np.unsafe.ndarray import to_fixed_tuple

from .launch import inner_kernel, parallel_kernel, share
from .pack import _pack, _panels, panel_size
from .tile import WIDE, dots, rows_of_tiles, wide_row
from .vector import BYTES, ROWS, VECTORS, address, load, store

COLUMNS = 128                   # of b in a block: it stays in the second-level cache
CHUNK = 16 * ROWS               # rows of a that stay there beside it while the strips pass
PANEL = 4                       # strips of b from which on copying a pays
LINE = 64                       # bytes: where a thread's scratch begins
DOTS = 1                        # the way of few rows and contiguous columns


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
    """c[rows, columns] = max(first[columns] or c + a[rows, k] @ b[k, columns], floor), one task.

    Columns of b before `near` are read in place.
    """
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
            dots(kind, a + i * a_row * size, b + j * b_col * size, b_col,
                 target if add else first + j * first_col * size, 1 if add else first_col, target,
                 min(lanes, columns - j), k, floor)


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


@parallel_kernel
def _gemm(part, a, b, c, bias, scratch, plan, threads):
    """c = max(bias or c + a @ b, 0 or -inf) over flat memory; the plan is matmul.py's. Strides are in numbers, of the
    (outer batch, inner batch, row, column) axes; for the last of the inner batch the depth is `last`.
    """
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
            _block(kind, x, a_row, a_col, y, b_row, b_col, first, bias_col, z, c_row, rows, real, depth, step, add,
                   floor, max(0, min(near - j, real)), packed, panels)
        elif not add:
            _nothing(kind, first, bias_col, z, c_row, rows, real, floor)
        j += wide
        if j >= n:
            i, j = i + high, 0
            if i >= m:
                q, i = q + 1, 0
                if q >= inner:
                    o, q = o + 1, 0


@parallel_kernel
def _join(part, parts, c, c_row, add, threads):
    """c (m, n) (+)= the sum of (parts, m, n)"""
    kind, size, (count, m, n) = c.dtype, c.itemsize, parts.shape
    for i in share(part, m):
        for p in range(count):
            source, target = address(parts) + (p * m + i) * n * size, address(c) + i * c_row * size
            for j in range(n):
                x = load(kind, source, j)
                store(kind, target, j, x + load(kind, target, j) if p or add else x)
