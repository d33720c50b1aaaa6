"""The gradient of attention: the probabilities are made again from the scores, a block at a time.

A task is a head of an image: its key blocks, and all queries that pass by them. With fewer heads than threads a head's
dq and its dk, dv become tasks of their own, over some of the queries or of the keys: the scores are made twice then.
"""
import functools

import numpy as np
from numba import config

from .attention import APART, KEYS, QUERIES, _copy, _fill, _flat_mask, _hide, _product
from .launch import inner_kernel, parallel_kernel, share
from .maths import exp
from .matmul import LINE, SMALL
from .pack import _pack
from .recurrent import aligned, clear, padded, strip_width
from .vector import BYTES, VECTORS, address, load, store


@inner_kernel
def _dot(kind, x, y, n):
    total = kind.dtype.type(0)
    for j in range(n):
        total += load(kind, x, j) * load(kind, y, j)
    return total


@inner_kernel
def _slopes(kind, scores, d, width, scale, lse, delta):
    """In place: scores -> probabilities, d -> the gradient of q k^T"""
    for j in range(width):
        p = exp(load(kind, scores, j) * scale - lse)
        store(kind, scores, j, p)
        store(kind, d, j, p * (load(kind, d, j) - delta) * scale)


@inner_kernel
def _rows(kind, scores, d, rows, seen, columns, first, causal, mask, at, steps, scale, lse, delta):
    """A block of scores and of dy v^T; `first`: its first query, counted from its first key"""
    size = kind.itemsize
    for r in range(rows):
        p, ds, limit = scores + r * APART * size, d + r * APART * size, seen
        if causal:
            limit = max(0, min(seen, first + r + 1))
        if load(kind, lse, r) == -np.inf:
            limit = 0
        else:
            _slopes(kind, p, ds, columns, scale, load(kind, lse, r), load(kind, delta, r))
        for x in (p, ds):
            if mask.size:
                _hide(kind, x, mask, at + r * steps[2], steps[3], limit, 0)
            _fill(kind, x, limit, columns, 0)


@inner_kernel
def _clear(kind, x, row, rows, columns):
    for r in range(rows):
        clear(kind, x + r * row * kind.itemsize, columns)


@inner_kernel
def _begin(kind, dy, y, dq, dk, dv, delta, part, row, v_row, d, e):
    """The sums of dy y, and zeros where gradients are added up"""
    (q_first, q_last, k_first, k_last, for_q, for_k), size = part, kind.itemsize
    for i in range(q_first, q_last):
        store(kind, delta, i, _dot(kind, dy + i * v_row * size, y + i * v_row * size, e))
    if for_q:
        _clear(kind, dq + q_first * row * size, row, q_last - q_first, d)
    if for_k:
        _clear(kind, dk + k_first * row * size, row, k_last - k_first, d)
        _clear(kind, dv + k_first * v_row * size, v_row, k_last - k_first, e)


@inner_kernel
def _to_keys(kind, x, row, width, block, scores, out, rows, seen):
    """out (seen, width) += the block of scores, transposed, times the rows of x"""
    one, apart = np.int64(1), np.int64(APART)
    _pack(kind, x, row, one, rows, width, VECTORS * (BYTES // kind.itemsize), block)
    _product(kind, scores, one, apart, block, rows, out, row, out, row, seen, width, rows)


@inner_kernel
def _head(kind, dy, q, k, v, y, lse, dq, dk, dv, mask, at, steps, scale, causal, shape, part, scratch):
    """A head of an image, addresses; part: the queries, the keys, and which gradients"""
    (_, _, heads, d, e), (q_first, q_last, k_first, k_last, for_q, for_k) = shape, part
    size, strip, row, v_row = kind.itemsize, VECTORS * (BYTES // kind.itemsize), heads * d, heads * e
    zero, one, apart, same = np.int64(0), np.int64(1), np.int64(APART), kind.dtype.type(1)
    turned = scratch + strip * size                         # packed: keys transposed, keys, values transposed
    keys = turned + KEYS * d * size
    values = keys + KEYS * padded(kind, d) * size
    block = values + KEYS * e * size                        # queries, dy, scores, their gradients
    d_block = block + QUERIES * padded(kind, d) * size
    scores = d_block + QUERIES * padded(kind, e) * size
    slopes = scores + QUERIES * apart * size
    delta = slopes + QUERIES * apart * size
    _begin(kind, dy, y, dq, dk, dv, delta, part, row, v_row, d, e)
    for k0 in range(k_first, k_last, KEYS):
        wide = min(KEYS, k_last - k0)
        _pack(kind, k + k0 * row * size, one, row, d, wide, strip, turned)
        _pack(kind, v + k0 * v_row * size, one, v_row, e, wide, strip, values)
        if for_q:
            _pack(kind, k + k0 * row * size, row, one, wide, d, strip, keys)
        for q0 in range(q_first, q_last, QUERIES):
            rows = min(QUERIES, q_last - q0)
            seen = min(wide, q0 + rows - k0) if causal else wide
            if seen > 0:
                columns = padded(kind, seen)
                _copy(kind, q + q0 * row * size, row, block, rows, d, same)
                _copy(kind, dy + q0 * v_row * size, v_row, d_block, rows, e, same)
                _product(kind, block, d, one, turned, d, scratch, zero, scores, apart, rows, columns, d)
                _product(kind, d_block, e, one, values, e, scratch, zero, slopes, apart, rows, columns, e)
                _rows(kind, scores, slopes, rows, seen, columns, q0 - k0, causal, mask,
                      at + q0 * steps[2] + k0 * steps[3], steps, scale, lse + q0 * size, delta + q0 * size)
                if for_q:
                    out = dq + q0 * row * size
                    _product(kind, slopes, apart, one, keys, wide, out, row, out, row, rows, d, seen)
                if for_k:
                    _to_keys(kind, q + q0 * row * size, row, d, block, slopes, dk + k0 * row * size, rows, seen)
                    _to_keys(kind, dy + q0 * v_row * size, v_row, e, d_block, scores, dv + k0 * v_row * size, rows,
                             seen)


@parallel_kernel
def _attention_backward(part, dy, q, k, v, y, lse, dq, dk, dv, mask, steps, scale, causal, scratch, room, cuts,
                        threads):
    (n, tq, heads, d), tk, e, size = q.shape, k.shape[1], v.shape[3], q.itemsize
    mine, shape = aligned(scratch) + part[0] * room * size, (tq, tk, heads, d, e)
    clear(q, mine, padded(q, 1))
    for task in share(part, n * heads * max(1, 2 * cuts)):
        head, piece, queries = task, (0, tq, 0, tk, True, True), True
        if cuts:
            head, cut, queries = task // (2 * cuts), task // 2 % cuts, task % 2 == 0
            if queries:
                piece = tq * cut // cuts, tq * (cut + 1) // cuts, 0, tk, True, False
            else:
                piece = 0, tq, tk * cut // cuts, tk * (cut + 1) // cuts, False, True
        image, head = head // heads, head % heads
        at_q, at_k = (image * tq * heads + head) * size, (image * tk * heads + head) * size
        _head(q, address(dy) + at_q * e, address(q) + at_q * d, address(k) + at_k * d, address(v) + at_k * e,
              address(y) + at_q * e, address(lse) + (image * heads + head) * tq * size, address(dq) + at_q * d,
              address(dk) + at_k * d, address(dv) + at_k * e, mask, image * steps[0] + head * steps[1], steps, scale,
              causal, shape, piece, mine)


@functools.cache
def _plan(n, tq, tk, heads, d, e, itemsize):
    """(numbers in the scratch, numbers of it for a thread, parts that a head is cut into or 0, threads)"""
    strip = strip_width(itemsize)
    d_wide, e_wide, long = (-(-i // strip) * strip for i in (d, e, tq))
    room = strip + KEYS * (d + d_wide + e) + QUERIES * (d_wide + e_wide + 2 * APART) + long
    room = -(-room // strip) * strip
    threads = max(1, min(config.NUMBA_NUM_THREADS, n * heads * tq * tk * (d + e) // SMALL))
    return threads * room + LINE // itemsize, room, 0 if n * heads >= threads else -(-threads // (n * heads)), threads


def attention_backward(dy, q, k, v, y, lse, scale, causal=False, mask=None, out=None):
    """-> (dq, dk, dv)"""
    (n, tq, heads, d), tk, e = q.shape, k.shape[1], v.shape[3]
    grads = [np.empty(a.shape, a.dtype) if o is None else o for o, a in zip(out or (None,) * 3, (q, k, v))]
    if n * heads:
        scratch, *plan = _plan(n, tq, tk, heads, d, e, q.itemsize)
        _attention_backward(dy, q, k, v, y, lse, *grads, *_flat_mask(mask), q.dtype.type(scale), causal,
                            np.empty(scratch, q.dtype), *plan)
    return tuple(grads)
