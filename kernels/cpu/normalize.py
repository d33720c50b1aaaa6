"""Normalization of (rows, c). Of a batch: in wide rows as columns.py has them, but a tail is left that is not a whole
one. Of layers: a row is read once, then it lies in the first-level cache.
"""
import functools
import math

import numpy as np

from .columns import ACTIVATIONS, BLOCK, JOBS, LEAST, WIDE, add_parts, column_sums, wide_parts
from .launch import inner_kernel, kernel, outputs, parallel_kernel, share, target
from .memory import copy
from .vector import AHEAD, address, clear, fetch, load, store

LOW = {"linear": -math.inf, "relu": 0.0}
AROUND = 32     # rows whose squares are summed around the first of them


@inner_kernel
def _add_distances(kind, x, rows, columns, total, squares):
    """total (columns,) += x - first, squares += (x - first)^2, four rows at a time; `first` is the first of the rows.

    It is one of them, and so squares around it are at most so many times those around the mean as there are rows.
    """
    step = columns * kind.itemsize
    for i in range(0, rows - 3, 4):
        a, b, c, d = x + i * step, x + (i + 1) * step, x + (i + 2) * step, x + (i + 3) * step
        fetch(a + AHEAD, 4 * step)
        for j in range(columns):
            first = load(kind, x, j)
            p, q, r, s = (load(kind, a, j) - first, load(kind, b, j) - first, load(kind, c, j) - first,
                          load(kind, d, j) - first)
            total[j] += (p + q) + (r + s)
            squares[j] += (p * p + q * q) + (r * r + s * s)
    for i in range(rows - rows % 4, rows):
        for j in range(columns):
            p = load(kind, x + i * step, j) - load(kind, x, j)
            total[j] += p
            squares[j] += p * p


@inner_kernel
def _merge(center, spread, shift, squares, j, weight, before):
    """Moments of numbers with a mean `shift` away into those of column j, of `before` numbers; weight: of all (Chan)"""
    spread[j] += squares + shift * shift * weight * before
    center[j] += shift * weight


@parallel_kernel
def _moments(part, x_, parts):
    """parts (jobs, 2, width): mean and squared distances of some wide rows, in blocks merged in order"""
    kind, (jobs, _, width), x, T = x_.dtype, parts.shape, address(x_), x_.dtype.type
    rows, total, squares = x_.size // width, np.empty(width, kind), np.empty(width, kind)
    for job in share(part, jobs):
        low, high, center, spread = rows * job // jobs, rows * (job + 1) // jobs, parts[job, 0], parts[job, 1]
        clear(parts.dtype, address(center), 2 * width)
        for start in range(low, high, AROUND):
            count, block = min(AROUND, high - start), x + start * width * kind.itemsize
            one, weight = T(1 / count), count / (start - low + count)
            clear(kind, address(total), width)
            clear(kind, address(squares), width)
            _add_distances(kind, block, count, width, total, squares)
            for j in range(width):
                shift = total[j] * one
                _merge(center, spread, load(kind, block, j) + shift - center[j], squares[j] - total[j] * shift, j,
                       weight, start - low)


@inner_kernel
def _merge_moments(parts, rows, c, tail):
    """The jobs' moments, and then those of the same channel and what is left in the tail, into the first ones"""
    jobs, _, width = parts.shape
    center, spread = parts[0, 0], parts[0, 1]
    for job in range(1, jobs):
        low, high = rows * job // jobs, rows * (job + 1) // jobs
        for j in range(width):
            _merge(center, spread, parts[job, 0, j] - center[j], parts[job, 1, j], j, (high - low) / high, low)
    for start in range(c, width, c):
        for j in range(c):
            _merge(center, spread, center[start + j] - center[j], spread[start + j], j, c / (start + c),
                   rows * (start // c))
    for i in range(tail.size):
        before = rows * (width // c) + i // c
        _merge(center, spread, tail[i] - center[i % c], 0.0, i % c, 1 / (before + 1), before)


@kernel
def _statistics(x, parts, gamma, beta, moving_mean, moving_var, momentum, epsilon, mean, rstd, wide):
    """Means and deviations from the parts; wide (3, width): mean, scale and shift of every column"""
    c, T, width = mean.size, mean.dtype.type, wide.shape[1]
    _merge_moments(parts, x.size // width, c, x[x.size // width * width:])
    for j in range(c):
        center, variance = parts[0, 0, j], parts[0, 1, j] / (x.size // c)
        mean[j], rstd[j] = center, 1 / math.sqrt(variance + epsilon)
        moving_mean[j] = momentum * moving_mean[j] + (1 - momentum) * center
        moving_var[j] = momentum * moving_var[j] + (1 - momentum) * variance
    for j in range(width):
        i = j % c
        wide[0, j], wide[1, j] = mean[i], rstd[i] * gamma[i] if gamma.size else rstd[i]
        wide[2, j] = beta[i] if beta.size else T(0)


@parallel_kernel
def _normalize(part, x, wide, residual, low, y):
    """y = max(low, xhat * gamma + beta + residual) of flat arrays"""
    kind, (_, width), mean, scale, shift = x.dtype, wide.shape, wide[0], wide[1], wide[2]
    low = kind.type(low)
    for i in share(part, (x.size + width - 1) // width):
        place, count = i * width * kind.itemsize, min(width, x.size - i * width)
        old, result = address(x) + place, address(y) + place
        fetch(old + AHEAD, count * kind.itemsize)
        if residual.size:
            for j in range(count):
                v = (load(kind, old, j) - mean[j]) * scale[j] + shift[j] + load(kind, address(residual) + place, j)
                store(kind, result, j, low if v < low else v)               # NaN stays
        else:
            for j in range(count):
                v = (load(kind, old, j) - mean[j]) * scale[j] + shift[j]
                store(kind, result, j, low if v < low else v)


@kernel
def _gradients(parts, x, gamma, mean, rstd, dgamma, dbeta, wide):
    """dgamma, dbeta from the parts; wide (4, width): what _batch_norm_dx takes of every column"""
    c, rows = mean.size, x.size // mean.size
    add_parts(parts, c)
    for j in range(wide.shape[1]):
        i = j % c
        wide[0, j], wide[1, j] = mean[i], rstd[i] * gamma[i] if gamma.size else rstd[i]
        wide[2, j], wide[3, j] = parts[0, 0, i] / rows, parts[0, 1, i] / rows * rstd[i] * rstd[i]
    for j in range(dgamma.size):
        dgamma[j] = parts[0, 1, j] * rstd[j]
    for j in range(dbeta.size):
        dbeta[j] = parts[0, 0, j]


@parallel_kernel
def _batch_norm_dx(part, dy, x, y, wide, dx):
    """dx = rstd * gamma * (dz - mean(dz) - xhat * mean(dz * xhat)); dz = dy where y > 0, if there is a y"""
    kind, (_, width), mean, scale, center, slope = x.dtype, wide.shape, wide[0], wide[1], wide[2], wide[3]
    for i in share(part, (x.size + width - 1) // width):
        place, count = i * width * kind.itemsize, min(width, x.size - i * width)
        dz, old, result = address(dy) + place, address(x) + place, address(dx) + place
        fetch(dz + AHEAD, count * kind.itemsize)
        fetch(old + AHEAD, count * kind.itemsize)
        if y.size:
            for j in range(count):
                d = load(kind, dz, j)               # read in any case: then the choice is a vector instruction
                d = d if load(kind, address(y) + place, j) > 0 else kind.type(0)
                store(kind, result, j, (d - center[j] - (load(kind, old, j) - mean[j]) * slope[j]) * scale[j])
        else:
            for j in range(count):
                d = load(kind, dz, j) - center[j] - (load(kind, old, j) - mean[j]) * slope[j]
                store(kind, result, j, d * scale[j])


def some(x, like):
    """What a compiled function sees instead of None: an array without elements."""
    return like[:0] if x is None else x


def targets(need, x, out):
    """Where the gradients for (x, gamma, beta, residual), or the first of these, go"""
    shapes = (x.shape, x.shape[1:], x.shape[1:], x.shape)
    return tuple(map(target, need, out or (None,) * len(need), shapes, [x.dtype] * len(need)))


def batch_norm(x, gamma, beta, moving_mean, moving_var, momentum, epsilon, residual=None, activation="linear",
               out=None):
    """(rows, c) -> (y (rows, c), mean (c,), rstd (c,)); the moving statistics in place"""
    y, mean, rstd = outputs(out, (x.shape, x.shape[1:], x.shape[1:]), x.dtype)
    if x.size:
        width, jobs = wide_parts(*x.shape)
        parts, wide = np.empty((jobs, 2, width)), np.empty((3, width), x.dtype)
        flat = x.reshape(-1)
        _moments(flat, parts)
        _statistics(flat, parts, some(gamma, mean), some(beta, mean), moving_mean, moving_var, float(momentum),
                    float(epsilon), mean, rstd, wide)
        _normalize(flat, wide, some(residual, flat).reshape(-1), LOW[activation], y.reshape(-1))
    return y, mean, rstd


def batch_norm_backward(dy, x, gamma, mean, rstd, need, y=None, activation="linear", out=None):
    """need for (x, gamma, beta) or (x, gamma, beta, residual); y: the output, where an activation followed"""
    places = targets(need, x, out)
    if mean.size == 0:
        return places
    dx, dgamma, dbeta, dz = (*places, None)[:4]
    width, jobs = wide_parts(*x.shape)
    parts, wide, none = np.empty((jobs, 2, width)), np.empty((4, width), x.dtype), mean[:0]
    dy, x, y = dy.reshape(-1), x.reshape(-1), none if activation == "linear" else y.reshape(-1)
    if dz is not None and not y.size:
        copy(dy, out=dz.reshape(-1))
    masked = none if dz is None or not y.size else dz.reshape(-1)
    column_sums(ACTIVATIONS[activation], dy, y, x, mean, masked, parts)
    _gradients(parts, x, some(gamma, mean), mean, rstd, some(dgamma, mean), some(dbeta, mean), wide)
    if dx is not None:
        dy, y = (masked, none) if masked.size else (dy, y)
        _batch_norm_dx(dy, x, y, wide, dx.reshape(-1))
    return places


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
def _layer_gradients(parts, dgamma, dbeta):
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
        _layer_gradients(parts, some(dgamma, mean), some(dbeta, mean))
    return places
