"""Batch and layer normalization of (rows, c). Parts and their order never depend on the number of threads.

Where there are few channels, rows are joined to rows about WIDE long: one after the other, all channels many times.
What differs by channel is laid out as wide, and so loops are long and sums stay apart until the end.
"""
import functools
import math

import numpy as np

from .launch import inner_kernel, kernel, parallel_kernel, share, target
from .memory import copy
from .reduce import BLOCK, JOBS, LEAST, WIDE, add_rows, wide_parts, wide_rows


@inner_kernel
def _add_squares(x, low, high, mean, total):
    for i in range(low, high - 3, 4):
        for j in range(total.size):
            p, q, r, s = x[i, j] - mean[j], x[i + 1, j] - mean[j], x[i + 2, j] - mean[j], x[i + 3, j] - mean[j]
            total[j] += (p * p + q * q) + (r * r + s * s)
    for i in range(high - (high - low) % 4, high):
        for j in range(total.size):
            total[j] += (x[i, j] - mean[j]) * (x[i, j] - mean[j])


@inner_kernel
def _add_products(dy, x, low, high, first, mean, dot, total):
    """dot (c,) += dy * (x - mean), total (c,) += dy; row `first` of x meets row 0 of dy"""
    for i in range(low, high - 3, 4):
        k = i - first
        for j in range(dot.size):
            p, q, r, s = dy[k, j], dy[k + 1, j], dy[k + 2, j], dy[k + 3, j]
            total[j] += (p + q) + (r + s)
            dot[j] += ((p * (x[i, j] - mean[j]) + q * (x[i + 1, j] - mean[j]))
                       + (r * (x[i + 2, j] - mean[j]) + s * (x[i + 3, j] - mean[j])))
    for i in range(high - (high - low) % 4, high):
        for j in range(dot.size):
            total[j] += dy[i - first, j]
            dot[j] += dy[i - first, j] * (x[i, j] - mean[j])


@parallel_kernel
def _moments(part, x_, parts):
    """parts (jobs, 2, k * c): mean and squared distances of some wide rows, in blocks merged in order (Chan)"""
    x, (jobs, _, c), T = wide_rows(x_, parts.shape[2]), parts.shape, x_.dtype.type
    rows, mean, squares = len(x), np.empty(c, x.dtype), np.empty(c, x.dtype)
    for job in share(part, jobs):
        low, high, center, spread = rows * job // jobs, rows * (job + 1) // jobs, parts[job, 0], parts[job, 1]
        center[:] = 0
        spread[:] = 0
        for start in range(low, high, BLOCK):
            stop, before = min(high, start + BLOCK), start - low
            mean[:] = 0
            squares[:] = 0
            add_rows(x, start, stop, mean)
            for j in range(c):
                mean[j] /= T(stop - start)
            _add_squares(x, start, stop, mean, squares)
            weight = (stop - start) / (stop - low)
            for j in range(c):
                shift = mean[j] - center[j]
                spread[j] += squares[j] + shift * shift * weight * before
                center[j] += shift * weight


@inner_kernel
def _merge_moments(parts, rows):
    """The jobs' moments into the first job's, in order"""
    center, spread, jobs = parts[0, 0], parts[0, 1], parts.shape[0]
    for job in range(1, jobs):
        low, high = rows * job // jobs, rows * (job + 1) // jobs
        weight = (high - low) / high
        for j in range(center.size):
            shift = parts[job, 0, j] - center[j]
            spread[j] += parts[job, 1, j] + shift * shift * weight * low
            center[j] += shift * weight


@inner_kernel
def _of_channel(parts, rows, j, tail, c):
    """(mean, variance) of channel j: its wide columns, which count `rows` each, and what is left in the tail"""
    center, spread, groups = 0.0, 0.0, parts.shape[2] // c
    for g in range(groups):
        shift = parts[0, 0, g * c + j] - center
        spread += parts[0, 1, g * c + j] + shift * shift * rows * (g / (g + 1))
        center += shift / (g + 1)
    for g in range(tail.size // c):
        before = groups * rows + g
        shift = tail[g * c + j] - center
        spread += shift * shift * (before / (before + 1))
        center += shift / (before + 1)
    return center, spread / (groups * rows + tail.size // c)


@kernel
def _statistics(x, parts, gamma, beta, moving_mean, moving_var, momentum, epsilon, mean, rstd, wide):
    """Means and deviations from the parts; wide (3, k * c): mean, scale and shift of every column"""
    c, T, rows = mean.size, mean.dtype.type, x.size // parts.shape[2]
    tail = x[rows * parts.shape[2]:]
    _merge_moments(parts, rows)
    for j in range(c):
        center, variance = _of_channel(parts, rows, j, tail, c)
        mean[j], rstd[j] = center, 1 / math.sqrt(variance + epsilon)
        moving_mean[j] = momentum * moving_mean[j] + (1 - momentum) * center
        moving_var[j] = momentum * moving_var[j] + (1 - momentum) * variance
    for start in range(0, wide.shape[1], c):
        for j in range(c):
            wide[0, start + j] = mean[j]
            wide[1, start + j] = rstd[j] * gamma[j] if gamma.size else rstd[j]
            wide[2, start + j] = beta[j] if beta.size else T(0)


@parallel_kernel
def _normalize(part, x_, wide, residual, low, y_):
    """y = max(low, xhat * gamma + beta + residual) of flat arrays"""
    low, width = x_.dtype.type(low), wide.shape[1]
    mean, scale, shift = wide[0], wide[1], wide[2]
    for i in share(part, (x_.size + width - 1) // width):
        x, y = x_[i * width:(i + 1) * width], y_[i * width:(i + 1) * width]
        if residual.size:
            more = residual[i * width:(i + 1) * width]
            for j in range(x.size):
                v = (x[j] - mean[j]) * scale[j] + shift[j] + more[j]
                y[j] = low if v < low else v                    # NaN stays
        else:
            for j in range(x.size):
                v = (x[j] - mean[j]) * scale[j] + shift[j]
                y[j] = low if v < low else v


@parallel_kernel
def _sums(part, dy_, x_, y_, mean, dz_, parts):
    """parts (jobs, 2, k * c): the sums of dz * (x - mean) and of dz over some wide rows; dz = dy where y > 0"""
    (jobs, _, width), c, T = parts.shape, mean.size, mean.dtype.type
    dy, x, y, dz = wide_rows(dy_, width), wide_rows(x_, width), wide_rows(y_, width), wide_rows(dz_, width)
    rows, dot, total, wide = len(x), np.empty(width, x.dtype), np.empty(width, x.dtype), np.empty(width, x.dtype)
    room = np.empty((BLOCK, width), x.dtype)
    for start in range(0, width, c):
        wide[start:start + c] = mean
    for job in share(part, jobs):
        parts[job] = 0
        low, high = rows * job // jobs, rows * (job + 1) // jobs
        for start in range(low, high, BLOCK):
            stop = min(high, start + BLOCK)
            dot[:] = 0
            total[:] = 0
            if y.size:
                for i in range(start, stop):
                    for j in range(width):
                        room[i - start, j] = dy[i, j] if y[i, j] > 0 else T(0)
                for i in range(start, stop if dz.size else start):
                    for j in range(width):
                        dz[i, j] = room[i - start, j]
                _add_products(room, x, start, stop, start, wide, dot, total)
            else:
                _add_products(dy, x, start, stop, 0, wide, dot, total)
            for j in range(width):
                parts[job, 0, j] += dot[j]
                parts[job, 1, j] += total[j]


@inner_kernel
def _merge(parts, dgamma, dbeta):
    """The jobs' sums into parts[0] and the gradients"""
    for s in range(2):
        for job in range(1, parts.shape[0]):
            for j in range(parts.shape[2]):
                parts[0, s, j] += parts[job, s, j]
    for j in range(dgamma.size):
        dgamma[j] = parts[0, 0, j]
    for j in range(dbeta.size):
        dbeta[j] = parts[0, 1, j]


@kernel
def _batch_norm_gradients(parts, dy, x, y, dz, gamma, mean, rstd, dgamma, dbeta, wide):
    """dgamma, dbeta from the parts and the tail; wide (4, k * c): what _batch_norm_dx takes of every column"""
    c, T, width, rows = mean.size, x.dtype.type, parts.shape[2], x.size // mean.size
    _merge(parts, dgamma[:0], dbeta[:0])
    for s in range(2):
        for start in range(c, width, c):
            for j in range(c):
                parts[0, s, j] += parts[0, s, start + j]
    for i in range(x.size // width * width, x.size):
        d = dy[i] if not y.size or y[i] > 0 else T(0)
        parts[0, 0, i % c] += d * (x[i] - mean[i % c])
        parts[0, 1, i % c] += d
        if dz.size:
            dz[i] = d
    for start in range(0, wide.shape[1], c):
        for j in range(c):
            wide[0, start + j] = mean[j]
            wide[1, start + j] = rstd[j] * gamma[j] if gamma.size else rstd[j]
            wide[2, start + j] = parts[0, 1, j] / rows
            wide[3, start + j] = parts[0, 0, j] / rows * rstd[j] * rstd[j]
    for j in range(dgamma.size):
        dgamma[j] = parts[0, 0, j] * rstd[j]
    for j in range(dbeta.size):
        dbeta[j] = parts[0, 1, j]


@inner_kernel
def _slope(d, x, mean, scale, center, slope):
    return (d - center - (x - mean) * slope) * scale


@parallel_kernel
def _batch_norm_dx(part, dy_, x_, y_, wide, dx_):
    """dx = rstd * gamma * (dz - mean(dz) - xhat * mean(dz * xhat)) of flat arrays"""
    T, width, mean, scale, center, slope = x_.dtype.type, wide.shape[1], wide[0], wide[1], wide[2], wide[3]
    dy, x, y, dx = wide_rows(dy_, width), wide_rows(x_, width), wide_rows(y_, width), wide_rows(dx_, width)
    for i in share(part, len(x)):
        if y.size:
            for j in range(width):
                d = dy[i, j] if y[i, j] > 0 else T(0)
                dx[i, j] = _slope(d, x[i, j], mean[j], scale[j], center[j], slope[j])
        else:
            for j in range(width):
                dx[i, j] = _slope(dy[i, j], x[i, j], mean[j], scale[j], center[j], slope[j])
    for i in range(x.size, x_.size if part[0] == 0 else x.size):
        d, j = dy_[i] if not y_.size or y_[i] > 0 else T(0), i - x.size
        dx_[i] = _slope(d, x_[i], mean[j], scale[j], center[j], slope[j])


@parallel_kernel
def _layer_norm(part, x, gamma, beta, epsilon, y, mean, rstd):
    T, c = x.dtype.type, x.shape[1]
    for i in share(part, x.shape[0]):
        total, squares = T(0), T(0)
        for j in range(c):
            total += x[i, j]
        center = total / T(c)
        for j in range(c):
            squares += (x[i, j] - center) * (x[i, j] - center)
        scale = T(1 / math.sqrt(squares / T(c) + T(epsilon)))
        mean[i], rstd[i] = center, scale
        for j in range(c):
            y[i, j] = (x[i, j] - center) * scale * gamma[j] + beta[j]


@parallel_kernel
def _layer_norm_backward(part, dy, x, gamma, mean, rstd, dx, parts):
    """dx = rstd * (g - mean(g) - xhat * mean(g * xhat)), g = dy * gamma; parts (jobs, 2, c): sums of dy * xhat, dy"""
    T, (rows, c), jobs = x.dtype.type, x.shape, parts.shape[0]
    dot, total = np.empty(parts.shape[2], x.dtype), np.empty(parts.shape[2], x.dtype)
    for job in share(part, jobs):
        low, high = rows * job // jobs, rows * (job + 1) // jobs
        parts[job] = 0
        for start in range(low, high, BLOCK):
            stop = min(high, start + BLOCK)
            for i in range(start, stop if dx.size else start):
                sum_g, sum_gx, center, scale = T(0), T(0), mean[i], rstd[i]
                for j in range(c):
                    sum_g += dy[i, j] * gamma[j]
                    sum_gx += dy[i, j] * gamma[j] * (x[i, j] - center)
                sum_g, sum_gx = sum_g / T(c), sum_gx / T(c) * scale * scale
                for j in range(c):
                    dx[i, j] = scale * (dy[i, j] * gamma[j] - sum_g - (x[i, j] - center) * sum_gx)
            dot[:] = 0
            total[:] = 0
            _add_normalized(dy, x, start, stop, mean, rstd, dot, total)
            for j in range(dot.size):
                parts[job, 0, j] += dot[j]
                parts[job, 1, j] += total[j]


@inner_kernel
def _add_normalized(dy, x, low, high, mean, rstd, dot, total):
    """dot (c,) += dy * xhat, total (c,) += dy, two rows at a time"""
    for i in range(low, high - 1, 2):
        m, n, r, s = mean[i], mean[i + 1], rstd[i], rstd[i + 1]
        for j in range(dot.size):
            total[j] += dy[i, j] + dy[i + 1, j]
            dot[j] += dy[i, j] * ((x[i, j] - m) * r) + dy[i + 1, j] * ((x[i + 1, j] - n) * s)
    for i in range(high - (high - low) % 2, high):
        for j in range(dot.size):
            total[j] += dy[i, j]
            dot[j] += dy[i, j] * ((x[i, j] - mean[i]) * rstd[i])


@kernel
def _layer_norm_gradients(parts, dgamma, dbeta):
    _merge(parts, dgamma, dbeta)


def _some(x, like):
    """What a compiled function sees instead of None: an array without elements."""
    return like[:0] if x is None else x


@functools.cache
def _ones(size, dtype):
    return np.ones(size, dtype)


@functools.cache
def _zeros(size, dtype):
    return np.zeros(size, dtype)


def _outputs(out, count):
    return out or (None,) * count


LOW = {"linear": -math.inf, "relu": 0.0}


def batch_norm(x, gamma, beta, moving_mean, moving_var, momentum, epsilon, residual=None, activation="linear",
               out=None):
    """(rows, c) -> (y (rows, c), mean (c,), rstd (c,)); the moving statistics in place"""
    y, mean, rstd = _outputs(out, 3)
    y = np.empty(x.shape, x.dtype) if y is None else y
    mean = np.empty(x.shape[1], x.dtype) if mean is None else mean
    rstd = np.empty(x.shape[1], x.dtype) if rstd is None else rstd
    if x.size:
        width, jobs = wide_parts(*x.shape)
        parts, wide = np.empty((jobs, 2, width)), np.empty((3, width), x.dtype)
        flat = x.reshape(-1)
        _moments(flat, parts)
        _statistics(flat, parts, _some(gamma, mean), _some(beta, mean), moving_mean, moving_var, float(momentum),
                    float(epsilon), mean, rstd, wide)
        _normalize(flat, wide, _some(residual, flat).reshape(-1), LOW[activation], y.reshape(-1))
    return y, mean, rstd


def _targets(need, x, out):
    c = x.shape[1:]
    return tuple(map(target, need, _outputs(out, len(need)), (x.shape, c, c, x.shape), [x.dtype] * len(need)))


def batch_norm_backward(dy, x, gamma, mean, rstd, need, y=None, activation="linear", out=None):
    """need for (x, gamma, beta) or (x, gamma, beta, residual); y: the output, where an activation followed"""
    targets = _targets(need, x, out)
    if mean.size == 0:
        return targets
    dx, dgamma, dbeta, dz = (*targets, None)[:4]
    width, jobs = wide_parts(*x.shape)
    parts, wide, none = np.empty((jobs, 2, width)), np.empty((4, width), x.dtype), mean[:0]
    dy, x, y = dy.reshape(-1), x.reshape(-1), none if activation == "linear" else y.reshape(-1)
    if dz is not None and not y.size:
        copy(dy, out=dz.reshape(-1))
    masked = none if dz is None or not y.size else dz.reshape(-1)
    _sums(dy, x, y, mean, masked, parts)
    _batch_norm_gradients(parts, dy, x, y, masked, _some(gamma, mean), mean, rstd, _some(dgamma, mean),
                          _some(dbeta, mean), wide)
    if dx is not None:
        dy, y = (masked, none) if masked.size else (dy, y)
        _batch_norm_dx(dy, x, y, wide, dx.reshape(-1))
    return targets


def layer_norm(x, gamma, beta, epsilon, out=None):
    """(rows, c) -> (y (rows, c), mean (rows,), rstd (rows,))"""
    y, mean, rstd = _outputs(out, 3)
    y = np.empty(x.shape, x.dtype) if y is None else y
    mean = np.empty(x.shape[0], x.dtype) if mean is None else mean
    rstd = np.empty(x.shape[0], x.dtype) if rstd is None else rstd
    if x.size:
        gamma, beta = _ones(x.shape[1], x.dtype) if gamma is None else gamma, \
            _zeros(x.shape[1], x.dtype) if beta is None else beta
        _layer_norm(x, gamma, beta, float(epsilon), y, mean, rstd)
    return y, mean, rstd


def layer_norm_backward(dy, x, gamma, mean, rstd, need, out=None):
    targets = dx, dgamma, dbeta = _targets(need, x, out)
    rows, c = x.shape
    sums = dgamma is not None or dbeta is not None
    parts = np.empty((max(1, min(JOBS, x.size // (WIDE * LEAST))), 2, c if sums else 0))
    gamma = _ones(c, x.dtype) if gamma is None else gamma
    _layer_norm_backward(dy, x, gamma, mean, rstd, x[:0] if dx is None else dx, parts)
    if sums:
        _layer_norm_gradients(parts, _some(dgamma, mean), _some(dbeta, mean))
    return targets
