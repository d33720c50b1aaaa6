"""Scaled dot-product attention, a block of images or queries at a time: the table of scores stays small."""
import numpy as np

from .launch import inner_kernel, parallel_kernel, share
from .maths import exp, log
from .matmul import matmul
from .memory import fill

BLOCK = 1 << 20         # scores at a time
ANYWHERE = np.ones((1, 1, 1, 1), np.bool_)


@inner_kernel
def _scale(scores, mask, at, step, scale, seen):
    """(tk,): -inf where the query may not look, and from key `seen` on; returns the largest."""
    top = scores.dtype.type(-np.inf)
    for j in range(scores.size):
        scores[j] = scores[j] * scale if j < seen and mask[at + j * step] else -np.inf
        top = scores[j] if scores[j] > top else top
    return top


@inner_kernel
def _fill_row(row, value):
    for j in range(row.size):
        row[j] = value


@parallel_kernel
def _softmax(part, scores, lse, mask, steps, scale, causal, first, start):
    """In place: scores (images, h, queries, tk) from `first` and `start` on -> probabilities; and lse"""
    images, heads, queries, keys = scores.shape
    for r in share(part, images * heads * queries):
        image, head, i = r // (heads * queries), r // queries % heads, r % queries
        row, total, n, q = scores[image, head, i], scores.dtype.type(0), first + image, start + i
        at, seen = n * steps[0] + head * steps[1] + q * steps[2], q + 1 if causal else keys
        top = _scale(row, mask, at, steps[3], scores.dtype.type(scale), seen)
        lse[n, head, q] = top
        if top == -np.inf:
            _fill_row(row, 0)
            continue
        for j in range(keys):
            row[j] = exp(row[j] - top)
            total += row[j]
        lse[n, head, q] += log(total)
        for j in range(keys):
            row[j] /= total


@parallel_kernel
def _softmax_backward(part, scores, dp, dy, y, lse, mask, steps, scale, causal, first, start):
    """In place: scores -> probabilities, dp -> the gradient of q k^T, both (images, h, queries, tk)"""
    images, heads, queries, keys = scores.shape
    scale = scores.dtype.type(scale)
    for r in share(part, images * heads * queries):
        image, head, i = r // (heads * queries), r // queries % heads, r % queries
        row, d, total = scores[image, head, i], dp[image, head, i], scores.dtype.type(0)
        n, q = first + image, start + i
        at, seen = n * steps[0] + head * steps[1] + q * steps[2], q + 1 if causal else keys
        if _scale(row, mask, at, steps[3], scale, seen) == -np.inf:
            _fill_row(row, 0)
            _fill_row(d, 0)
            continue
        for e in range(y.shape[3]):
            total += dy[n, q, head, e] * y[n, q, head, e]
        for j in range(keys):
            row[j] = exp(row[j] - lse[n, head, q])
            d[j] = row[j] * (d[j] - total) * scale if row[j] else 0


def _flat_mask(mask):
    """-> (its memory, steps over (n, h, tq, tk)): an axis that is broadcast does not move."""
    mask = ANYWHERE if mask is None else mask[(None,) * (4 - mask.ndim)]
    return mask.reshape(-1), tuple([0 if n == 1 else s for n, s in zip(mask.shape, mask.strides)])


def _blocks(n, heads, queries, keys):
    """Yields slices of the images and, where one image alone is too large, of its queries."""
    images = max(1, BLOCK // max(1, heads * queries * keys))
    rows = max(1, min(queries, BLOCK // max(1, heads * keys)))
    for i in range(0, n, images):
        for j in range(0, queries, rows):
            yield slice(i, min(n, i + images)), slice(j, min(queries, j + rows))


def _tables(count, n, heads, queries, keys, dtype):
    """Room for `count` tables of scores of the largest block, as flat memory."""
    blocks = _blocks(n, heads, queries, keys)
    size = max([(i.stop - i.start) * (j.stop - j.start) for i, j in blocks], default=0)
    return [np.empty(size * heads * keys, dtype) for _ in range(count)]


def _heads_first(*arrays):
    return [a.transpose(0, 2, 1, 3) for a in arrays]


def _table(room, q, k):
    """(images, heads, queries, keys) in `room`"""
    shape = *q.shape[:3], k.shape[2]
    return room[:shape[0] * shape[1] * shape[2] * shape[3]].reshape(shape)


def attention(q, k, v, scale, causal=False, mask=None, out=None):
    """q (n, tq, h, d), k (n, tk, h, d), v (n, tk, h, e) -> (y (n, tq, h, e), lse (n, h, tq))"""
    (n, queries, heads, _), keys = q.shape, k.shape[1]
    y, lse = out or (None, None)
    y = np.empty((n, queries, heads, v.shape[3]), q.dtype) if y is None else y
    lse = np.empty((n, heads, queries), q.dtype) if lse is None else lse
    mask, steps = _flat_mask(mask)
    q, k, v, result = _heads_first(q, k, v, y)
    room, = _tables(1, n, heads, queries, keys, y.dtype)
    for i, j in _blocks(n, heads, queries, keys):
        seen = slice(min(keys, j.stop) if causal else keys)
        scores = _table(room, q[i, :, j], k[i, :, seen])
        matmul(q[i, :, j], k[i, :, seen], transpose_b=True, out=scores)
        _softmax(scores, lse, mask, steps, scale, causal, i.start, j.start)
        matmul(scores, v[i, :, seen], out=result[i, :, j])
    return y, lse


def attention_backward(dy, q, k, v, y, lse, scale, causal=False, mask=None, out=None):
    """-> (dq, dk, dv)"""
    (n, queries, heads, _), keys = q.shape, k.shape[1]
    grads = [np.empty(a.shape, a.dtype) if o is None else o for o, a in zip(out or (None,) * 3, (q, k, v))]
    mask, steps = _flat_mask(mask)
    q, k, v, d, dq, dk, dv = _heads_first(q, k, v, dy, *grads)
    room, more = _tables(2, n, heads, queries, keys, y.dtype)
    fill(0, grads[1])
    fill(0, grads[2])
    for i, j in _blocks(n, heads, queries, keys):
        seen = slice(min(keys, j.stop) if causal else keys)
        p, ds = _table(room, q[i, :, j], k[i, :, seen]), _table(more, q[i, :, j], k[i, :, seen])
        matmul(q[i, :, j], k[i, :, seen], transpose_b=True, out=p)
        matmul(d[i, :, j], v[i, :, seen], transpose_b=True, out=ds)
        _softmax_backward(p, ds, dy, y, lse, mask, steps, scale, causal, i.start, j.start)
        matmul(p, d[i, :, j], transpose_a=True, accumulate=True, out=dv[i, :, seen])
        matmul(ds, k[i, :, seen], out=dq[i, :, j])
        matmul(ds, q[i, :, j], transpose_a=True, accumulate=True, out=dk[i, :, seen])
    return tuple(grads)
