"""Scaled dot-product attention, a block of queries by a block of keys at a time: there is no table of scores in memory.

A task is a head of an image. Its keys and values are packed for the register tile, the queries pass by in blocks, and
their softmax runs along: when a larger score comes, what was summed so far is scaled down.

Backward, the probabilities are made again from the scores, a block at a time: a task is a head's key blocks, and all
queries that pass by them. With fewer heads than threads a head's dq and its dk, dv become tasks of their own, over some
of the queries or of the keys: the scores are made twice then.
"""
import functools

import numpy as np

from .launch import inner_kernel, outputs, parallel_kernel, share
from .maths import exp_negative, log
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


@inner_kernel
def _dot(kind, x, y, n):
    total = kind.dtype.type(0)
    for j in range(n):
        total += load(kind, x, j) * load(kind, y, j)
    return total


@inner_kernel
def _rows(kind, scores, d_scores, rows, seen, columns, first, causal, mask, at, steps, lse, delta):
    """A block of scores and of dy v^T; `first`: its first query, counted from its first key"""
    for r in range(rows):
        p, ds = scores + r * APART * kind.itemsize, d_scores + r * APART * kind.itemsize
        limit = max(0, min(seen, first + r + 1)) if causal else seen
        if load(kind, lse, r) == -np.inf:
            clear(kind, p, columns)
            clear(kind, ds, columns)
        else:
            hide(kind, p, mask, at + r * steps[2], steps[3], limit, columns)
            powers(kind, p, columns, load(kind, lse, r) * kind.dtype.type(LOG2E), 1, p)
            for j in range(columns):
                store(kind, ds, j, load(kind, p, j) * (load(kind, ds, j) - load(kind, delta, r)))


@inner_kernel
def _to_keys(kind, x, row, width, wide, packed, scores, out, rows, seen):
    """out (seen, wide) += the block of scores, transposed, times the rows of x"""
    pack(kind, x, row, 1, rows, width, packed)
    product(kind, scores, 1, APART, packed, rows, out, wide, out, wide, seen, wide, rows)


@inner_kernel
def _head(kind, dy, q, k, v, y, lse, dq, dk, dv, mask, at, steps, scale, causal, shape, part, places):
    """A head of an image, addresses; part: the queries, the keys, and which gradients"""
    zeros, turned, keys, values, dk_sum, dv_sum, block, d_block, scores, d_scores, dq_sum, delta = places
    (heads, d, e), (q_first, q_last, k_first, k_last, for_q, for_k) = shape, part
    size, row, v_row, one = kind.itemsize, heads * d, heads * e, kind.dtype.type(1)
    d_wide, e_wide = padded(d, size), padded(e, size)
    clear(kind, dq_sum, (q_last - q_first) * d_wide)
    for i in range(q_last - q_first):
        there = (q_first + i) * v_row * size
        store(kind, delta, i, _dot(kind, dy + there, y + there, e))
    for k0 in range(k_first, k_last, KEYS):
        wide = min(KEYS, k_last - k0)
        pack(kind, k + k0 * row * size, 1, row, d, wide, turned)
        pack(kind, k + k0 * row * size, row, 1, wide, d, keys)
        pack(kind, v + k0 * v_row * size, 1, v_row, e, wide, values)
        clear(kind, dk_sum, wide * d_wide)
        clear(kind, dv_sum, wide * e_wide)
        for q0 in range(q_first, q_last, QUERIES):
            rows, i = min(QUERIES, q_last - q0), q0 - q_first
            seen = min(wide, q0 + rows - k0) if causal else wide
            if seen > 0:
                columns, x, dx = padded(seen, size), q + q0 * row * size, dy + q0 * v_row * size
                scaled(kind, x, row, block, d, rows, d, scale * kind.dtype.type(LOG2E))
                scaled(kind, dx, v_row, d_block, e, rows, e, one)
                product(kind, block, d, 1, turned, d, zeros, 0, scores, APART, rows, columns, d)
                product(kind, d_block, e, 1, values, e, zeros, 0, d_scores, APART, rows, columns, e)
                _rows(kind, scores, d_scores, rows, seen, columns, q0 - k0, causal, mask,
                      at + q0 * steps[2] + k0 * steps[3], steps, lse + q0 * size, delta + i * size)
                if for_q:
                    out = dq_sum + i * d_wide * size
                    product(kind, d_scores, APART, 1, keys, wide, out, d_wide, out, d_wide, rows, d_wide, seen)
                if for_k:
                    _to_keys(kind, x, row, d, d_wide, block, d_scores, dk_sum, rows, seen)
                    _to_keys(kind, dx, v_row, e, e_wide, d_block, scores, dv_sum, rows, seen)
        if for_k:
            scaled(kind, dk_sum, d_wide, dk + k0 * row * size, row, wide, d, scale)
            scaled(kind, dv_sum, e_wide, dv + k0 * v_row * size, v_row, wide, e, one)
    if for_q:
        scaled(kind, dq_sum, d_wide, dq + q_first * row * size, row, q_last - q_first, d, scale)


@parallel_kernel
def _attention_backward(part, dy, q, k, v, y, lse, dq, dk, dv, mask, steps, scale, causal, scratch, sizes, cuts,
                        threads):
    (n, tq, heads, d), tk, e, size = q.shape, k.shape[1], v.shape[3], q.itemsize
    places = own_places(part, scratch, sizes)
    clear(q, places[0], KEYS)
    for task in share(part, n * heads * max(1, 2 * cuts)):
        head, piece = task, (0, tq, 0, tk, True, True)
        if cuts:
            head, cut = task // (2 * cuts), task // 2 % cuts
            if task % 2 == 0:
                piece = tq * cut // cuts, tq * (cut + 1) // cuts, 0, tk, True, False
            else:
                piece = 0, tq, tk * cut // cuts, tk * (cut + 1) // cuts, False, True
        image, head = head // heads, head % heads
        at_q, at_k = (image * tq * heads + head) * size, (image * tk * heads + head) * size
        _head(q, address(dy) + at_q * e, address(q) + at_q * d, address(k) + at_k * d, address(v) + at_k * e,
              address(y) + at_q * e, address(lse) + (image * heads + head) * tq * size, address(dq) + at_q * d,
              address(dk) + at_k * d, address(dv) + at_k * e, mask, image * steps[0] + head * steps[1], steps, scale,
              causal, (heads, d, e), piece, places)


@functools.cache
def _plan_back(n, tq, tk, heads, d, e, itemsize):
    """(numbers in a thread's arrays, parts that a head is cut into or 0, threads)"""
    d_wide, e_wide, threads = whole(d, itemsize), whole(e, itemsize), threads_for(n * heads * tq * tk * (d + e))
    sizes = in_strips(itemsize, KEYS, KEYS * d, KEYS * d_wide, KEYS * e, KEYS * d_wide, KEYS * e_wide,
                      QUERIES * d_wide, QUERIES * e_wide, QUERIES * APART, QUERIES * APART, tq * d_wide, tq)
    return sizes, 0 if n * heads >= threads else -(-threads // (n * heads)), threads


def attention_backward(dy, q, k, v, y, lse, scale, causal=False, mask=None, out=None):
    """-> (dq, dk, dv)"""
    (n, tq, heads, d), tk, e = q.shape, k.shape[1], v.shape[3]
    grads = outputs(out, [x.shape for x in (q, k, v)], q.dtype)
    if n * heads:
        sizes, cuts, threads = _plan_back(n, tq, tk, heads, d, e, q.itemsize)
        _attention_backward(dy, q, k, v, y, lse, *grads, *flat_mask(mask), q.dtype.type(scale), causal,
                            scratch_for(threads, sizes, q.dtype), sizes, cuts, threads)
    return grads
