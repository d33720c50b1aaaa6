"""Scaled dot-product attention, a block of queries by a block of keys at a time: there is no table of scores in memory.

A task is a head of an image. Its keys and values are packed for the register tile, the queries pass by in blocks, and
their softmax runs along: when a larger score comes, what was summed so far is scaled down.
"""
import functools

import numpy as np

from .launch import inner_kernel, parallel_kernel, share
from .maths import exp_negative, log
from .recurrent import outputs
from .scores import LN2, LOG2E, hide, largest, powers
from .strips import fill, in_strips, own_places, pack, padded, product, scratch_for, threads_for, whole
from .vector import BYTES, ROWS, VECTORS, address, clear, load, store

QUERIES, KEYS = 8 * ROWS, 256   # a block of scores stays in the second-level cache, beside packed keys and values
APART = KEYS + 16               # rows of scores: not a power of two, or they would meet in few sets of the cache
NO_MASK = np.empty(0, np.uint8)


@inner_kernel
def scaled(kind, x, x_row, y, y_row, rows, columns, factor):
    """y (rows, columns) = x * factor"""
    for r in range(rows):
        source, target = x + r * x_row * kind.itemsize, y + r * y_row * kind.itemsize
        for j in range(columns):
            store(kind, target, j, load(kind, source, j) * factor)


@inner_kernel
def _soften(kind, scores, columns, top, total, y, width):
    """A row's next scores -> powers of two; at `top` and `total`, its largest and its sum so far, y so far"""
    before, new = load(kind, top, 0), largest(kind, scores, columns)
    if new <= before:
        new = before
    if new == -np.inf:
        clear(kind, scores, columns)
        return
    if new > before > -np.inf:
        factor = exp_negative((before - new) * kind.dtype.type(LN2))
        store(kind, total, 0, load(kind, total, 0) * factor)
        scaled(kind, y, 0, y, 0, 1, width, factor)
    store(kind, top, 0, new)
    store(kind, total, 0, load(kind, total, 0) + powers(kind, scores, columns, new, 1, scores))


@inner_kernel
def _queries(kind, q, keys, values, height, mask, at, steps, first, rows, last, causal, d, wide, y, tops, sums, zeros,
             scores):
    """A block of queries, by the packed keys before `last` -> y (rows, wide) times its sums"""
    size, strip = kind.itemsize, VECTORS * (BYTES // kind.itemsize)
    clear(kind, y, rows * wide)
    clear(kind, sums, rows)
    fill(kind, tops, rows, kind.dtype.type(-np.inf))
    for k0 in range(0, last, KEYS):
        seen = min(KEYS, last - k0)
        columns = padded(seen, size)
        product(kind, q, d, 1, keys + k0 * d * size, d, zeros, 0, scores, APART, rows, columns, d)
        for r in range(rows):
            row, i = scores + r * APART * size, first + r
            limit = max(0, min(seen, i + 1 - k0)) if causal else seen
            hide(kind, row, mask, at + i * steps[2] + k0 * steps[3], steps[3], limit, columns)
            _soften(kind, row, columns, tops + r * size, sums + r * size, y + r * wide * size, wide)
        product(kind, scores, APART, 1, values + k0 * strip * size, height, y, wide, y, wide, rows, wide, seen)


@parallel_kernel
def _attention(part, q, k, v, y, lse, mask, steps, scale, causal, scratch, sizes, groups, threads):
    (n, tq, heads, d), tk, e, size = q.shape, k.shape[1], v.shape[3], q.itemsize
    wide, one = padded(e, size), q.dtype.type(1)
    zeros, keys, values, block, result, scores, tops, sums = own_places(part, scratch, sizes)
    clear(q, zeros, KEYS)
    for task in share(part, n * heads * groups):
        image, head, group = task // groups // heads, task // groups % heads, task % groups
        at_q, at_k = image * tq * heads + head, image * tk * heads + head
        pack(q, address(k) + at_k * d * size, 1, heads * d, d, tk, keys)
        pack(q, address(v) + at_k * e * size, heads * e, 1, tk, e, values)
        for q0 in range(group * QUERIES, tq, groups * QUERIES):
            rows = min(QUERIES, tq - q0)
            here = at_q + q0 * heads
            scaled(q, address(q) + here * d * size, heads * d, block, d, rows, d, scale * q.dtype.type(LOG2E))
            _queries(q, block, keys, values, tk, mask, image * steps[0] + head * steps[1], steps, q0, rows,
                     min(tk, q0 + rows) if causal else tk, causal, d, wide, result, tops, sums, zeros, scores)
            for r in range(rows):
                total = load(q, sums, r)
                scaled(q, result + r * wide * size, 0, address(y) + (here + r * heads) * e * size, 0, 1, e,
                       one / total if total != 0 else q.dtype.type(0))
                store(q, address(lse), (image * heads + head) * tq + q0 + r,
                      load(q, tops, r) * q.dtype.type(LN2) + log(total))


def flat_mask(mask):
    """-> (its memory, steps over (n, h, tq, tk)): an axis that is broadcast does not move."""
    if mask is None:
        return NO_MASK, (0, 0, 0, 0)
    mask = mask[(None,) * (4 - mask.ndim)]
    return mask.view(np.uint8).reshape(-1), tuple([0 if n == 1 else s for n, s in zip(mask.shape, mask.strides)])


@functools.cache
def _plan(n, tq, tk, heads, d, e, itemsize):
    """(numbers in a thread's arrays, groups of queries of a head, threads)"""
    wide, threads = whole(e, itemsize), threads_for(n * heads * tq * tk * (d + e))
    sizes = in_strips(itemsize, KEYS, whole(tk, itemsize) * d, tk * wide, QUERIES * d, QUERIES * wide,
                      QUERIES * APART, QUERIES, QUERIES)
    return sizes, max(1, min(-(-tq // QUERIES), 4 * threads // max(1, n * heads))), threads


def attention(q, k, v, scale, causal=False, mask=None, out=None):
    """q (n, tq, h, d), k (n, tk, h, d), v (n, tk, h, e) -> (y (n, tq, h, e), lse (n, h, tq))"""
    (n, tq, heads, d), tk, e = q.shape, k.shape[1], v.shape[3]
    y, lse = outputs(out, [(n, tq, heads, e), (n, heads, tq)], q.dtype)
    if lse.size:
        sizes, groups, threads = _plan(n, tq, tk, heads, d, e, q.itemsize)
        _attention(q, k, v, y, lse, *flat_mask(mask), q.dtype.type(scale), causal,
                   scratch_for(threads, sizes, q.dtype), sizes, groups, threads)
    return y, lse
