"""Batch and layer normalization of (rows, c)."""
import numpy as np

from .launch import ACTIVATIONS, empty, launch, launch_rows, launch_table, outputs, power_of_two, targets
from .matmul import activation_backward
from .memory import copy

STEPS = 8                       # sums over rows are cut into pieces: a thread takes at least so many rows,
BLOCKS = 512                    # until there are about so many blocks


def columns(rows: int, c: int):
    """(columns of a block, blocks for all columns, pieces of the rows, rows of a piece)"""
    side = power_of_two(c, 32)
    groups = -(-c // side)
    pieces = max(1, min(rows // (256 // side * STEPS), BLOCKS // max(1, groups)))
    chunk = -(-rows // pieces)
    return side, groups, max(1, -(-rows // max(1, chunk))), chunk


def threads(c: int) -> int:
    """That share a row, of which they take four columns at a time."""
    return c if c % 4 else c // 4


def batch_norm(x, gamma, beta, moving_mean, moving_var, momentum, epsilon, residual=None, activation="linear",
               out=None):
    """(rows, c) -> y (rows, c), mean (c,), rstd (c,); the moving statistics in place"""
    rows, c = x.shape
    y, mean, rstd = outputs(x, out, x.shape, (c,), (c,))
    if x.size == 0:
        return y, mean, rstd
    side, groups, pieces, chunk = columns(rows, c)
    partial = empty(x, (pieces, 2, c))
    launch("normalize", "column_moments", (groups, pieces),
           (x, partial, np.int64(rows), c, np.int64(chunk), side), T=x.dtype)
    launch("normalize", "batch_statistics", groups,
           (partial, mean, rstd, moving_mean, moving_var, float(momentum), float(epsilon), np.int64(rows), c,
            pieces, np.int64(chunk), side), T=x.dtype)
    given = gamma, beta, residual
    args = (x, *[x if a is None else a for a in given], mean, rstd, y, *[a is not None for a in given],
            ACTIVATIONS[activation], rows, c)
    launch_table("normalize", "batch_norm", rows, threads(c), args, T=x.dtype)
    return y, mean, rstd


def gradients(dy, x, mean, rstd, by_row, dgamma, dbeta):
    """The sums of dy * xhat and of dy over the rows."""
    rows, c = x.shape
    side, groups, pieces, chunk = columns(rows, c)
    partial, dgamma, dbeta = outputs(x, (None, dgamma, dbeta), (pieces, 2, c), (c,), (c,))
    launch("normalize", "gradient_sums", (groups, pieces),
           (dy, x, mean, rstd, partial, by_row, np.int64(rows), c, np.int64(chunk), side), T=x.dtype)
    launch("normalize", "gradient_totals", groups, (partial, dgamma, dbeta, c, pieces, side), T=x.dtype)
    return dgamma, dbeta


def batch_norm_backward(dy, x, gamma, mean, rstd, need, y=None, activation="linear", out=None):
    """need for (x, gamma, beta) or (x, gamma, beta, residual); y: the output, where an activation followed"""
    (want_x, dx), (want_gamma, dgamma), (want_beta, dbeta), *rest = targets(need, out)
    want_z, dz = rest[0] if rest else (False, None)
    if activation != "linear":
        dy = dz = activation_backward(activation, dy, y, out=dz)
    elif want_z:
        dz = copy(dy, out=dz)
    dgamma, dbeta = gradients(dy, x, mean, rstd, False, dgamma, dbeta)
    if want_x:
        dx = empty(x, x.shape) if dx is None else dx
        scale, scaled = (x, 0) if gamma is None else (gamma, 1)
        args = dy, x, scale, mean, rstd, dgamma, dbeta, dx, scaled, *x.shape
        launch_table("normalize", "batch_norm_dx", x.shape[0], threads(x.shape[1]), args, T=x.dtype)
    return (dx, dgamma if want_gamma else None, dbeta if want_beta else None, dz if want_z else None)[:len(need)]


def layer_norm(x, gamma, beta, epsilon, out=None):
    """(rows, c) -> y (rows, c), mean (rows,), rstd (rows,)"""
    rows, c = x.shape
    y, mean, rstd = outputs(x, out, x.shape, (rows,), (rows,))
    (scale, scaled), (shift, shifted) = ((x, 0) if v is None else (v, 1) for v in (gamma, beta))
    args = x, scale, shift, y, mean, rstd, float(epsilon), scaled, shifted
    launch_rows("normalize", "layer_norm", rows, c, args, T=x.dtype)
    return y, mean, rstd


def layer_norm_backward(dy, x, gamma, mean, rstd, need, out=None):
    """(dx, dgamma, dbeta), None where not wanted"""
    (want_x, dx), (want_gamma, dgamma), (want_beta, dbeta) = targets(need, out)
    if want_x:
        dx = empty(x, x.shape) if dx is None else dx
        scale, scaled = (x, 0) if gamma is None else (gamma, 1)
        launch_rows("normalize", "layer_norm_dx", *x.shape, (dy, x, scale, mean, rstd, dx, scaled), T=x.dtype)
    if want_gamma or want_beta:
        dgamma, dbeta = gradients(dy, x, mean, rstd, True, dgamma, dbeta)
    return dx, dgamma if want_gamma else None, dbeta if want_beta else None
