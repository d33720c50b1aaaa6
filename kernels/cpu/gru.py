"""Gated recurrent unit: all steps of a chunk of sequences by one thread, see recurrent.py."""

import numpy as np

from .launch import inner_kernel, parallel_kernel, share
from .maths import sigmoid, tanh
from .recurrent import add, advance, aligned, clear, masked, move, outputs, padded, run, sequences, weight_grad
from .reduce import reduce
from .vector import address, load, store


@inner_kernel
def _gates(kind, z, sums, gates, units):
    """z r candidate and the recurrent part of the candidate (4u,), one sequence at one step"""
    size = units * kind.itemsize
    r, x, y, candidate, inner = gates + size, z + 2 * size, sums + 2 * size, gates + 2 * size, gates + 3 * size
    for j in range(2 * units):
        store(kind, gates, j, sigmoid(load(kind, z, j) + load(kind, sums, j)))
    for j in range(units):
        store(kind, candidate, j, tanh(load(kind, x, j) + load(kind, r, j) * load(kind, y, j)))
    move(kind, y, inner, units)


@inner_kernel
def _state(kind, gates, state, units):
    candidate, one = gates + 2 * units * kind.itemsize, kind.dtype.type(1)
    for j in range(units):
        keep = load(kind, gates, j)
        store(kind, state, j, keep * load(kind, state, j) + (one - keep) * load(kind, candidate, j))


@parallel_kernel
def _gru(part, z, b, h0, h, gates, packed, mask, scratch, room, chunks, threads):
    (n, steps, width), units, size = z.shape, h0.shape[1], z.itemsize
    wide, row = padded(z, width), units * size
    bias = aligned(scratch) + part[0] * room * size
    clear(z, bias, wide)
    move(z, address(b), bias, width)
    for chunk in share(part, chunks):
        first, rows = sequences(chunk, chunks, n)
        sums = bias + wide * size
        state = sums + rows * wide * size
        move(z, address(h0) + first * row, state, rows * units)
        for t in range(steps):
            advance(z, state, units, aligned(packed), bias, 0, sums, wide, rows)
            for r in range(rows):
                at, mine = (first + r) * steps + t, state + r * row
                gate = address(gates) + at * 4 * row
                _gates(z, address(z) + at * width * size, sums + r * wide * size, gate, units)
                if not masked(mask, first + r, t):
                    _state(z, gate, mine, units)
                move(z, mine, address(h) + at * row, units)


@inner_kernel
def _slopes(kind, dh, gates, before, dz, d, dh_next, units):
    """The gradients dz of the input's sums and d of the recurrent ones: they differ by the reset gate, (3u,)"""
    size, one = units * kind.itemsize, kind.dtype.type(1)
    r, candidate, inner, dr, outer = gates + size, gates + 2 * size, gates + 3 * size, dz + size, dz + 2 * size
    for j in range(units):
        down, keep, new = load(kind, dh, j) + load(kind, dh_next, j), load(kind, gates, j), load(kind, candidate, j)
        store(kind, dh_next, j, down * keep)
        store(kind, dz, j, down * (load(kind, before, j) - new) * keep * (one - keep))
        store(kind, outer, j, down * (one - keep) * (one - new * new))
    for j in range(units):
        reset = load(kind, r, j)
        store(kind, dr, j, load(kind, outer, j) * load(kind, inner, j) * reset * (one - reset))
    move(kind, dz, d, 2 * units)
    for j in range(units):
        store(kind, d + 2 * size, j, load(kind, outer, j) * load(kind, r, j))


@parallel_kernel
def _gru_backward(part, dh, h, gates, h0, dz, dy, dh0, packed, mask, scratch, room, chunks, threads):
    (n, steps, width), units, size = dz.shape, h0.shape[1], dz.itemsize
    wide, row = padded(dz, units), units * size
    for chunk in share(part, chunks):
        first, rows = sequences(chunk, chunks, n)
        dh_next = aligned(scratch) + part[0] * room * size
        d = dh_next + rows * wide * size
        clear(dz, dh_next, rows * wide)
        for t in range(steps - 1, -1, -1):
            for r in range(rows):
                i = first + r
                at, mine, down = i * steps + t, d + r * width * size, dh_next + r * wide * size
                result, gate = address(dz) + at * width * size, address(gates) + at * 4 * row
                before = address(h) + (at - 1) * row if t else address(h0) + i * row
                if masked(mask, i, t):
                    add(dz, address(dh) + at * row, down, units)
                    clear(dz, mine, width)
                    clear(dz, result, width)
                else:
                    _slopes(dz, address(dh) + at * row, gate, before, result, mine, down, units)
                move(dz, mine, address(dy) + at * width * size, width)
            advance(dz, d, width, aligned(packed), dh_next, wide, dh_next, wide, rows)
        for r in range(rows):
            move(dz, dh_next + r * wide * size, address(dh0) + (first + r) * row, units)


def gru(z, u, b, h0, mask=None, out=None):
    """z (n, t, 3u) in gates z r h, b (3u,) inside the reset gate -> (h (n, t, u), gates (n, t, 4u))"""
    n, steps, width = z.shape
    h, gates = outputs(out, [(n, steps, width // 3), (n, steps, width // 3 * 4)], z.dtype)
    run(_gru, (z, b, h0, h, gates), u, False, mask, z.shape)
    return h, gates


def gru_backward(dh, h, gates, u, h0, mask=None, out=None):
    """dh (n, t, u) -> (dz, du, db, dh0)"""
    n, steps, units = dh.shape
    dz, du, db, dh0 = outputs(out, [(n, steps, 3 * units), u.shape, u.shape[1:], h0.shape], dh.dtype)
    dy = np.empty(dz.shape, dz.dtype)
    run(_gru_backward, (dh, h, gates, h0, dz, dy, dh0), u, True, mask, dz.shape)
    weight_grad(h, h0, dy, du)
    reduce("sum", dy, (0, 1), False, db)
    return dz, du, db, dh0
