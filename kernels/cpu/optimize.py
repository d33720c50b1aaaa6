"""Optimizers over flat buffers. `hyper` is read inside, so that a recorded step sees the newest rate."""
import math

import numpy as np

from .launch import own, parallel_kernel

CHUNK = 2048                    # numbers that stay in the first-level cache between two loops


@parallel_kernel
def _sgd(part, p, g, hyper, momentum, nesterov, m):
    T = p.dtype.type
    rate, momentum, slow = T(hyper[0]), T(momentum), m.size > 0
    ahead, once_more = (momentum, rate) if nesterov else (T(1), T(0))
    p, g, m = own(part, p, g, m)
    if slow:
        for i in range(p.size):
            m[i] = momentum * m[i] - rate * g[i]
            p[i] += ahead * m[i] - once_more * g[i]
    else:
        for i in range(p.size):
            p[i] -= rate * g[i]


@parallel_kernel
def _rmsprop(part, p_, g_, v_, hyper, rho, rest, momentum, epsilon, m_, mg_):
    T = p_.dtype.type
    rate, rho, rest, momentum, epsilon = T(hyper[0]), T(rho), T(rest), T(momentum), T(epsilon)
    p_, g_, v_, m_, mg_ = own(part, p_, g_, v_, m_, mg_)
    centred = np.empty(min(CHUNK, mg_.size), p_.dtype)
    for start in range(0, p_.size, CHUNK):
        p, g, v = p_[start:start + CHUNK], g_[start:start + CHUNK], v_[start:start + CHUNK]
        m, mg, variance = m_[start:start + CHUNK], mg_[start:start + CHUNK], v
        for i in range(p.size):
            v[i] = rho * v[i] + rest * g[i] * g[i]
        if mg.size:
            variance = centred[:p.size]
            for i in range(p.size):
                mg[i] = rho * mg[i] + rest * g[i]
                variance[i] = v[i] - mg[i] * mg[i]
        if m.size:
            for i in range(p.size):
                m[i] = momentum * m[i] + rate * g[i] / T(math.sqrt(variance[i] + epsilon))
                p[i] -= m[i]
        else:
            for i in range(p.size):
                p[i] -= rate * g[i] / T(math.sqrt(variance[i] + epsilon))


@parallel_kernel
def _adam(part, p, g, m, v, hyper, beta_1, beta_2, epsilon, vhat):
    T = p.dtype.type
    t = float(hyper[1])
    rate = T(hyper[0] * math.sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t))
    rest_1, rest_2, epsilon = T(1 - beta_1), T(1 - beta_2), T(epsilon)
    p, g, m, v, vhat = own(part, p, g, m, v, vhat)
    if not vhat.size:
        for i in range(p.size):
            m[i] += (g[i] - m[i]) * rest_1
            v[i] += (g[i] * g[i] - v[i]) * rest_2
            p[i] -= m[i] * rate / (T(math.sqrt(v[i])) + epsilon)
    for start in range(0, vhat.size, CHUNK):
        a, b, c = m[start:start + CHUNK], v[start:start + CHUNK], vhat[start:start + CHUNK]
        x, y = p[start:start + CHUNK], g[start:start + CHUNK]
        for i in range(x.size):
            a[i] += (y[i] - a[i]) * rest_1
            b[i] += (y[i] * y[i] - b[i]) * rest_2
        for i in range(x.size):
            c[i] = max(c[i], b[i])
            x[i] -= a[i] * rate / (T(math.sqrt(c[i])) + epsilon)


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
