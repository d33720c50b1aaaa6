"""Scaled dot-product attention by tiles with a running softmax: there is no table of scores in memory.

Tensor cores serve what they can; the rest is made by kernels that multiply T.
"""
import numpy as np

from .launch import blocks, empty, factors, launch, outputs, power_of_two, real_type
from .matmul import many
from .views import steps

SIZES = "tq tk heads d e causal masked wide"
ATTENTION = np.dtype([("step", "i8", 4), *((name, "i4") for name in SIZES.split())], align=True)
WARP_ROWS = 64                  # of a block of four warps, 16 each
WIDEST = 512                    # bytes of a head's row that a block keeps as factors


def _struct(q, k, v, causal, mask, *others):
    """`struct Attention` in attention.cuh, and the mask (any array where there is none)."""
    (n, tq, heads, d), tk, e = q.shape, k.shape[1], v.shape[3]
    step = (0,) * 4 if mask is None else steps(mask, (n, heads, tq, tk))
    wide = not any(a.data.ptr % 16 for a in (q, k, v, *others)) and not any(x * q.itemsize % 16 for x in (d, e))
    struct = np.array([(step, tq, tk, heads, d, e, causal, mask is not None, wide)], ATTENTION)
    return struct, q if mask is None else mask


def _grid(result):
    """Tiles of 64 rows of every head, of 64 of the width; result is (n, t, heads, width)."""
    n, t, heads, width = result.shape
    return -(-t // 64) * n * heads, max(1, -(-width // 64))


def _tensor(q, v):
    """By which macros tensor cores serve these heads, and into how many parts the gradients' width is cut; or None"""
    width, precision = max(32, power_of_two(max(q.shape[3], v.shape[3]), 1 << 30)), factors(q)
    row = width * q.itemsize
    return ((("WIDTH", width), ("PRECISION", precision)), width // (64 if width >= 64 and row < WIDEST else 32)
            ) if precision and row <= WIDEST else None


def attention(q, k, v, scale, causal=False, mask=None, out=None):
    """q (n, tq, h, d), k (n, tk, h, d), v (n, tk, h, e) -> (y (n, tq, h, e), lse (n, h, tq))"""
    n, tq, heads, _ = q.shape
    y, lse = outputs(q, out, (n, tq, heads, v.shape[3]), (n, heads, tq), dtypes=(None, real_type(q.dtype)))
    g, mask = _struct(q, k, v, causal, mask, y)
    tensor = _tensor(q, v)
    if tensor is None:
        launch("attention", "attention", _grid(y), (q, k, v, y, lse, mask, float(scale), g), T=q.dtype)
        return y, lse
    tiles = -(-tq // (2 * WARP_ROWS)) * n * heads
    macros = tensor[0]
    tall = macros[0][1] <= 64 and many(tiles)
    launch("flash", "flash", tiles if tall else -(-tq // WARP_ROWS) * n * heads,
           (q, k, v, y, lse, mask, np.float32(scale), g), block=128, macros=(*macros, ("TALL", 1 + tall)), T=q.dtype)
    return y, lse


def attention_backward(dy, q, k, v, y, lse, scale, causal=False, mask=None, out=None):
    """-> (dq, dk, dv)"""
    dq, dk, dv = outputs(q, out, q.shape, k.shape, v.shape)
    g, mask = _struct(q, k, v, causal, mask, dy, dq, dk, dv)
    delta = empty(lse, lse.shape)
    launch("attention", "attention_delta", blocks(lse.size * 32), (dy, y, delta, g, lse.size), T=q.dtype)
    tensor = _tensor(q, v)
    if tensor is not None:
        (n, tq, heads, _), (macros, parts) = q.shape, tensor
        tiles = -(-max(tq, k.shape[1]) // WARP_ROWS) * n * heads
        args = q, k, v, dy, dq, dk, dv, lse, delta, mask, np.float32(scale), g
        launch("flash_backward", "flash_backward", (tiles, parts, 2), args,
               block=128, macros=(*macros, ("TALL", 1)), T=q.dtype)
        return dq, dk, dv
    for by_key, scores, *roles, grad in (
            (0, 1, q, k, dy, v, k, dq), (1, 1, k, q, v, dy, q, dk), (1, 0, k, q, v, dy, dy, dv)):
        args = *roles, grad, lse, delta, mask, float(scale), by_key, scores, g
        launch("attention", "attention_grad", _grid(grad), args, T=q.dtype)
    return dq, dk, dv
