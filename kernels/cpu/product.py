"""The compiled side of matmul.py: loops that bring the factors near and run the register tile over them.

Each task owns a part of c: it packs a block of b (depth x columns, in strips as wide as a tile) into its own buffer;
a single band of a takes it along as it passes. A small b, or one for few rows, is read where it lies; a transposed a is
copied to panels as high as a tile. The sum over depth runs in one order whatever the thread count.
Inside, arrays are addresses: that compiles in half the time. `kind` is the dtype.
"""

import numpy as np
from numba.np.unsafe.ndarray import to_fixed_tuple

from .launch import inner_kernel, parallel_kernel, share
from .pack import APART, _pack
from .tile import LOW, WIDE, dots, high_rows, rows_of_tiles, wide_row
from .vector import BYTES, LINE, ROWS, VECTORS, address, load, store

TILES, DOTS, ROW = range(3)     # how: by tiles, by sums of contiguous factors, or one row that is as wide as can be


@inner_kernel
def _block(kind, a, a_row, a_col, b, b_row, b_col, seed, seed_row, seed_col, c, c_row, rows, columns, depth, floor,
           band, near, strips, panels):
    """c[rows, columns] = max(seed + a[rows, depth] @ b[depth, columns], floor), `band` rows at a time

    Columns of b before `near` are read in place, others from strips; a is copied to panels if there is room for them.
    """
    size, strip, apart = kind.itemsize, VECTORS * (BYTES // kind.itemsize), depth + APART
    passing = 2 * ROWS <= rows <= band and b_col == 1
    packed = max(near, columns // strip * strip) if passing else near
    if packed < columns:
        _pack(kind, b + packed * b_col * size, b_row, b_col, depth, columns - packed, strip, depth,
              strips + (packed - near) * depth * size)
    for i in range(0, rows, band):
        x, x_row, x_col, x_tile, high = a + i * a_row * size, a_row, a_col, a_row, min(band, rows - i)
        if panels:
            full = high_rows(high)
            _pack(kind, x, a_col, a_row, depth, full, np.int64(ROWS), apart, panels)
            _pack(kind, x + full * a_row * size, a_col, a_row, depth, high - full, np.int64(LOW), apart,
                  panels + full * apart * size)
            x, x_row, x_col, x_tile = panels, 1, 0, apart
        for j in range(0, columns, strip):
            y, y_row, place = b + j * b_col * size, b_row, strips + (j - near) * depth * size
            if j >= packed:
                y, y_row = place, strip
            copy = place if near <= j < packed else 0
            rows_of_tiles(kind, x, x_row, x_col, x_tile, y, y_row, copy,
                          seed + (i * seed_row + j * seed_col) * size, seed_row, c + (i * c_row + j) * size, c_row,
                          high, min(strip, columns - j), depth, floor)


@inner_kernel
def _row(kind, a, a_col, b, b_row, seed, seed_col, c, columns, depth, floor):
    """The same for one row and b in place, as far as many registers are filled; returns how far"""
    size, wide = kind.itemsize, WIDE * (BYTES // kind.itemsize)
    done = columns // wide * wide
    for j in range(0, done, wide):
        wide_row(kind, a, a_col, b + j * size, b_row, seed + j * seed_col * size, c + j * size, depth, floor)
    return done


@inner_kernel
def _dots(kind, a, a_row, b, b_col, seed, seed_row, seed_col, c, c_row, rows, columns, depth, floor):
    """The same for a few rows, where the rows of a and the columns of b are contiguous."""
    size = kind.itemsize
    lanes = BYTES // size
    for j in range(0, columns, lanes):
        for i in range(rows):
            dots(kind, a + i * a_row * size, b + j * b_col * size, b_col, seed + (i * seed_row + j * seed_col) * size,
                 seed_col, c + (i * c_row + j) * size, min(lanes, columns - j), depth, floor)


@parallel_kernel
def _gemm(part, a, b, c, bias, scratch, plan, threads):
    """c = max(bias or c + a @ b, 0 or -inf) over flat memory; the plan is matmul.py's. Strides are in numbers, of the
    (outer batch, inner batch, row, column) axes; for the last of the inner batch the depth is `last`.
    """
    (m, n, whole, last, inner, batches, a_outer, a_inner, a_row, a_col, b_outer, b_inner, b_row, b_col, c_outer,
     c_inner, c_row, swapped, add, bias_col, relu, way, near, high, wide, band, block, step, room, before,
     turned) = to_fixed_tuple(plan, 31)
    kind, size = c.dtype, c.itemsize
    left, right = (address(b), address(a)) if swapped else (address(a), address(b))
    strips = (address(scratch) + LINE - 1) // LINE * LINE + part[0] * room * size
    panels, down, across = strips + before * size if turned else 0, -(-m // high), -(-n // wide)
    for task in share(part, batches * down * across):
        i, j, q, o = task // across % down * high, task % across * wide, task // across // down, 0
        o, q = q // inner, q % inner
        rows, k = min(high, m - i), last if q == inner - 1 else whole
        a_task = left + (o * a_outer + q * a_inner + i * a_row) * size
        for p in range(0, max(k, 1), step):
            depth, floor, x = min(step, k - p), 0.0 if relu and p + step >= k else -np.inf, a_task + p * a_col * size
            for begin in range(j, min(j + wide, n), block):
                columns = min(block, min(j + wide, n) - begin)
                y = right + (o * b_outer + q * b_inner + p * b_row + begin * b_col) * size
                z = address(c) + (o * c_outer + q * c_inner + i * c_row + begin) * size
                seed, seed_row, seed_col = address(bias) + begin * bias_col * size, 0, bias_col
                if p > 0 or add:
                    seed, seed_row, seed_col = z, c_row, 1
                if way == DOTS:
                    _dots(kind, x, a_row, y, b_col, seed, seed_row, seed_col, z, c_row, rows, columns, depth, floor)
                    continue
                done = _row(kind, x, a_col, y, b_row, seed, seed_col, z, columns, depth, floor) if way == ROW else 0
                _block(kind, x, a_row, a_col, y + done * b_col * size, b_row, b_col, seed + done * seed_col * size,
                       seed_row, seed_col, z + done * size, c_row, rows, columns - done, depth, floor, band,
                       max(0, near - begin - done), strips, panels)


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
