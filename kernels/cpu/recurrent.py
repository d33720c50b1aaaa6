"""Recurrent layers: a matrix product and one pointwise kernel a step.

Backward, dh0 and dc0 carry the gradient from step to step; what is left after the first is the result.
The gradient of the weights is one product over all steps.
"""
import numpy as np

from .launch import inner_kernel, parallel_kernel, share
from .maths import sigmoid, tanh
from .matmul import matmul
from .memory import copy, fill
from .reduce import reduce


@inner_kernel
def _before(states, first, i, t):
    """The state that step t starts from, (u,)"""
    return states[i, t - 1] if t else first[i]


@inner_kernel
def _masked(mask, i, t):
    """(n, t), or empty where there is no mask"""
    return mask.size > 0 and not mask[i, t]


def _mask(mask):
    return np.empty((0, 0), np.bool_) if mask is None else mask


def _at(states, first, t):
    """The states (n, u) that step t starts from."""
    return states[:, t - 1] if t else first


def _outputs(out, shapes, dtype):
    """The arrays of `out`, new ones where it has none."""
    given = out or [None] * len(shapes)
    return [np.empty(shape, dtype) if o is None else o for o, shape in zip(given, shapes)]


def _weight_grad(h, h0, dz, du):
    """du = the states that the steps start from (n, t, u), transposed, times dz (n, t, k)"""
    before = np.empty(h.shape, h.dtype)
    copy(h0[:, None], out=before[:, :1])
    copy(h[:, :-1], out=before[:, 1:])
    matmul(before.reshape(-1, h.shape[2]), dz.reshape(-1, dz.shape[2]), transpose_a=True, out=du)


@parallel_kernel
def _lstm_step(part, z, hu, h0, c0, mask, h, c, gates, t):
    n, units = hu.shape[0], hu.shape[1] // 4
    for i in share(part, n):
        h_old, c_old, gate, x, y = _before(h, h0, i, t), _before(c, c0, i, t), gates[i, t], z[i, t], hu[i]
        skip = _masked(mask, i, t)
        for j in range(2 * units):
            gate[j] = sigmoid(x[j] + y[j])
        for j in range(2 * units, 3 * units):
            gate[j] = tanh(x[j] + y[j])
        for j in range(3 * units, 4 * units):
            gate[j] = sigmoid(x[j] + y[j])
        for j in range(units):
            state = gate[units + j] * c_old[j] + gate[j] * gate[2 * units + j]
            c[i, t, j] = c_old[j] if skip else state
            h[i, t, j] = h_old[j] if skip else gate[3 * units + j] * tanh(state)


@parallel_kernel
def _lstm_step_backward(part, dh, c, gates, c0, mask, dz, dh_next, dc_next, t):
    n, units = dh_next.shape
    one = dh.dtype.type(1)
    for i in share(part, n):
        c_old, gate, d = _before(c, c0, i, t), gates[i, t], dz[i, t]
        if _masked(mask, i, t):
            d[:] = 0
            for j in range(units):
                dh_next[i, j] += dh[i, t, j]
            continue
        for j in range(units):
            a, f, g, o = gate[j], gate[units + j], gate[2 * units + j], gate[3 * units + j]
            down, top = dh[i, t, j] + dh_next[i, j], tanh(c[i, t, j])
            dc = dc_next[i, j] + down * o * (one - top * top)
            d[j] = dc * g * a * (one - a)
            d[units + j] = dc * c_old[j] * f * (one - f)
            d[2 * units + j] = dc * a * (one - g * g)
            d[3 * units + j] = down * top * o * (one - o)
            dc_next[i, j] = dc * f
            dh_next[i, j] = 0


def lstm(z, u, h0, c0, mask=None, out=None):
    """z (n, t, 4u) in gates i f c o -> (h (n, t, u), c (n, t, u), gates (n, t, 4u))"""
    n, steps, width = z.shape
    h, c, gates = _outputs(out, [(n, steps, width // 4)] * 2 + [z.shape], z.dtype)
    hu, mask = np.empty((n, width), z.dtype), _mask(mask)
    for t in range(steps):
        matmul(_at(h, h0, t), u, out=hu)
        _lstm_step(z, hu, h0, c0, mask, h, c, gates, t)
    return h, c, gates


def lstm_backward(dh, dc_last, h, c, gates, u, h0, c0, mask=None, out=None):
    """dh (n, t, u), dc_last (n, u) or None -> (dz, du, dh0, dc0)"""
    dz, du, dh0, dc0 = _outputs(out, [gates.shape, u.shape, h0.shape, c0.shape], dh.dtype)
    mask = _mask(mask)
    fill(0, dh0)
    copy(0 if dc_last is None else dc_last, out=dc0)
    for t in reversed(range(dh.shape[1])):
        _lstm_step_backward(dh, c, gates, c0, mask, dz, dh0, dc0, t)
        matmul(dz[:, t], u, transpose_b=True, accumulate=True, out=dh0)
    _weight_grad(h, h0, dz, du)
    return dz, du, dh0, dc0


@parallel_kernel
def _gru_step(part, z, hu, b, h0, mask, h, gates, t):
    n, units = hu.shape[0], hu.shape[1] // 3
    one = hu.dtype.type(1)
    for i in share(part, n):
        h_old, gate, x, y = _before(h, h0, i, t), gates[i, t], z[i, t], hu[i]
        skip = _masked(mask, i, t)
        for j in range(2 * units):
            gate[j] = sigmoid(x[j] + y[j] + b[j])
        for j in range(units):
            k = 2 * units + j
            inner = y[k] + b[k]
            candidate = tanh(x[k] + gate[units + j] * inner)
            gate[k], gate[k + units] = candidate, inner
            h[i, t, j] = h_old[j] if skip else gate[j] * h_old[j] + (one - gate[j]) * candidate


@parallel_kernel
def _gru_step_backward(part, dh, h, gates, h0, mask, dz, dy, dh_next, t):
    """dz for the input's share, dy (n, t, 3u) for the recurrent one: they differ by the reset gate."""
    n, units = dh_next.shape
    one = dh.dtype.type(1)
    for i in share(part, n):
        h_old, gate = _before(h, h0, i, t), gates[i, t]
        if _masked(mask, i, t):
            dz[i, t] = 0
            dy[i, t] = 0
            for j in range(units):
                dh_next[i, j] += dh[i, t, j]
            continue
        for j in range(units):
            keep, reset, candidate, inner = gate[j], gate[units + j], gate[2 * units + j], gate[3 * units + j]
            down = dh[i, t, j] + dh_next[i, j]
            outer = down * (one - keep) * (one - candidate * candidate)
            dz[i, t, j] = dy[i, t, j] = down * (h_old[j] - candidate) * keep * (one - keep)
            dz[i, t, units + j] = dy[i, t, units + j] = outer * inner * reset * (one - reset)
            dz[i, t, 2 * units + j], dy[i, t, 2 * units + j] = outer, outer * reset
            dh_next[i, j] = down * keep


def gru(z, u, b, h0, mask=None, out=None):
    """z (n, t, 3u) in gates z r h, b (3u,) inside the reset gate -> (h (n, t, u), gates (n, t, 4u))"""
    n, steps, width = z.shape
    h, gates = _outputs(out, [(n, steps, width // 3), (n, steps, width // 3 * 4)], z.dtype)
    hu, mask = np.empty((n, width), z.dtype), _mask(mask)
    for t in range(steps):
        matmul(_at(h, h0, t), u, out=hu)
        _gru_step(z, hu, b, h0, mask, h, gates, t)
    return h, gates


def gru_backward(dh, h, gates, u, h0, mask=None, out=None):
    """dh (n, t, u) -> (dz, du, db, dh0)"""
    n, steps, units = dh.shape
    dz, du, db, dh0 = _outputs(out, [(n, steps, 3 * units), u.shape, u.shape[1:], h0.shape], dh.dtype)
    dy, mask = np.empty(dz.shape, dz.dtype), _mask(mask)
    fill(0, dh0)
    for t in reversed(range(steps)):
        _gru_step_backward(dh, h, gates, h0, mask, dz, dy, dh0, t)
        matmul(dy[:, t], u, transpose_b=True, accumulate=True, out=dh0)
    _weight_grad(h, h0, dy, du)
    reduce("sum", dy, (0, 1), False, db)
    return dz, du, db, dh0


@parallel_kernel
def _simple_step(part, z, hu, h0, mask, h, t):
    n, units = hu.shape
    for i in share(part, n):
        h_old, x, y, skip = _before(h, h0, i, t), z[i, t], hu[i], _masked(mask, i, t)
        for j in range(units):
            h[i, t, j] = h_old[j] if skip else tanh(x[j] + y[j])


@parallel_kernel
def _simple_step_backward(part, dh, h, mask, dz, dh_next, t):
    n, units = dh_next.shape
    one = dh.dtype.type(1)
    for i in share(part, n):
        skip = _masked(mask, i, t)
        for j in range(units):
            down = dh[i, t, j] + dh_next[i, j]
            dz[i, t, j] = 0 if skip else down * (one - h[i, t, j] * h[i, t, j])
            dh_next[i, j] = down if skip else 0


def simple_rnn(z, u, h0, mask=None, out=None):
    """h = tanh(z_t + h u), (n, t, u)"""
    h, = _outputs([out], [z.shape], z.dtype)
    hu, mask = np.empty(h0.shape, z.dtype), _mask(mask)
    for t in range(z.shape[1]):
        matmul(_at(h, h0, t), u, out=hu)
        _simple_step(z, hu, h0, mask, h, t)
    return h


def simple_rnn_backward(dh, h, u, h0, mask=None, out=None):
    """dh (n, t, u) -> (dz, du, dh0)"""
    dz, du, dh0 = _outputs(out, [h.shape, u.shape, h0.shape], dh.dtype)
    mask = _mask(mask)
    fill(0, dh0)
    for t in reversed(range(dh.shape[1])):
        _simple_step_backward(dh, h, mask, dz, dh0, t)
        matmul(dz[:, t], u, transpose_b=True, accumulate=True, out=dh0)
    _weight_grad(h, h0, dz, du)
    return dz, du, dh0
