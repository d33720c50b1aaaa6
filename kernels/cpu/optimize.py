"""Optimizers over flat buffers. `hyper` is read inside, so that a recorded step sees the newest rate."""
import math

from .launch import parallel_kernel, share

CHUNK = 4096


@parallel_kernel
def _sgd(part, p, g, hyper, momentum, nesterov, m):
    T = p.dtype.type
    rate, momentum, ahead = T(hyper[0]), T(momentum), T(momentum if nesterov else 0.0)
    slow = m.size > 0
    for job in share(part, (p.size + CHUNK - 1) // CHUNK):
        low, high = job * CHUNK, min(p.size, job * CHUNK + CHUNK)
        if not slow:
            for i in range(low, high):
                p[i] -= rate * g[i]
        elif nesterov:
            for i in range(low, high):
                m[i] = momentum * m[i] - rate * g[i]
                p[i] += ahead * m[i] - rate * g[i]
        else:
            for i in range(low, high):
                m[i] = momentum * m[i] - rate * g[i]
                p[i] += m[i]


@parallel_kernel
def _rmsprop(part, p, g, v, hyper, rho, rest, momentum, epsilon, m, mg):
    T = p.dtype.type
    rate, rho, rest, momentum, epsilon = T(hyper[0]), T(rho), T(rest), T(momentum), T(epsilon)
    slow, centered = m.size > 0, mg.size > 0
    for job in share(part, (p.size + CHUNK - 1) // CHUNK):
        for i in range(job * CHUNK, min(p.size, job * CHUNK + CHUNK)):
            v[i] = rho * v[i] + rest * g[i] * g[i]
            variance = v[i]
            if centered:
                mg[i] = rho * mg[i] + rest * g[i]
                variance -= mg[i] * mg[i]
            step = rate * g[i] / T(math.sqrt(variance + epsilon))
            if slow:
                m[i] = momentum * m[i] + step
                step = m[i]
            p[i] -= step


@parallel_kernel
def _adam(part, p, g, m, v, hyper, beta_1, beta_2, epsilon, vhat):
    T = p.dtype.type
    t = float(hyper[1])
    rate = T(hyper[0] * math.sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t))
    rest_1, rest_2, epsilon, largest = T(1 - beta_1), T(1 - beta_2), T(epsilon), vhat.size > 0
    for job in share(part, (p.size + CHUNK - 1) // CHUNK):
        low, high = job * CHUNK, min(p.size, job * CHUNK + CHUNK)
        for i in range(low, high):
            m[i] += (g[i] - m[i]) * rest_1
            v[i] += (g[i] * g[i] - v[i]) * rest_2
        if largest:
            for i in range(low, high):
                vhat[i] = max(vhat[i], v[i])
                p[i] -= m[i] * rate / (T(math.sqrt(vhat[i])) + epsilon)
        else:
            for i in range(low, high):
                p[i] -= m[i] * rate / (T(math.sqrt(v[i])) + epsilon)


def _or_none(x, like):
    """What the compiled function sees instead of None: an array without elements."""
    return like[:0] if x is None else x


def sgd(p, g, m, hyper, momentum=0.0, nesterov=False):
    _sgd(p, g, hyper, float(momentum), bool(nesterov), _or_none(m, p))


def rmsprop(p, g, v, m, mg, hyper, rho, momentum, epsilon):
    _rmsprop(p, g, v, hyper, float(rho), 1.0 - rho, float(momentum), float(epsilon), _or_none(m, p),
             _or_none(mg, p))


def adam(p, g, m, v, vhat, hyper, beta_1, beta_2, epsilon):
    _adam(p, g, m, v, hyper, float(beta_1), float(beta_2), float(epsilon), _or_none(vhat, p))
