"""Long short-term memory: all steps of a chunk of sequences by one thread, see recurrent.py."""

import numpy as np

from .launch import inner_kernel, parallel_kernel, share
from .maths import sigmoid, tanh
from .recurrent import add, advance, aligned, clear, masked, move, outputs, padded, run, sequences, weight_grad
from .vector import address, load, store

NO_STATE = {dtype: np.empty((0, 0), dtype) for dtype in (np.dtype("float32"), np.dtype("float64"))}


@inner_kernel
def _sigmoid(kind, z, sums, gates, n):
    for j in range(n):
        store(kind, gates, j, sigmoid(load(kind, z, j) + load(kind, sums, j)))


@inner_kernel
def _gates(kind, z, sums, gates, units):
    """(4u,), one sequence at one step"""
    g, o = 2 * units * kind.itemsize, 3 * units * kind.itemsize
    _sigmoid(kind, z, sums, gates, 2 * units)
    _sigmoid(kind, z + o, sums + o, gates + o, units)
    for j in range(units):
        store(kind, gates + g, j, tanh(load(kind, z + g, j) + load(kind, sums + g, j)))


@inner_kernel
def _states(kind, gates, before, c, h, state, units):
    """The new cell and output (u,), and the output once more as the next step's state"""
    f, g, o = [gates + k * units * kind.itemsize for k in (1, 2, 3)]
    for j in range(units):
        store(kind, c, j, load(kind, f, j) * load(kind, before, j) + load(kind, gates, j) * load(kind, g, j))
    for j in range(units):
        y = load(kind, o, j) * tanh(load(kind, c, j))
        store(kind, h, j, y)
        store(kind, state, j, y)


@parallel_kernel
def _lstm(part, z, h0, c0, h, c, gates, packed, mask, scratch, room, chunks, threads):
    (n, steps, width), units, size = z.shape, h0.shape[1], z.itemsize
    wide, row = padded(z, width), units * size
    zeros = aligned(scratch) + part[0] * room * size
    clear(z, zeros, wide)
    for chunk in share(part, chunks):
        first, rows = sequences(chunk, chunks, n)
        sums = zeros + wide * size
        state = sums + rows * wide * size
        move(z, address(h0) + first * row, state, rows * units)
        for t in range(steps):
            advance(z, state, units, aligned(packed), zeros, 0, sums, wide, rows)
            for r in range(rows):
                i = first + r
                at, mine = i * steps + t, state + r * row
                before = address(c) + (at - 1) * row if t else address(c0) + i * row
                new_c, new_h, gate = address(c) + at * row, address(h) + at * row, address(gates) + at * width * size
                _gates(z, address(z) + at * width * size, sums + r * wide * size, gate, units)
                if masked(mask, i, t):
                    move(z, before, new_c, units)
                    move(z, mine, new_h, units)
                else:
                    _states(z, gate, before, new_c, new_h, mine, units)


@inner_kernel
def _slopes(kind, dh, gates, before, c, d, dh_next, dc_next, units):
    """d (4u,): the gradient of the gates' sums; takes dh_next and dc_next (u,) one step back"""
    row = units * kind.itemsize
    f, g, o, df, dg, do = gates + row, gates + 2 * row, gates + 3 * row, d + row, d + 2 * row, d + 3 * row
    one = kind.dtype.type(1)
    for j in range(units):
        down, out, top = load(kind, dh, j) + load(kind, dh_next, j), load(kind, o, j), tanh(load(kind, c, j))
        store(kind, do, j, down * top * out * (one - out))
        store(kind, dc_next, j, load(kind, dc_next, j) + down * out * (one - top * top))
    for j in range(units):
        dc, a, b = load(kind, dc_next, j), load(kind, gates, j), load(kind, g, j)
        store(kind, d, j, dc * b * a * (one - a))
        store(kind, dg, j, dc * a * (one - b * b))
    for j in range(units):
        dc, keep = load(kind, dc_next, j), load(kind, f, j)
        store(kind, df, j, dc * load(kind, before, j) * keep * (one - keep))
        store(kind, dc_next, j, dc * keep)
    clear(kind, dh_next, units)


@parallel_kernel
def _lstm_backward(part, dh, dc_last, c, gates, c0, dz, dh0, dc0, packed, mask, scratch, room, chunks, threads):
    (n, steps, width), units, size = dz.shape, c0.shape[1], dz.itemsize
    wide, row = padded(dz, units), units * size
    for chunk in share(part, chunks):
        first, rows = sequences(chunk, chunks, n)
        dh_next = aligned(scratch) + part[0] * room * size
        d = dh_next + rows * wide * size
        clear(dz, dh_next, rows * wide)
        if dc_last.size:
            move(dz, address(dc_last) + first * row, address(dc0) + first * row, rows * units)
        else:
            clear(dz, address(dc0) + first * row, rows * units)
        for t in range(steps - 1, -1, -1):
            for r in range(rows):
                i = first + r
                at, mine = i * steps + t, d + r * width * size
                before = address(c) + (at - 1) * row if t else address(c0) + i * row
                if masked(mask, i, t):
                    add(dz, address(dh) + at * row, dh_next + r * wide * size, units)
                    clear(dz, mine, width)
                else:
                    _slopes(dz, address(dh) + at * row, address(gates) + at * width * size, before,
                            address(c) + at * row, mine, dh_next + r * wide * size, address(dc0) + i * row, units)
                move(dz, mine, address(dz) + at * width * size, width)
            advance(dz, d, width, aligned(packed), dh_next, wide, dh_next, wide, rows)
        for r in range(rows):
            move(dz, dh_next + r * wide * size, address(dh0) + (first + r) * row, units)


def lstm(z, u, h0, c0, mask=None, out=None):
    """z (n, t, 4u) in gates i f c o -> (h (n, t, u), c (n, t, u), gates (n, t, 4u))"""
    n, steps, width = z.shape
    h, c, gates = outputs(out, [(n, steps, width // 4)] * 2 + [z.shape], z.dtype)
    run(_lstm, (z, h0, c0, h, c, gates), u, False, mask, z.shape)
    return h, c, gates


def lstm_backward(dh, dc_last, h, c, gates, u, h0, c0, mask=None, out=None):
    """dh (n, t, u), dc_last (n, u) or None -> (dz, du, dh0, dc0)"""
    dz, du, dh0, dc0 = outputs(out, [gates.shape, u.shape, h0.shape, c0.shape], dh.dtype)
    last = NO_STATE[dh.dtype] if dc_last is None else dc_last
    run(_lstm_backward, (dh, last, c, gates, c0, dz, dh0, dc0), u, True, mask, dz.shape)
    weight_grad(h, h0, dz, du)
    return dz, du, dh0, dc0
