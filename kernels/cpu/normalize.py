"""Batch and layer normalization of (rows, c). Parts and their order never depend on the number of threads."""
import numpy as np
from numba import prange

from .launch import kernel, parallel_kernel

JOBS = 64
BLOCK = 32      # rows whose mean and squares are taken while they are in the cache


@kernel
def _moments(x, low, high, mean, squares, total):
    """Mean and squared distances of rows low..high: two passes a block, blocks merged in order (Chan)."""
    mean[:], squares[:] = 0, 0
    for start in range(low, high, BLOCK):
        stop = min(high, start + BLOCK)
        total[:] = 0
        for i in range(start, stop):
            for j in range(x.shape[1]):
                total[j] += x[i, j]
        weight = (stop - start) / (stop - low)
        for j in range(x.shape[1]):
            total[j] = total[j] / (stop - start)
            shift = total[j] - mean[j]
            squares[j] += shift * shift * weight * (start - low)
            mean[j] += shift * weight
        for i in range(start, stop):
            for j in range(x.shape[1]):
                d = x[i, j] - total[j]
                squares[j] += d * d


@parallel_kernel
def _batch_norm(x, gamma, beta, moving_mean, moving_var, momentum, epsilon, parts, y, mean, rstd):
    """parts (jobs, 3, c): mean, squares, scratch"""
    rows, c = x.shape
    T, jobs = x.dtype.type, parts.shape[0]
    share = (rows + jobs - 1) // jobs
    for job in prange(jobs):
        _moments(x, job * share, min(rows, job * share + share), parts[job, 0], parts[job, 1], parts[job, 2])
    center, squares = parts[0, 0], parts[0, 1]
    for job in range(1, jobs):
        low, high = job * share, min(rows, job * share + share)
        if low < high:
            for j in range(c):
                shift = parts[job, 0, j] - center[j]
                squares[j] += parts[job, 1, j] + shift * shift * low * ((high - low) / high)
                center[j] += shift * ((high - low) / high)
    for j in range(c):
        variance = squares[j] / rows
        mean[j], rstd[j] = center[j], 1 / np.sqrt(variance + epsilon)
        moving_mean[j] = momentum * moving_mean[j] + (1 - momentum) * center[j]
        moving_var[j] = momentum * moving_var[j] + (1 - momentum) * variance
        parts[0, 0, j] = rstd[j] * gamma[j] if gamma.size else rstd[j]
        parts[0, 1, j] = beta[j] if beta.size else 0
    for job in prange(jobs):
        for i in range(job * share, min(rows, job * share + share)):
            for j in range(c):
                y[i, j] = (x[i, j] - mean[j]) * T(parts[0, 0, j]) + T(parts[0, 1, j])


@kernel
def _add_gradients(dy, x, mean, rstd, low, high, dgamma, dbeta):
    dgamma[:], dbeta[:] = 0, 0
    for i in range(low, high):
        for j in range(x.shape[1]):
            dbeta[j] += dy[i, j]
            dgamma[j] += dy[i, j] * ((x[i, j] - mean[j]) * rstd[j])


@kernel
def _merge(parts, dgamma, dbeta):
    for job in range(1, parts.shape[0]):
        parts[0] += parts[job]
    for j in range(dgamma.size):
        dgamma[j] = parts[0, 0, j]
    for j in range(dbeta.size):
        dbeta[j] = parts[0, 1, j]


@parallel_kernel
def _batch_norm_backward(dy, x, gamma, mean, rstd, parts, dx, dgamma, dbeta):
    """parts (jobs, 2, c): the sums of dy * xhat and of dy"""
    rows, c = x.shape
    T, jobs = x.dtype.type, parts.shape[0]
    share = (rows + jobs - 1) // jobs
    for job in prange(jobs):
        low, high = job * share, min(rows, job * share + share)
        _add_gradients(dy, x, mean, rstd, low, high, parts[job, 0], parts[job, 1])
    _merge(parts, dgamma, dbeta)
    for j in range(c):
        parts[0, 0, j] = parts[0, 0, j] / rows * rstd[j]
        parts[0, 1, j] = parts[0, 1, j] / rows
    for job in prange(jobs):
        for i in range(job * share, min(dx.shape[0], job * share + share)):
            for j in range(c):
                dx[i, j] = (dy[i, j] - T(parts[0, 1, j]) - (x[i, j] - mean[j]) * T(parts[0, 0, j])) * rstd[j]
            if gamma.size:
                for j in range(c):
                    dx[i, j] *= gamma[j]


@parallel_kernel
def _layer_norm(x, gamma, beta, epsilon, y, mean, rstd):
    T, c = x.dtype.type, x.shape[1]
    for row in prange(x.shape[0]):
        a, out = x[row], y[row]
        total, squares = T(0), T(0)
        for j in range(c):
            total += a[j]
        center = total / T(c)
        for j in range(c):
            squares += (a[j] - center) * (a[j] - center)
        scale = T(1 / np.sqrt(squares / T(c) + T(epsilon)))
        mean[row], rstd[row] = center, scale
        for j in range(c):
            out[j] = (a[j] - center) * scale
        if gamma.size:
            for j in range(c):
                out[j] *= gamma[j]
        if beta.size:
            for j in range(c):
                out[j] += beta[j]


@kernel
def _layer_norm_row(dy, x, gamma, mean, rstd, dx):
    """dx = rstd * (g - mean(g) - xhat * mean(g * xhat)), g = dy * gamma"""
    T, c = x.dtype.type, x.size
    total, dot = T(0), T(0)
    for j in range(c):
        dx[j] = dy[j] * gamma[j] if gamma.size else dy[j]
        total += dx[j]
        dot += dx[j] * (x[j] - mean)
    total, dot = total / T(c), dot / T(c) * rstd * rstd
    for j in range(c):
        dx[j] = rstd * (dx[j] - total - (x[j] - mean) * dot)


@parallel_kernel
def _layer_norm_backward(dy, x, gamma, mean, rstd, parts, dx, dgamma, dbeta):
    """parts (jobs, 2, c): the sums of dy * xhat and of dy"""
    rows, c = x.shape
    jobs = parts.shape[0]
    share = (rows + jobs - 1) // jobs
    for job in prange(jobs):
        dg, db = parts[job, 0], parts[job, 1]
        dg[:], db[:] = 0, 0
        for i in range(job * share, min(rows, job * share + share)):
            if dgamma.size or dbeta.size:
                for j in range(c):
                    db[j] += dy[i, j]
                    dg[j] += dy[i, j] * ((x[i, j] - mean[i]) * rstd[i])
            if dx.shape[0]:
                _layer_norm_row(dy[i], x[i], gamma, mean[i], rstd[i], dx[i])
    _merge(parts, dgamma, dbeta)


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
        _batch_norm(x, _some(gamma, mean), _some(beta, mean), moving_mean, moving_var, float(momentum),
                    float(epsilon), parts, y, mean, rstd)
    return y, mean, rstd


def _backward(kernel, dy, x, gamma, mean, rstd, need, out):
    c = x.shape[1:]
    targets = tuple(map(_target, need, _outputs(out, 3), (x.shape, c, c), [x.dtype] * 3))
    parts = np.empty((_jobs(x), 2, x.shape[1]))
    dx, dgamma, dbeta = map(_some, targets, (x, mean, mean))
    kernel(dy, x, _some(gamma, mean), mean, rstd, parts, dx, dgamma, dbeta)
    return targets


def batch_norm_backward(dy, x, gamma, mean, rstd, need, out=None):
    return _backward(_batch_norm_backward, dy, x, gamma, mean, rstd, need, out)


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
    return _backward(_layer_norm_backward, dy, x, gamma, mean, rstd, need, out)
