"""Matrix products with a fused ending: bias, activation, accumulation."""
from math import prod

import numpy as np

from . import cublaslt
from .elementwise import unary
from .launch import ACTIVATIONS, blocks, empty, launch, launch_table, outputs, targets
from .reduce import reduce
from .views import steps, view

TILE = 64
CHUNK = 512                     # an inner axis is cut into pieces no shorter than this,
BLOCKS = 256                    # until there are so many blocks
MATRICES = np.dtype([(name, "i8") for name in "a_row a_col b_row b_col c_row".split()] + [
    (name, "i4") for name in "m n k chunk batches pieces has_bias accumulate activation".split()], align=True)


def product(a, b, c, bias=None, accumulate=False, activation="linear"):
    """c = activation(a @ b + bias (+ c)); a, b and the rows of c of any strides."""
    (m, k), n, lead = a.shape[-2:], b.shape[-1], tuple(c.shape[:-2])
    batches, tiles = prod(lead), -(-m // TILE) * -(-n // TILE)
    pieces = max(1, min(k // CHUNK, BLOCKS // max(1, tiles * batches)))
    walks = [steps(a, (*lead, m, k)), steps(b, (*lead, k, n)), steps(c, c.shape)]
    chunk = -(-k // pieces)
    matrices = np.array([(*walks[0][-2:], *walks[1][-2:], walks[2][-2], m, n, k, chunk, batches, pieces,
                          bias is not None, accumulate, ACTIVATIONS[activation])], MATRICES)
    partial = c if pieces == 1 else empty(c, (pieces, *c.shape))
    bias = c if bias is None else bias
    batch = view(lead, *(walk[:-2] for walk in walks))
    launch("matmul", "matmul", (tiles, min(batches, 65535), pieces),
           (a, b, c, bias, partial, matrices, batch), T=c.dtype)
    if pieces > 1:
        launch_table("matmul", "combine", batches * m, n, (partial, c, bias, matrices, batch), T=c.dtype)
    return c


def multiplied(a, b, c, bias=None, accumulate=False, activation="linear"):
    """As `product`, by cuBLASLt where it serves."""
    fused = activation if activation == "relu" else "linear"
    if not cublaslt.product(a, b, c, bias, accumulate, fused == "relu"):
        return product(a, b, c, bias, accumulate, activation)
    return c if activation == fused else unary(activation, c, out=c)


def matmul(a, b, transpose_a=False, transpose_b=False, accumulate=False, out=None):
    """(..., m, k) @ (..., k, n) -> (..., m, n)"""
    a = a.swapaxes(-1, -2) if transpose_a else a
    b = b.swapaxes(-1, -2) if transpose_b else b
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"matmul: inner sizes differ: {tuple(a.shape)} @ {tuple(b.shape)}")
    if out is None:
        out = empty(a, (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]))
    return multiplied(a, b, out, accumulate=accumulate)


def dense(x, w, b, activation="linear", out=None):
    """(n, i) x (i, o) + (o,) -> (n, o)"""
    out = empty(x, (x.shape[0], w.shape[1])) if out is None else out
    return multiplied(x, w, out, b, activation=activation)


def dense_masked(x, w, b, activation="linear"):
    """dense, and what the dense that follows needs to bend the gradient as this one's relu did, or None"""
    y = empty(x, (x.shape[0], w.shape[1]))
    mask = cublaslt.mask_for(y) if activation == "relu" else None
    if mask is not None and cublaslt.product(x, w, y, b, relu=True, mask=mask):
        return y, mask
    return dense(x, w, b, activation, y), None


def dense_backward(dy, y, x, w, activation, need, mask=None, out=None):
    """(dx, dw, db), None where not wanted; mask: that of x, by whose relu dx is bent"""
    (want_x, dx), (want_w, dw), (want_b, db) = targets(need, out)
    dz = dy if activation == "linear" else activation_backward(activation, dy, y)
    dx = _input_grad(dz, w.T, x, mask, dx) if want_x else None
    if want_w and want_b:
        dw, db = outputs(dz, (dw, db), w.shape, w.shape[1:])
        if cublaslt.product(x.T, dz, dw, sums=db):          # one pass over dz
            return dx, dw, db
    dw = matmul(x, dz, transpose_a=True, out=dw) if want_w else None
    return dx, dw, reduce("sum", dz, 0, out=db) if want_b else None


def _input_grad(dz, w, x, mask, out):
    """dz (n, o) x (o, i) -> (n, i), times the slope of relu where x has a mask"""
    out = empty(dz, x.shape) if out is None else out
    if mask is None:
        return matmul(dz, w, out=out)
    served = cublaslt.product(dz, w, out, mask=mask)
    return out if served else activation_backward("relu", matmul(dz, w, out=out), x, out)


def activation_backward(activation, dy, y, out=None):
    """dz of a fused activation, from its output y"""
    out = empty(dy, dy.shape) if out is None else out
    launch("matmul", "activation_backward", blocks(out.size),
           (dy, y, out, ACTIVATIONS[activation], np.int64(out.size)), T=dy.dtype)
    return out


def bias_backward(activation, dy, y, need, out=None):
    """need for (z, b): dz, and its sum over all axes but the last"""
    (want_z, dz), (want_b, db) = targets(need, out)
    dz = dy if activation == "linear" and not want_z else activation_backward(
        activation, dy, dy if y is None else y, out=dz)
    return dz if want_z else None, reduce("sum", dz, tuple(range(dz.ndim - 1)), out=db) if want_b else None
