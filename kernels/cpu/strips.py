"""Products whose right factor is packed, in scratch of a thread's own: what recurrent layers and attention share.

Arrays are addresses, `kind` is the dtype. Packed factors and results fill whole strips, as wide as the register tile.
"""
import numpy as np
from numba import config
from numba.cpython.unsafe.tuple import tuple_setitem

from .launch import inner_kernel
from .matmul import SMALL
from .pack import _pack
from .tile import rows_of_tiles
from .vector import BYTES, LINE, VECTORS, address, store


def whole(width, itemsize):
    """In strips, zeros on the right"""
    strip = VECTORS * (BYTES // itemsize)
    return (width + strip - 1) // strip * strip


padded = inner_kernel(whole)


def in_strips(itemsize, *sizes):
    """Scratch for arrays of so many numbers, each begins at a cache line"""
    return tuple([whole(n, itemsize) for n in sizes])


def threads_for(multiplications: int) -> int:
    return max(1, min(config.NUMBA_NUM_THREADS, multiplications // SMALL))


def scratch_for(threads, sizes, dtype):
    return np.empty(threads * sum(sizes) + LINE // dtype.itemsize, dtype)


@inner_kernel
def own_places(part, scratch, sizes):
    """Where a thread's arrays of so many numbers lie in the scratch"""
    places, size = sizes, scratch.itemsize
    start = (address(scratch) + LINE - 1) // LINE * LINE + part[0] * sum(sizes) * size
    for i in range(len(sizes)):
        places = tuple_setitem(places, i, start)
        start += sizes[i] * size
    return places


@inner_kernel
def pack(kind, x, row, col, depth, columns, packed):
    """x (depth, columns), its numbers `row` and `col` apart -> strips of (depth, a tile's width)"""
    _pack(kind, x, row, col, depth, columns, VECTORS * (BYTES // kind.itemsize), depth, packed)


@inner_kernel
def product(kind, a, a_row, a_col, packed, height, start, start_row, c, c_row, rows, columns, depth):
    """c (rows, columns) = start + a (rows, depth) @ packed, of whose `height` rows `depth` count"""
    size, strip = kind.itemsize, VECTORS * (BYTES // kind.itemsize)
    for j in range(0, columns, strip):
        rows_of_tiles(kind, a, a_row, a_col, a_row, packed + j * height * size, strip, 0, start + j * size,
                      start_row, c + j * size, c_row, rows, strip, depth, -np.inf)


@inner_kernel
def fill(kind, x, n, value):
    for j in range(n):
        store(kind, x, j, value)
