"""The gradient of attention: the probabilities are made again from the scores, a block at a time.

A task is a head of an image: its key blocks, and all queries that pass by them. With fewer heads than threads a head's
dq and its dk, dv become tasks of their own, over some of the queries or of the keys: the scores are made twice then.
"""
import functools

import numpy as np

from .attention import APART, KEYS, QUERIES, flat_mask, scaled
from .launch import inner_kernel, parallel_kernel, share
from .recurrent import outputs
from .scores import LOG2E, hide, powers
from .strips import in_strips, own_places, pack, padded, product, scratch_for, threads_for, whole
from .vector import address, clear, load, store


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
def _plan(n, tq, tk, heads, d, e, itemsize):
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
        sizes, cuts, threads = _plan(n, tq, tk, heads, d, e, q.itemsize)
        _attention_backward(dy, q, k, v, y, lse, *grads, *flat_mask(mask), q.dtype.type(scale), causal,
                            scratch_for(threads, sizes, q.dtype), sizes, cuts, threads)
    return tuple(grads)
