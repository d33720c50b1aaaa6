"""Rows: recurrent ops, against their equations step by step."""
import numpy as np

from .rows_math import sigmoid
from .rows_nn import V3
from .table import n, row


def steps(z, mask, h, step):
    """All outputs, by step(z_t, state) -> state with the output first; a masked step carries the state on."""
    state, outputs = h, []
    for t in range(z.shape[1]):
        new = step(z[:, t], state)
        keep = True if mask is None else mask[:, t, None]
        state = tuple(np.where(keep, a, b) for a, b in zip(new, state))
        outputs.append(state[0])
    return np.stack(outputs, 1), state


def lstm(z, u, h, c, mask):
    def step(zt, state):
        i, f, g, o = np.split(zt + state[0] @ u, 4, -1)
        c = sigmoid(f) * state[1] + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
    outputs, state = steps(z, mask, (h, c), step)
    return outputs, state[1]


def gru(z, u, b, h, mask):
    def step(zt, state):
        (xz, xr, xh), (hz, hr, hh) = np.split(zt, 3, -1), np.split(state[0] @ u + b, 3, -1)
        gate = sigmoid(xz + hz)
        return (gate * state[0] + (1 - gate) * np.tanh(xh + sigmoid(xr + hr) * hh),)
    return steps(z, mask, (h,), step)[0]


def simple_rnn(z, u, h, mask):
    return steps(z, mask, (h,), lambda zt, state: (np.tanh(zt + state[0] @ u),))[0]


MASK = np.array([[True, True, False, True, False], [True, False, True, True, True]])
for mask in (None, MASK):
    row("lstm", lstm, [(n(2, 5, 12), n(3, 12), n(2, 3), n(2, 3), mask)], (0, 1, 2, 3), rtol=10)
    row("gru", gru, [(n(2, 5, 9), n(3, 9), n(9), n(2, 3), mask)], (0, 1, 2, 3), rtol=10)
    row("simple_rnn", simple_rnn, [(n(2, 5, 3), n(3, 3), n(2, 3), mask)], V3, rtol=10)
