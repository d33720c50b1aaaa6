"""Scaled dot-product attention, a block of queries by a block of keys at a time: there is no table of scores in memory.

A task is a head of an image. Its keys and values are packed for the register tile block by block, the queries pass by,
and their softmax runs along: when a larger score comes, what was summed so far is scaled down.
"""
import functools

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from .launch import inner_kernel, parallel_kernel, share
from .maths import exp, log
from .matmul import LINE, SMALL
from .pack import _pack
from .recurrent import aligned, clear, padded, strip_width
from .tile import rows_of_tiles
from .vector import BYTES, INT, ROWS, VECTORS, Vectors, address, load, store

QUERIES, KEYS = 8 * ROWS, 256   # a block of scores and the packed keys and values stay in the second-level cache
APART = KEYS + 16               # rows of scores: not a power of two, or they would meet in few sets of the cache
NO_MASK = np.empty(0, np.uint8)


@intrinsic
def _apart(typing):
    """The function that says so is called where it is used, not copied there; calls with literals, which are types of
    their own, would each have a function of their own."""
    def codegen(context, builder, signature, args):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), codegen


@inner_kernel
def _product(kind, a, a_row, a_col, packed, height, start, start_row, c, c_row, rows, columns, depth):
    """c (rows, columns) = start + a (rows, depth) @ packed, whose strips are `height` high; start_row 0: zeros"""
    _apart()
    size, strip = kind.itemsize, VECTORS * (BYTES // kind.itemsize)
    for j in range(0, columns, strip):
        rows_of_tiles(kind, a, a_row, a_col, ROWS * a_row, packed + j * height * size, strip,
                      start + j * size if start_row else start, start_row, c + j * size, c_row, rows,
                      min(strip, columns - j), depth, -np.inf)


@intrinsic
def _largest(typing, kind, x, n):
    """Of whole vectors. Numba's loop for it is none of vectors, for the sake of NaN: here NaN may win or not."""
    def codegen(context, builder, signature, args):
        f = Vectors(context, builder, kind.dtype)
        top = cgutils.alloca_once_value(builder, f.spread(ir.Constant(f.real, float("-inf"))))
        with cgutils.for_range(builder, builder.sdiv(args[2], f.const(f.lanes))) as loop:
            x = f.load(f.at(f.pointer(args[1]), builder.mul(loop.index, f.const(f.lanes))))
            builder.store(f.at_least(x, builder.load(top)), top)
        lanes = [builder.extract_element(builder.load(top), ir.Constant(INT, i)) for i in range(f.lanes)]
        return functools.reduce(f.at_least, lanes)

    return kind.dtype(kind, types.int64, types.int64), codegen


@inner_kernel
def _hide(kind, x, mask, at, step, n, value):
    """`value` where the mask is 0"""
    value = kind.dtype.type(value)
    for j in range(n):
        store(kind, x, j, load(kind, x, j) if load(mask, address(mask), at + j * step) else value)


@inner_kernel
def _fill(kind, x, start, stop, value):
    for j in range(stop - start):
        store(kind, x + start * kind.itemsize, j, value)


@inner_kernel
def _copy(kind, source, row, target, rows, columns, scale):
    for r in range(rows):
        x, y = source + r * row * kind.itemsize, target + r * columns * kind.itemsize
        for j in range(columns):
            store(kind, y, j, load(kind, x, j) * scale)


@inner_kernel
def _scale(kind, x, n, factor):
    for j in range(n):
        store(kind, x, j, load(kind, x, j) * factor)


@inner_kernel
def _exponentials(kind, scores, n, top):
    """In place; returns their sum."""
    total = kind.dtype.type(0)
    for j in range(n):
        e = exp(load(kind, scores, j) - top)
        store(kind, scores, j, e)
        total += e
    return total


@inner_kernel
def _soften(kind, scores, width, top, total, y, e):
    """A row's next scores -> their exponentials; at `top` and `total`, its largest and its sum so far, y (e,) so far"""
    before, new = load(kind, top, 0), _largest(kind, scores, width)
    if new <= before:
        new = before
    if new == -np.inf:
        clear(kind, scores, width)
        return
    if new > before > -np.inf:
        factor = exp(before - new)
        store(kind, total, 0, load(kind, total, 0) * factor)
        _scale(kind, y, e, factor)
    store(kind, top, 0, new)
    store(kind, total, 0, load(kind, total, 0) + _exponentials(kind, scores, width, new))


@inner_kernel
def _head(kind, q, k, v, y, top, mask, at, steps, scale, causal, shape, first, every, scratch):
    """A head of an image, addresses: the blocks of queries from `first` on, one of `every`"""
    (tq, tk, heads, d, e), size, strip = shape, kind.itemsize, VECTORS * (BYTES // kind.itemsize)
    zero, one, apart = np.int64(0), np.int64(1), np.int64(APART)        # as literals they would be types: see _apart
    q_row, y_row = heads * d, heads * e
    keys = scratch + strip * size
    values = keys + KEYS * d * size
    block = values + KEYS * padded(kind, e) * size
    scores = block + QUERIES * d * size
    sums = scores + QUERIES * apart * size
    for k0 in range(0, tk, KEYS):
        wide = min(KEYS, tk - k0)
        _pack(kind, k + k0 * q_row * size, one, q_row, d, wide, strip, keys)
        _pack(kind, v + k0 * y_row * size, y_row, one, wide, e, strip, values)
        for q0 in range(first * QUERIES, tq, every * QUERIES):
            rows, out = min(QUERIES, tq - q0), y + q0 * y_row * size
            seen = min(wide, q0 + rows - k0) if causal else wide
            if seen > 0:
                columns = padded(kind, seen)
                _copy(kind, q + q0 * q_row * size, q_row, block, rows, d, scale)
                _product(kind, block, d, one, keys, d, scratch, zero, scores, apart, rows, columns, d)
                for r in range(rows):
                    i, row = q0 + r, scores + r * apart * size
                    limit = max(0, min(seen, i + 1 - k0)) if causal else seen
                    if mask.size:
                        _hide(kind, row, mask, at + i * steps[2] + k0 * steps[3], steps[3], limit, -np.inf)
                    _fill(kind, row, limit, columns, -np.inf)
                    _soften(kind, row, columns, top + i * size, sums + i * size, out + r * y_row * size, e)
                _product(kind, scores, apart, one, values, wide, out, y_row, out, y_row, rows, e, seen)
    return sums


@parallel_kernel
def _attention(part, q, k, v, y, lse, mask, steps, scale, causal, scratch, room, groups, threads):
    (n, tq, heads, d), tk, e, size = q.shape, k.shape[1], v.shape[3], q.itemsize
    mine, shape = aligned(scratch) + part[0] * room * size, (tq, tk, heads, d, e)
    sums = mine + (room - padded(q, tq)) * size
    clear(q, mine, padded(q, 1))
    for task in share(part, n * heads * groups):
        image, head, first = task // groups // heads, task // groups % heads, task % groups
        top, out = address(lse) + task // groups * tq * size, address(y) + (image * tq * heads + head) * e * size
        for q0 in range(first * QUERIES, tq, groups * QUERIES):
            for i in range(q0, min(tq, q0 + QUERIES)):
                store(q, top, i, -np.inf)
                store(q, sums, i, 0)
                clear(q, out + i * heads * e * size, e)
        at_k = (image * tk * heads + head) * size
        _head(q, address(q) + (image * tq * heads + head) * d * size, address(k) + at_k * d, address(v) + at_k * e,
              out, top, mask,
              image * steps[0] + head * steps[1], steps, scale, causal, shape, first, groups, mine)
        for q0 in range(first * QUERIES, tq, groups * QUERIES):
            for i in range(q0, min(tq, q0 + QUERIES)):
                total = load(q, sums, i)
                if total != 0:
                    _scale(q, out + i * heads * e * size, e, q.dtype.type(1) / total)
                    store(q, top, i, load(q, top, i) + log(total))


def _flat_mask(mask):
    """-> (its memory, steps over (n, h, tq, tk)): an axis that is broadcast does not move."""
    if mask is None:
        return NO_MASK, (0, 0, 0, 0)
    mask = mask[(None,) * (4 - mask.ndim)]
    return mask.view(np.uint8).reshape(-1), tuple([0 if n == 1 else s for n, s in zip(mask.shape, mask.strides)])


@functools.cache
def _plan(n, tq, tk, heads, d, e, itemsize):
    """(numbers in the scratch, numbers of it for a thread, groups of queries of a head, threads)"""
    strip = strip_width(itemsize)
    room = strip + KEYS * (d + -(-e // strip) * strip) + QUERIES * (d + APART) + -(-tq // strip) * strip
    threads = max(1, min(config.NUMBA_NUM_THREADS, n * heads * tq * tk * (d + e) // SMALL))
    groups = max(1, min(-(-tq // QUERIES), 4 * threads // max(1, n * heads)))
    return threads * room + LINE // itemsize, room, groups, threads


def attention(q, k, v, scale, causal=False, mask=None, out=None):
    """q (n, tq, h, d), k (n, tk, h, d), v (n, tk, h, e) -> (y (n, tq, h, e), lse (n, h, tq))"""
    (n, tq, heads, d), tk, e = q.shape, k.shape[1], v.shape[3]
    y, lse = out or (None, None)
    y = np.empty((n, tq, heads, e), q.dtype) if y is None else y
    lse = np.empty((n, heads, tq), q.dtype) if lse is None else lse
    if lse.size:
        scratch, *plan = _plan(n, tq, tk, heads, d, e, q.itemsize)
        _attention(q, k, v, y, lse, *_flat_mask(mask), q.dtype.type(scale), causal, np.empty(scratch, q.dtype), *plan)
    return y, lse
