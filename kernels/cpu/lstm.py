"""Long short-term memory: what a sequence does at one step; recurrent.py walks through all of them."""
from .launch import inner_kernel, outputs
from .maths import sigmoid, tanh
from .memory import copy, fill
from .recurrent import NOTHING, back_over_steps, over_steps, run, weight_grad
from .vector import clear, load, store


@inner_kernel
def _sigmoid(kind, z, sums, gates, n):
    for j in range(n):
        store(kind, gates, j, sigmoid(load(kind, z, j) + load(kind, sums, j)))


@over_steps
def _lstm(kind, z, sums, gates, before, c, h, units):
    f, g, o = [k * units * kind.itemsize for k in (1, 2, 3)]
    _sigmoid(kind, z, sums, gates, 2 * units)
    _sigmoid(kind, z + o, sums + o, gates + o, units)
    for j in range(units):
        store(kind, gates + g, j, tanh(load(kind, z + g, j) + load(kind, sums + g, j)))
    for j in range(units):
        store(kind, c, j, load(kind, gates + f, j) * load(kind, before, j)
              + load(kind, gates, j) * load(kind, gates + g, j))
    for j in range(units):
        store(kind, h, j, load(kind, gates + o, j) * tanh(load(kind, c, j)))


@back_over_steps
def _lstm_backward(kind, dh, gates, before, c, dz, d, dh_next, dc_next, units):
    f, g, o = [k * units * kind.itemsize for k in (1, 2, 3)]
    one = kind.dtype.type(1)
    for j in range(units):
        down, out, top = load(kind, dh, j) + load(kind, dh_next, j), load(kind, gates + o, j), tanh(load(kind, c, j))
        store(kind, d + o, j, down * top * out * (one - out))
        store(kind, dc_next, j, load(kind, dc_next, j) + down * out * (one - top * top))
    for j in range(units):
        dc, a, b = load(kind, dc_next, j), load(kind, gates, j), load(kind, gates + g, j)
        store(kind, d, j, dc * b * a * (one - a))
        store(kind, d + g, j, dc * a * (one - b * b))
    for j in range(units):
        dc, keep = load(kind, dc_next, j), load(kind, gates + f, j)
        store(kind, d + f, j, dc * load(kind, before, j) * keep * (one - keep))
        store(kind, dc_next, j, dc * keep)
    clear(kind, dh_next, units)


def lstm(z, u, h0, c0, mask=None, out=None):
    """z (n, t, 4u) in gates i f c o -> (h (n, t, u), c (n, t, u), gates (n, t, 4u))"""
    shape = *z.shape[:2], u.shape[0]
    h, c, gates = outputs(out, [shape, shape, z.shape], z.dtype)
    run(_lstm, (z, NOTHING[z.dtype], u, h0, c0, h, c, gates), mask, z.shape, u.shape[0])
    return h, c, gates


def lstm_backward(dh, dc_last, h, c, gates, u, h0, c0, mask=None, out=None):
    """dh (n, t, u), dc_last (n, u) or None -> (dz, du, dh0, dc0)"""
    dz, du, dh0, dc0 = outputs(out, [gates.shape, u.shape, h0.shape, c0.shape], dh.dtype)
    fill(0, dc0) if dc_last is None else copy(dc_last, out=dc0)
    run(_lstm_backward, (dh, u, c0, c, gates, dz, dz, dh0, dc0), mask, dz.shape, u.shape[0])
    weight_grad(h, h0, dz, du)
    return dz, du, dh0, dc0
