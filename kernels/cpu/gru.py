"""Gated recurrent unit: what a sequence does at one step; recurrent.py walks through all of them."""
import numpy as np

from .launch import outputs
from .maths import sigmoid, tanh
from .recurrent import NOTHING, back_over_steps, over_steps, run, weight_grad
from .reduce import reduce
from .vector import load, move, store


@over_steps
def _gru(kind, z, sums, gates, before, c, h, units):
    """gates: z r candidate and the recurrent part of the candidate (4u,)"""
    r, x, inner = [k * units * kind.itemsize for k in (1, 2, 3)]
    one = kind.dtype.type(1)
    for j in range(2 * units):
        store(kind, gates, j, sigmoid(load(kind, z, j) + load(kind, sums, j)))
    for j in range(units):
        store(kind, gates + x, j, tanh(load(kind, z + x, j) + load(kind, gates + r, j) * load(kind, sums + x, j)))
    move(kind, sums + x, gates + inner, units)
    for j in range(units):
        keep = load(kind, gates, j)
        store(kind, h, j, keep * load(kind, h, j) + (one - keep) * load(kind, gates + x, j))


@back_over_steps
def _gru_backward(kind, dh, gates, before, h, dz, d, dh_next, dc_next, units):
    """dz and d (3u,) differ by the reset gate."""
    r, x, inner = [k * units * kind.itemsize for k in (1, 2, 3)]
    one = kind.dtype.type(1)
    for j in range(units):
        down, keep = load(kind, dh, j) + load(kind, dh_next, j), load(kind, gates, j)
        new = load(kind, gates + x, j)
        store(kind, dh_next, j, down * keep)
        store(kind, dz, j, down * (load(kind, before, j) - new) * keep * (one - keep))
        store(kind, dz + x, j, down * (one - keep) * (one - new * new))
    for j in range(units):
        reset, slope = load(kind, gates + r, j), load(kind, dz + x, j)
        store(kind, dz + r, j, slope * load(kind, gates + inner, j) * reset * (one - reset))
        store(kind, d + x, j, slope * reset)
    move(kind, dz, d, 2 * units)


def gru(z, u, b, h0, mask=None, out=None):
    """z (n, t, 3u) in gates z r h, b (3u,) inside the reset gate -> (h (n, t, u), gates (n, t, 4u))"""
    n, steps, units = *z.shape[:2], u.shape[0]
    h, gates = outputs(out, [(n, steps, units), (n, steps, 4 * units)], z.dtype)
    none = NOTHING[z.dtype]
    run(_gru, (z, b, u, h0, none, h, none, gates), mask, z.shape, units)
    return h, gates


def gru_backward(dh, h, gates, u, h0, mask=None, out=None):
    """dh (n, t, u) -> (dz, du, db, dh0)"""
    dz, du, db, dh0 = outputs(out, [(*dh.shape[:2], u.shape[1]), u.shape, u.shape[1:], h0.shape], dh.dtype)
    dy = np.empty(dz.shape, dz.dtype)
    run(_gru_backward, (dh, u, h0, h, gates, dz, dy, dh0, NOTHING[dh.dtype]), mask, dz.shape, u.shape[0])
    weight_grad(h, h0, dy, du)
    reduce("sum", dy, (0, 1), False, db)
    return dz, du, db, dh0
