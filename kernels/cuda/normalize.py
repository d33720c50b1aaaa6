"""Batch and layer normalization of (rows, c)."""
# ruff: noqa: I001 - a long list of names, filled
import numpy as np

from .launch import (ACTIVATIONS, at_once, empty, launch, launch_rows, launch_table, outputs, power_of_two, real_type,
                     targets)
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


def threads(c: int, several: int) -> int:
    """That share a row, of which they take several columns at a time."""
    return c if c % several else c // several


def batch_norm(x, gamma, beta, moving_mean, moving_var, momentum, epsilon, residual=None, activation="linear",
               out=None):
    """(rows, c) -> y (rows, c), mean (c,), rstd (c,); the moving statistics in place"""
    rows, c = x.shape
    y, mean, rstd = outputs(x, out, x.shape, (c,), (c,), dtypes=(None, *(real_type(x.dtype),) * 2))
    if x.size == 0:
        return y, mean, rstd
    side, groups, pieces, chunk = columns(rows, c)
    partial = empty(x, (pieces, 2, c), mean.dtype)
    launch("normalize", "column_moments", (groups, pieces),
           (x, partial, np.int64(rows), c, np.int64(chunk), side), T=x.dtype)
    launch("normalize", "batch_statistics", groups,
           (partial, mean, rstd, moving_mean, moving_var, float(momentum), float(epsilon), np.int64(rows), c,
            pieces, np.int64(chunk), side), T=x.dtype)
    given = gamma, beta, residual
    args = (x, *given, mean, rstd, y, *[a is not None for a in given],
            ACTIVATIONS[activation], rows, c)
    launch_table("normalize", "batch_norm", rows, threads(c, at_once(x)), args, T=x.dtype)
    return y, mean, rstd


def gradients(dy, x, mean, rstd, by_row, dgamma, dbeta):
    """The sums of dy * xhat and of dy over the rows."""
    rows, c = x.shape
    side, groups, pieces, chunk = columns(rows, c)
    partial, dgamma, dbeta = outputs(mean, (None, dgamma, dbeta), (pieces, 2, c), (c,), (c,))
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
        args = dy, x, gamma, mean, rstd, dgamma, dbeta, dx, gamma is not None, *x.shape
        launch_table("normalize", "batch_norm_dx", x.shape[0], threads(x.shape[1], at_once(x)), args, T=x.dtype)
    return (dx, dgamma if want_gamma else None, dbeta if want_beta else None, dz if want_z else None)[:len(need)]


def layer_norm(x, gamma, beta, epsilon, out=None):
    """(rows, c) -> y (rows, c), mean (rows,), rstd (rows,)"""
    rows, c = x.shape
    y, mean, rstd = outputs(x, out, x.shape, (rows,), (rows,), dtypes=(None, *(real_type(x.dtype),) * 2))
    args = x, gamma, beta, y, mean, rstd, float(epsilon), gamma is not None, beta is not None
    launch_rows("normalize", "layer_norm", rows, c, args, T=x.dtype)
    return y, mean, rstd


def layer_norm_backward(dy, x, gamma, mean, rstd, need, out=None):
    """(dx, dgamma, dbeta), None where not wanted"""
    (want_x, dx), (want_gamma, dgamma), (want_beta, dbeta) = targets(need, out)
    if want_x:
        dx = empty(x, x.shape) if dx is None else dx
        args = dy, x, gamma, mean, rstd, dx, gamma is not None
        launch_rows("normalize", "layer_norm_dx", *x.shape, args, T=x.dtype)
    if want_gamma or want_beta:
        dgamma, dbeta = gradients(dy, x, mean, rstd, True, dgamma, dbeta)
    return dx, dgamma if want_gamma else None, dbeta if want_beta else None
