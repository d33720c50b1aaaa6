"""Sums over the rows of (rows, c), of a gradient on its way through an activation too, in one pass.

Where there are few columns, rows are joined to rows about WIDE long: one after the other, all columns many times, the
last row may be shorter. So loops are long, and sums stay apart until the end. Parts and their order never depend on
the number of threads. Blocks of rows are addresses: views would count references, and threads share the counts.
"""
import numpy as np

from .launch import inner_kernel, parallel_kernel, share
from .vector import AHEAD, address, clear, fetch, load, store

ACTIVATIONS = {"linear": 0, "relu": 1, "sigmoid": 2, "tanh": 3}
JOBS = 32       # rows are cut into parts, the same for any number of threads
LEAST = 64      # wide rows of a part, at least
BLOCK = 16      # rows whose sums are kept in the array's own type, while they are in the cache
WIDE = 256


def wide_parts(rows, c):
    """(numbers in a wide row, parts of the wide rows) for an array (rows, c)"""
    groups = max(1, min(WIDE // max(c, 1), rows))
    return groups * c, max(1, min(JOBS, rows // groups // LEAST))


@inner_kernel
def slopes(kind, code, dy, y, dz, count):
    """dz = dy times the slope of an activation, from its output"""
    if code == 1:
        for i in range(count):
            d = load(kind, dy, i)               # read in any case: then the choice is a vector instruction
            store(kind, dz, i, d if load(kind, y, i) > 0 else type(d)(0))
    elif code == 2:
        for i in range(count):
            v = load(kind, y, i)
            store(kind, dz, i, load(kind, dy, i) * v * (type(v)(1) - v))
    else:
        for i in range(count):
            v = load(kind, y, i)
            store(kind, dz, i, load(kind, dy, i) * (type(v)(1) - v * v))


@inner_kernel
def _add_rows(kind, x, rows, columns, total):
    """total (columns,) += the rows, four at a time"""
    step = columns * kind.itemsize
    for i in range(0, rows - 3, 4):
        a, b, c, d = x + i * step, x + (i + 1) * step, x + (i + 2) * step, x + (i + 3) * step
        for j in range(columns):
            total[j] += (load(kind, a, j) + load(kind, b, j)) + (load(kind, c, j) + load(kind, d, j))
    for i in range(rows - rows % 4, rows):
        for j in range(columns):
            total[j] += load(kind, x + i * step, j)


@inner_kernel
def _add_products(kind, dz, x, rows, columns, mean, total, dot):
    """total (columns,) += dz, dot += dz * (x - mean), two rows at a time"""
    step = columns * kind.itemsize
    for i in range(0, rows - 1, 2):
        a, b, p, q = dz + i * step, dz + (i + 1) * step, x + i * step, x + (i + 1) * step
        fetch(a + AHEAD, 2 * step)
        fetch(p + AHEAD, 2 * step)
        for j in range(columns):
            d, e = load(kind, a, j), load(kind, b, j)
            total[j] += d + e
            dot[j] += d * (load(kind, p, j) - mean[j]) + e * (load(kind, q, j) - mean[j])
    for i in range(rows - rows % 2, rows):
        for j in range(columns):
            d = load(kind, dz + i * step, j)
            total[j] += d
            dot[j] += d * (load(kind, x + i * step, j) - mean[j])


@parallel_kernel
def column_sums(part, code, dy_, y_, x_, mean, dz_, parts):
    """parts (jobs, 1, width): the sums of dz = dy times the activation's slope over some wide rows

    (jobs, 2, width): the sums of dz * (x - mean) too, mean (c,). dz is written where there is an array for it.
    """
    kind, size, (jobs, sums, width) = dy_.dtype, dy_.itemsize, parts.shape
    total, dot, wide = np.empty(width, kind), np.empty(width, kind), np.empty(width, kind)
    room, rows = np.empty(0 if dz_.size or code == 0 else BLOCK * width, kind), (dy_.size + width - 1) // width
    for j in range(width if sums == 2 else 0):
        wide[j] = mean[j % mean.size]
    for job in share(part, jobs):
        clear(parts.dtype, address(parts[job]), sums * width)
        at, end = rows * job // jobs * width, min(rows * (job + 1) // jobs * width, dy_.size)
        while at < end:
            columns = min(width, end - at)
            count, dz = min(BLOCK, (end - at) // columns), address(dy_) + at * size
            if code:
                dz = address(room) if room.size else address(dz_) + at * size
                slopes(kind, code, address(dy_) + at * size, address(y_) + at * size, dz, count * columns)
            clear(kind, address(total), width)
            clear(kind, address(dot), width)
            if sums == 2:
                _add_products(kind, dz, address(x_) + at * size, count, columns, wide, total, dot)
            else:
                _add_rows(kind, dz, count, columns, total)
            for j in range(columns):
                parts[job, 0, j] += total[j]
            for j in range(columns if sums == 2 else 0):
                parts[job, 1, j] += dot[j]
            at += count * columns


@inner_kernel
def add_parts(parts, c):
    """The sums of all parts into the first c columns of the first"""
    jobs, sums, width = parts.shape
    for s in range(sums):
        for job in range(1, jobs):
            for j in range(width):
                parts[0, s, j] += parts[job, s, j]
        for start in range(c, width, c):
            for j in range(c):
                parts[0, s, j] += parts[0, s, start + j]
