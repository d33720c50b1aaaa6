"""Recurrent layers: all steps in one compiled call.

Sequences are independent, so the threads share out the batch and never wait for each other in between. A thread walks
a chunk of sequences through all steps; the states stay in its scratch, beside the weights packed for the register tile.
The gradient of the weights is one product over all steps. A layer says what one sequence does at one step.
"""
import functools

import numpy as np

from .launch import inner_kernel, outputs, parallel_kernel, share
from .maths import sigmoid, tanh
from .matmul import matmul
from .memory import copy, fill
from .reduce import reduce
from .strips import in_strips, own_places, pack, padded, product, scratch_for, threads_for, whole
from .vector import address, clear, load, move, store

CHUNK = 48                      # sequences at a time: their sums stay in the second-level cache, beside the weights
NO_MASK = np.empty((0, 0), np.bool_)
NOTHING = {dtype: np.empty((0, 0, 0), dtype) for dtype in (np.dtype("float32"), np.dtype("float64"))}


def over_steps(cell):
    """The kernel that takes sequences through all steps: cell(kind, z, sums, gates, before, c, h, units).

    Addresses of rows: z + sums are what the gates come from, `before` and c the cell's state; h is changed in place.
    """
    cell = inner_kernel(cell)

    def kernel(part, z, bias, u, h0, c0, h, c, gates, mask, scratch, sizes, chunks, threads):
        (n, steps, width), units, size = z.shape, h.shape[2], z.itemsize
        wide, row, gates_row = padded(width, size), units * size, gates.shape[2] * size
        packed, start, sums, state, unused = own_places(part, scratch, sizes)
        pack(z, address(u), width, 1, units, width, packed)
        clear(z, start, wide)
        move(z, address(bias), start, bias.size)
        for chunk in share(part, chunks):
            mine = share((chunk, chunks), n)
            first, rows = mine.start, len(mine)
            move(z, address(h0) + first * row, state, rows * units)
            for t in range(steps):
                product(z, state, units, 1, packed, units, start, 0, sums, wide, rows, wide, units)
                for r in range(rows):
                    i, mine = first + r, state + r * row
                    at, hidden = i * steps + t, mask.size > 0 and not mask[i, t]
                    before, after = address(c) + (at - 1) * row if t else address(c0) + i * row, address(c) + at * row
                    if hidden:
                        move(z, mine, unused, units)
                    cell(z, address(z) + at * width * size, sums + r * wide * size, address(gates) + at * gates_row,
                         before, after, unused if hidden else mine, units)
                    if hidden and c.size:
                        move(z, before, after, units)
                    move(z, mine, address(h) + at * row, units)
    return _named(kernel, cell)


def back_over_steps(cell):
    """The way back: cell(kind, dh, gates, before, state, dz, d, dh_next, dc_next, units).

    It writes d, the gradient of the recurrent sums, and dz, of the input's, where they differ; it takes dh_next and
    dc_next from the step's end to its beginning, without what dh_next gets through d.
    """
    cell = inner_kernel(cell)

    def kernel(part, dh, u, state0, state, gates, dz, d, dh0, dc0, mask, scratch, sizes, chunks, threads):
        (n, steps, width), units, size = d.shape, dh.shape[2], d.itemsize
        wide, row, gates_row = padded(units, size), units * size, gates.shape[2] * size
        packed, _, slopes, dh_next, _ = own_places(part, scratch, sizes)
        pack(d, address(u), 1, width, width, units, packed)
        for chunk in share(part, chunks):
            mine = share((chunk, chunks), n)
            first, rows = mine.start, len(mine)
            clear(d, dh_next, rows * wide)
            for t in range(steps - 1, -1, -1):
                for r in range(rows):
                    i, mine, down = first + r, slopes + r * width * size, dh_next + r * wide * size
                    at = i * steps + t
                    before = address(state) + (at - 1) * row if t else address(state0) + i * row
                    if mask.size > 0 and not mask[i, t]:
                        _add(d, address(dh) + at * row, down, units)
                        clear(d, mine, width)
                        clear(d, address(dz) + at * width * size, width)
                    else:
                        cell(d, address(dh) + at * row, address(gates) + at * gates_row, before,
                             address(state) + at * row, address(dz) + at * width * size, mine, down,
                             address(dc0) + i * row, units)
                    move(d, mine, address(d) + at * width * size, width)
                product(d, slopes, width, 1, packed, width, dh_next, wide, dh_next, wide, rows, wide, width)
            for r in range(rows):
                move(d, dh_next + r * wide * size, address(dh0) + (first + r) * row, units)
    return _named(kernel, cell)


def _named(kernel, cell):
    """As a kernel of all threads; Numba caches by the name."""
    kernel.__module__, kernel.__name__ = cell.py_func.__module__, cell.py_func.__name__
    kernel.__qualname__ = kernel.__name__
    return parallel_kernel(kernel)


@inner_kernel
def _add(kind, x, total, n):
    for j in range(n):
        store(kind, total, j, load(kind, total, j) + load(kind, x, j))


@functools.cache
def _plan(n, steps, width, units, itemsize):
    """How n sequences are cut: (numbers in a thread's arrays, chunks, threads)"""
    threads = min(max(1, n), threads_for(n * steps * units * width))
    chunks = -(-max(1, -(-n // CHUNK)) // threads) * threads
    rows, wide, narrow = -(-n // chunks), whole(width, itemsize), whole(units, itemsize)
    weights = max(units * wide, width * narrow)
    return in_strips(itemsize, weights, wide, rows * wide, rows * narrow, units), chunks, threads


def run(kernel, arrays, mask, shape, units):
    """`kernel` over all steps; shape (n, steps, width)"""
    if shape[0] * units:
        dtype = arrays[0].dtype
        sizes, chunks, threads = _plan(*shape, units, dtype.itemsize)
        kernel(*arrays, NO_MASK if mask is None else mask, scratch_for(threads, sizes, dtype), sizes, chunks, threads)


def weight_grad(h, h0, dz, du):
    """du = the states that the steps start from (n, t, u), transposed, times dz (n, t, k)"""
    before = np.empty(h.shape, h.dtype)
    copy(h0[:, None], out=before[:, :1])
    copy(h[:, :-1], out=before[:, 1:])
    matmul(before.reshape(-1, h.shape[2]), dz.reshape(-1, dz.shape[2]), transpose_a=True, out=du)


@over_steps
def _simple_rnn(kind, z, sums, gates, before, c, h, units):
    for j in range(units):
        store(kind, h, j, tanh(load(kind, z, j) + load(kind, sums, j)))


@back_over_steps
def _simple_rnn_backward(kind, dh, gates, before, h, dz, d, dh_next, dc_next, units):
    one = kind.dtype.type(1)
    for j in range(units):
        y = load(kind, h, j)
        store(kind, d, j, (load(kind, dh, j) + load(kind, dh_next, j)) * (one - y * y))
    clear(kind, dh_next, units)


def simple_rnn(z, u, h0, mask=None, out=None):
    """h = tanh(z_t + h u), (n, t, u)"""
    h, = outputs([out], [z.shape], z.dtype)
    none = NOTHING[z.dtype]
    run(_simple_rnn, (z, none, u, h0, none, h, none, none), mask, z.shape, u.shape[0])
    return h


def simple_rnn_backward(dh, h, u, h0, mask=None, out=None):
    """dh (n, t, u) -> (dz, du, dh0)"""
    dz, du, dh0 = outputs(out, [h.shape, u.shape, h0.shape], dh.dtype)
    none = NOTHING[dh.dtype]
    run(_simple_rnn_backward, (dh, u, h0, h, none, dz, dz, dh0, none), mask, dz.shape, u.shape[0])
    weight_grad(h, h0, dz, du)
    return dz, du, dh0


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
