"""Layer normalization of (rows, c): a row is read once, then it lies in the first-level cache."""
import functools
import math

import numpy as np

from .columns import BLOCK, JOBS, LEAST, WIDE, add_parts
from .launch import inner_kernel, kernel, outputs, parallel_kernel, share
from .normalize import some, targets
from .vector import address, clear, load, store


@parallel_kernel
def _layer_norm(part, x, gamma, beta, epsilon, y, mean, rstd):
    kind, c, T = x.dtype, x.shape[1], x.dtype.type
    for i in share(part, len(x)):
        row, total, squares = address(x) + i * c * kind.itemsize, T(0), T(0)
        for j in range(c):
            total += load(kind, row, j)
        center = total / T(c)
        for j in range(c):
            squares += (load(kind, row, j) - center) * (load(kind, row, j) - center)
        scale = T(1 / math.sqrt(squares / T(c) + T(epsilon)))
        mean[i], rstd[i] = center, scale
        result = address(y) + i * c * kind.itemsize
        for j in range(c):
            store(kind, result, j, (load(kind, row, j) - center) * scale * gamma[j] + beta[j])


@inner_kernel
def _add_row(kind, dy, x, gamma, c, center, scale, total, dot):
    """total (c,) += dy, dot (c,) += dy * xhat; -> the row's means of g and g * xhat, g = dy * gamma; addresses"""
    sum_g, sum_gx = kind.type(0), kind.type(0)
    for j in range(c):
        d, xhat = load(kind, dy, j), (load(kind, x, j) - center) * scale
        store(kind, total, j, load(kind, total, j) + d)
        store(kind, dot, j, load(kind, dot, j) + d * xhat)
        sum_g += d * load(kind, gamma, j)
        sum_gx += d * load(kind, gamma, j) * xhat
    return sum_g / kind.type(c), sum_gx / kind.type(c)


@parallel_kernel
def _layer_norm_backward(part, dy, x, gamma, mean, rstd, dx, parts):
    """dx = rstd * (g - mean(g) - xhat * mean(g * xhat)); parts (jobs, 2, c): the sums of dy and of dy * xhat"""
    kind, (rows, c), jobs = x.dtype, x.shape, len(parts)
    total, dot = np.empty(c, kind), np.empty(c, kind)
    for job in share(part, jobs):
        low, high = rows * job // jobs, rows * (job + 1) // jobs
        clear(parts.dtype, address(parts[job]), 2 * c)
        for start in range(low, high, BLOCK):
            clear(kind, address(total), c)
            clear(kind, address(dot), c)
            for i in range(start, min(high, start + BLOCK)):
                place, center, scale = i * c * kind.itemsize, mean[i], rstd[i]
                rise, row, result = address(dy) + place, address(x) + place, address(dx) + place
                mean_g, mean_gx = _add_row(kind, rise, row, address(gamma), c, center, scale, address(total),
                                           address(dot))
                for j in range(c if dx.size else 0):
                    xhat = (load(kind, row, j) - center) * scale
                    store(kind, result, j, scale * (load(kind, rise, j) * gamma[j] - mean_g - xhat * mean_gx))
            for j in range(c):
                parts[job, 0, j] += total[j]
                parts[job, 1, j] += dot[j]


@kernel
def _gradients(parts, dgamma, dbeta):
    add_parts(parts, parts.shape[2])
    for j in range(dgamma.size):
        dgamma[j] = parts[0, 1, j]
    for j in range(dbeta.size):
        dbeta[j] = parts[0, 0, j]


@functools.cache
def _constant(value, size, dtype):
    return np.full(size, value, dtype)


def layer_norm(x, gamma, beta, epsilon, out=None):
    """(rows, c) -> (y (rows, c), mean (rows,), rstd (rows,))"""
    rows, c = x.shape
    y, mean, rstd = outputs(out, (x.shape, rows, rows), x.dtype)
    if x.size:
        gamma = _constant(1, c, x.dtype) if gamma is None else gamma
        _layer_norm(x, gamma, _constant(0, c, x.dtype) if beta is None else beta, float(epsilon), y, mean, rstd)
    return y, mean, rstd


def layer_norm_backward(dy, x, gamma, mean, rstd, need, out=None):
    places = dx, dgamma, dbeta = targets(need, x, out)
    parts = np.empty((max(1, min(JOBS, x.size // (WIDE * LEAST))), 2, x.shape[1]))
    gamma = _constant(1, x.shape[1], x.dtype) if gamma is None else gamma
    _layer_norm_backward(dy, x, gamma, mean, rstd, some(dx, x), parts)
    if dgamma is not None or dbeta is not None:
        _gradients(parts, some(dgamma, mean), some(dbeta, mean))
    return places
