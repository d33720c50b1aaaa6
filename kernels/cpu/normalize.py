"""Batch and layer normalization of (rows, c). Parts and their order never depend on the number of threads."""
import math

import numpy as np

from .launch import kernel, parallel_kernel, share

JOBS = 64
BLOCK = 32      # rows whose mean and squares are taken while they are in the cache


@parallel_kernel
def _moments(part, x, parts):
    """parts (jobs, 3, c): mean and squared distances of some rows, in blocks merged in order (Chan); scratch"""
    (rows, c), jobs = x.shape, parts.shape[0]
    size = (rows + jobs - 1) // jobs
    for job in share(part, jobs):
        low, high = job * size, min(rows, job * size + size)
        for j in range(c):
            parts[job, 0, j] = 0
            parts[job, 1, j] = 0
        for start in range(low, high, BLOCK):
            stop = min(high, start + BLOCK)
            for j in range(c):
                parts[job, 2, j] = 0
            for i in range(start, stop):
                for j in range(c):
                    parts[job, 2, j] += x[i, j]
            weight = (stop - start) / (stop - low)
            for j in range(c):
                parts[job, 2, j] /= stop - start
                shift = parts[job, 2, j] - parts[job, 0, j]
                parts[job, 1, j] += shift * shift * weight * (start - low)
                parts[job, 0, j] += shift * weight
            for i in range(start, stop):
                for j in range(c):
                    d = x[i, j] - parts[job, 2, j]
                    parts[job, 1, j] += d * d


@kernel
def _statistics(parts, rows, gamma, beta, moving_mean, moving_var, momentum, epsilon, mean, rstd):
    """The jobs' moments, merged in order; parts[0] becomes the scale and the shift."""
    jobs = parts.shape[0]
    size = (rows + jobs - 1) // jobs
    for j in range(mean.size):
        center, squares = parts[0, 0, j], parts[0, 1, j]
        for job in range(1, jobs):
            low, high = job * size, min(rows, job * size + size)
            if low < high:
                shift = parts[job, 0, j] - center
                squares += parts[job, 1, j] + shift * shift * low * ((high - low) / high)
                center += shift * ((high - low) / high)
        variance = squares / rows
        mean[j], rstd[j] = center, 1 / math.sqrt(variance + epsilon)
        moving_mean[j] = momentum * moving_mean[j] + (1 - momentum) * center
        moving_var[j] = momentum * moving_var[j] + (1 - momentum) * variance
        parts[0, 0, j] = rstd[j] * gamma[j] if gamma.size else rstd[j]
        parts[0, 1, j] = beta[j] if beta.size else 0


@parallel_kernel
def _normalize(part, x, mean, parts, y):
    T = x.dtype.type
    for i in share(part, x.shape[0]):
        for j in range(x.shape[1]):
            y[i, j] = (x[i, j] - mean[j]) * T(parts[0, 0, j]) + T(parts[0, 1, j])


@parallel_kernel
def _sums(part, dy, x, mean, rstd, parts):
    """parts (jobs, 2, c): the sums of dy * xhat and of dy over a share of the rows"""
    (rows, c), jobs = x.shape, parts.shape[0]
    size = (rows + jobs - 1) // jobs
    for job in share(part, jobs):
        for j in range(c):
            parts[job, 0, j] = 0
            parts[job, 1, j] = 0
        for i in range(job * size, min(rows, job * size + size)):
            for j in range(c):
                parts[job, 0, j] += dy[i, j] * ((x[i, j] - mean[j]) * rstd[j])
                parts[job, 1, j] += dy[i, j]


@kernel
def _merge(parts, dgamma, dbeta):
    """The jobs' sums into parts[0] and the gradients"""
    for s in range(2):
        for j in range(parts.shape[2]):
            for job in range(1, parts.shape[0]):
                parts[0, s, j] += parts[job, s, j]
    for j in range(dgamma.size):
        dgamma[j] = parts[0, 0, j]
    for j in range(dbeta.size):
        dbeta[j] = parts[0, 1, j]


@parallel_kernel
def _batch_norm_dx(part, dy, x, gamma, mean, rstd, parts, dx):
    """dx = rstd * gamma * (dy - mean(dy) - xhat * mean(dy * xhat))"""
    T, (rows, c) = x.dtype.type, x.shape
    for i in share(part, rows):
        for j in range(c):
            slope = T(parts[0, 0, j]) * rstd[j] / T(rows)
            dx[i, j] = (dy[i, j] - T(parts[0, 1, j]) / T(rows) - (x[i, j] - mean[j]) * slope) * rstd[j]
        if gamma.size:
            for j in range(c):
                dx[i, j] *= gamma[j]


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
            y[i, j] = (x[i, j] - center) * scale
        if gamma.size:
            for j in range(c):
                y[i, j] *= gamma[j]
        if beta.size:
            for j in range(c):
                y[i, j] += beta[j]


@parallel_kernel
def _layer_norm_sums(part, dy, x, mean, rstd, parts):
    """parts (jobs, 2, c): the sums of dy * xhat and of dy over a share of the rows"""
    (rows, c), jobs = x.shape, parts.shape[0]
    size = (rows + jobs - 1) // jobs
    for job in share(part, jobs):
        for j in range(c):
            parts[job, 0, j] = 0
            parts[job, 1, j] = 0
        for i in range(job * size, min(rows, job * size + size)):
            for j in range(c):
                parts[job, 0, j] += dy[i, j] * ((x[i, j] - mean[i]) * rstd[i])
                parts[job, 1, j] += dy[i, j]


@parallel_kernel
def _layer_norm_dx(part, dy, x, gamma, mean, rstd, dx):
    """dx = rstd * (g - mean(g) - xhat * mean(g * xhat)), g = dy * gamma"""
    T, c = x.dtype.type, x.shape[1]
    for i in share(part, x.shape[0]):
        total, dot, center = T(0), T(0), mean[i]
        for j in range(c):
            dx[i, j] = dy[i, j] * gamma[j] if gamma.size else dy[i, j]
            total += dx[i, j]
            dot += dx[i, j] * (x[i, j] - center)
        total, dot = total / T(c), dot / T(c) * rstd[i] * rstd[i]
        for j in range(c):
            dx[i, j] = rstd[i] * (dx[i, j] - total - (x[i, j] - center) * dot)


def _jobs(x):
    """How many parts: enough for many threads, none too small."""
    return max(1, min(JOBS, x.size // 8192, x.shape[0]))


def _some(x, like):
    """What a compiled function sees instead of None: an array without elements."""
    return like[:0] if x is None else x


def _outputs(out, count):
    return out or (None,) * count


def _target(need, out, shape, dtype):
    """Where a gradient goes: the caller's array, a new one, or None if it is not wanted."""
    if need is None or need is False or out is not None:
        return out
    return np.empty(shape, dtype) if need is True else need


def batch_norm(x, gamma, beta, moving_mean, moving_var, momentum, epsilon, out=None):
    """(rows, c) -> (y (rows, c), mean (c,), rstd (c,)); the moving statistics in place"""
    y, mean, rstd = _outputs(out, 3)
    y = np.empty(x.shape, x.dtype) if y is None else y
    mean = np.empty(x.shape[1], x.dtype) if mean is None else mean
    rstd = np.empty(x.shape[1], x.dtype) if rstd is None else rstd
    if x.size:
        parts = np.empty((_jobs(x), 3, x.shape[1]))
        _moments(x, parts)
        _statistics(parts, x.shape[0], _some(gamma, mean), _some(beta, mean), moving_mean, moving_var, float(momentum),
                    float(epsilon), mean, rstd)
        _normalize(x, mean, parts, y)
    return y, mean, rstd


def _targets(need, x, out):
    c = x.shape[1:]
    return tuple(map(_target, need, _outputs(out, 3), (x.shape, c, c), [x.dtype] * 3))


def batch_norm_backward(dy, x, gamma, mean, rstd, need, out=None):
    dx, dgamma, dbeta = _targets(need, x, out)
    parts = np.empty((_jobs(x), 2, x.shape[1]))
    _sums(dy, x, mean, rstd, parts)
    _merge(parts, _some(dgamma, mean), _some(dbeta, mean))
    if dx is not None:
        _batch_norm_dx(dy, x, _some(gamma, mean), mean, rstd, parts, dx)
    return dx, dgamma, dbeta


def layer_norm(x, gamma, beta, epsilon, out=None):
    """(rows, c) -> (y (rows, c), mean (rows,), rstd (rows,))"""
    y, mean, rstd = _outputs(out, 3)
    y = np.empty(x.shape, x.dtype) if y is None else y
    mean = np.empty(x.shape[0], x.dtype) if mean is None else mean
    rstd = np.empty(x.shape[0], x.dtype) if rstd is None else rstd
    if x.size:
        _layer_norm(x, _some(gamma, mean), _some(beta, mean), float(epsilon), y, mean, rstd)
    return y, mean, rstd


def layer_norm_backward(dy, x, gamma, mean, rstd, need, out=None):
    dx, dgamma, dbeta = _targets(need, x, out)
    if dgamma is not None or dbeta is not None:
        parts = np.empty((_jobs(x), 2, x.shape[1]))
        _layer_norm_sums(dy, x, mean, rstd, parts)
        _merge(parts, _some(dgamma, mean), _some(dbeta, mean))
    if dx is not None:
        _layer_norm_dx(dy, x, _some(gamma, mean), mean, rstd, dx)
    return dx, dgamma, dbeta
