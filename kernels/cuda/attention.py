"""Scaled dot-product attention by tiles with a running softmax: there is no table of scores in memory."""
import numpy as np

from .launch import blocks, empty, launch, outputs
from .views import steps

SIZES = "tq tk heads d e causal masked"
ATTENTION = np.dtype([("step", "i8", 4), *((name, "i4") for name in SIZES.split())], align=True)


def _struct(q, k, v, causal, mask):
    """`struct Attention` in attention.cu, and the mask (any array where there is none)."""
    (n, tq, heads, d), tk = q.shape, k.shape[1]
    step = (0,) * 4 if mask is None else steps(mask, (n, heads, tq, tk))
    struct = np.array([(step, tq, tk, heads, d, v.shape[3], causal, mask is not None)], ATTENTION)
    return struct, q if mask is None else mask


def _grid(result):
    """Tiles of 64 rows of every head, of 64 of the width; result is (n, t, heads, width)."""
    n, t, heads, width = result.shape
    return -(-t // 64) * n * heads, max(1, -(-width // 64))


def attention(q, k, v, scale, causal=False, mask=None, out=None):
    """q (n, tq, h, d), k (n, tk, h, d), v (n, tk, h, e) -> (y (n, tq, h, e), lse (n, h, tq))"""
    n, tq, heads, _ = q.shape
    y, lse = outputs(q, out, (n, tq, heads, v.shape[3]), (n, heads, tq))
    g, mask = _struct(q, k, v, causal, mask)
    launch("attention", "attention", _grid(y), (q, k, v, y, lse, mask, float(scale), g), T=q.dtype)
    return y, lse


def attention_backward(dy, q, k, v, y, lse, scale, causal=False, mask=None, out=None):
    """-> (dq, dk, dv)"""
    dq, dk, dv = outputs(q, out, q.shape, k.shape, v.shape)
    g, mask = _struct(q, k, v, causal, mask)
    delta = empty(lse, lse.shape)
    launch("attention", "attention_delta", blocks(lse.size * 32), (dy, y, delta, g, lse.size), T=q.dtype)
    for by_key, scores, *roles, grad in (
            (0, 1, q, k, dy, v, k, dq), (1, 1, k, q, v, dy, q, dk), (1, 0, k, q, v, dy, dy, dv)):
        args = *roles, grad, lse, delta, mask, float(scale), by_key, scores, g
        launch("attention", "attention_grad", _grid(grad), args, T=q.dtype)
    return dq, dk, dv
