"""Recurrent layers: a matrix product and one pointwise kernel a step; du is one product over all steps.

Backward, dh0 and dc0 carry the gradient from step to step: what is left after the first is the result.
"""
from .launch import empty, launch_table, outputs
from .matmul import matmul
from .memory import copy, fill
from .reduce import reduce


def _step(name, arrays, h, t, mask):
    """Run a kernel over the units of step t of h (n, t, u)."""
    n, steps, units = h.shape
    mask, masked = (h, 0) if mask is None else (mask, 1)
    launch_table("recurrent", name, n, units, (*arrays, n, steps, units, t, mask, masked), T=h.dtype)


def _forward(name, z, u, first, h, arrays, mask):
    """Every step of h (n, t, u): its state before times u, then the kernel."""
    hu = empty(z, (len(z), u.shape[1]))
    for t in range(z.shape[1]):
        matmul(h[:, t - 1] if t else first, u, out=hu)
        _step(name, (z, hu, *arrays), h, t, mask)


def _backward(name, arrays, d, u, du, h, h0, dh0, mask):
    """Every step from the last; d: the gradient of the recurrent product, over which the states before are summed."""
    fill(0, dh0)
    for t in reversed(range(h.shape[1])):
        _step(name, arrays, h, t, mask)
        matmul(d[:, t], u, transpose_b=True, accumulate=True, out=dh0)
    before = empty(h, h.shape)
    copy(h0[:, None], out=before[:, :1])
    copy(h[:, :-1], out=before[:, 1:])
    rows = h.shape[0] * h.shape[1]
    matmul(before.reshape(rows, h.shape[2]), d.reshape(rows, d.shape[2]), transpose_a=True, out=du)


def lstm(z, u, h0, c0, mask=None, out=None):
    """z (n, t, 4u) in gates i f c o -> (h (n, t, u), c (n, t, u), gates (n, t, 4u))"""
    n, steps, width = z.shape
    h, c, gates = outputs(z, out, *[(n, steps, width // 4)] * 2, z.shape)
    _forward("lstm_step", z, u, h0, h, (h0, c0, h, c, gates), mask)
    return h, c, gates


def lstm_backward(dh, dc_last, h, c, gates, u, h0, c0, mask=None, out=None):
    """dh (n, t, u), dc_last (n, u) or None -> (dz, du, dh0, dc0)"""
    dz, du, dh0, dc0 = outputs(dh, out, gates.shape, u.shape, h0.shape, c0.shape)
    fill(0, dc0) if dc_last is None else copy(dc_last, out=dc0)
    _backward("lstm_step_backward", (dh, c, gates, c0, dz, dh0, dc0), dz, u, du, h, h0, dh0, mask)
    return dz, du, dh0, dc0


def gru(z, u, b, h0, mask=None, out=None):
    """z (n, t, 3u) in gates z r h, b (3u,) inside the reset gate -> (h (n, t, u), gates (n, t, 4u))"""
    n, steps, width = z.shape
    h, gates = outputs(z, out, (n, steps, width // 3), (n, steps, width // 3 * 4))
    _forward("gru_step", z, u, h0, h, (b, h0, h, gates), mask)
    return h, gates


def gru_backward(dh, h, gates, u, h0, mask=None, out=None):
    """dh (n, t, u) -> (dz, du, db, dh0)"""
    dz, du, db, dh0 = outputs(dh, out, (*dh.shape[:2], u.shape[1]), u.shape, u.shape[1:], h0.shape)
    dy = empty(dh, dz.shape)
    _backward("gru_step_backward", (dh, h, gates, h0, dz, dy, dh0), dy, u, du, h, h0, dh0, mask)
    reduce("sum", dy, (0, 1), out=db)
    return dz, du, db, dh0


def simple_rnn(z, u, h0, mask=None, out=None):
    """h = tanh(z_t + h u), (n, t, u)"""
    h = empty(z, z.shape) if out is None else out
    _forward("simple_step", z, u, h0, h, (h0, h), mask)
    return h


def simple_rnn_backward(dh, h, u, h0, mask=None, out=None):
    """dh (n, t, u) -> (dz, du, dh0)"""
    dz, du, dh0 = outputs(dh, out, h.shape, u.shape, h0.shape)
    _backward("simple_step_backward", (dh, h, dz, dh0), dz, u, du, h, h0, dh0, mask)
    return dz, du, dh0
