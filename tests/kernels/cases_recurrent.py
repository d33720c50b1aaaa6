"""Recurrent layers: plain loops over time; gradients by complex step through those loops."""

import numpy as np

from .harness import case
from .references import coarse, gradient, sigmoid, sixteenths

SIZES = {
    "small": (3, 4, 5),
    "one_step": (2, 1, 3),
    "one_unit": (2, 3, 1),
    "wide": (2, 2, 17),
    "several_chunks": (50, 2, 1),
    "empty": (0, 3, 2),
    "no_steps": (2, 0, 3),
    "in_one_launch": (3, 3, 8),
    "several_blocks": (9, 2, 24),
}
MASKS = {
    "no_mask": lambda n, t: None,
    "mask": lambda n, t: (np.arange(n * t).reshape(n, t) * 7 + 1) % 3 != 0,
    "first_steps_masked": lambda n, t: np.broadcast_to(np.arange(t) >= 2, (n, t)).copy(),
    "all_masked": lambda n, t: np.zeros((n, t), bool),
}


def walk(step, states, mask, steps, shapes):
    """step(t, *states) -> (new states, extras), stacked over time. A masked step keeps the states."""
    kept = []
    for t in range(steps):
        new, extras = step(t, *states)
        if mask is not None:
            new = [np.where(mask[:, t, None], a, b) for a, b in zip(new, states, strict=True)]
        states = new
        kept.append((*new, *extras))
    return (
        tuple(np.stack(column, 1) for column in zip(*kept, strict=True))
        if kept
        else tuple(map(np.zeros, shapes))
    )


def lstm(z, u, h0, c0, mask=None):
    def step(t, h, c):
        i, f, g, o = np.split(z[:, t] + h @ u, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c = f * c + i * g
        return [o * np.tanh(c), c], [np.concatenate([i, f, g, o], 1)]

    n, t, width = z.shape
    return walk(step, [h0, c0], mask, t, [(n, t, width // 4)] * 2 + [z.shape])


def gru(z, u, b, h0, mask=None):
    def step(t, h):
        (xz, xr, xh), (yz, yr, yh) = np.split(z[:, t], 3, axis=1), np.split(h @ u + b, 3, axis=1)
        keep, reset = sigmoid(xz + yz), sigmoid(xr + yr)
        candidate = np.tanh(xh + reset * yh)
        return [keep * h + (1 - keep) * candidate], [np.concatenate([keep, reset, candidate, yh], 1)]

    n, t, width = z.shape
    return walk(step, [h0], mask, t, [(n, t, width // 3), (n, t, width // 3 * 4)])


def simple_rnn(z, u, h0, mask=None):
    return walk(lambda t, h: ([np.tanh(z[:, t] + h @ u)], []), [h0], mask, z.shape[1], [z.shape])[0]


def data(name, gates, seed=5):
    """Numbers that every type holds exactly: the backward reference starts from the forward arguments."""
    n, t, units = SIZES[name]
    r = np.random.default_rng(seed)
    z, u, b = sixteenths(r, n, t, gates * units), sixteenths(r, units, gates * units) / 2, sixteenths(r, gates * units)
    return z, u, b, *[sixteenths(r, *shape) for shape in ((n, units), (n, units), (n, t, units), (n, units))]


def at_last(d, steps):
    """A gradient (n, units) of the last step as one of all steps."""
    whole = np.zeros((d.shape[0], steps, d.shape[1]))
    whole[:, -1:] = d[:, None]
    return whole


def add_lstm(name, mask, id):
    z, u, _, h0, c0, dh, dc = data(name, 4)
    case("lstm", lambda r: (z, u, h0, c0, mask), lstm, id=id)

    def backward(dh, dc_last, h, c, gates, u, h0, c0, mask=None):
        last = None if dc_last is None else at_last(dc_last, dh.shape[1])
        dz, du, dh0, dc0 = gradient(lstm, (z, u, h0, c0, mask), (0, 1, 2, 3), (dh, last, None))
        return dz, du, dh0, dc0 + (dc_last if dc_last is not None and not dh.shape[1] else 0)

    for d, suffix in ((dc, ""), (None, "-no_dc")):
        case(
            "lstm_backward",
            lambda r, d=d: (dh, d, *lstm(z, u, h0, c0, mask), u, h0, c0, mask),
            backward,
            id=id + suffix,
        )


def add_gru(name, mask, id):
    z, u, b, h0, _, dh, _ = data(name, 3)
    case("gru", lambda r: (z, u, b, h0, mask), gru, id=id)
    case(
        "gru_backward",
        lambda r: (dh, *gru(z, u, b, h0, mask), u, h0, mask),
        lambda dh, h, gates, u, h0, mask=None: gradient(gru, (z, u, b, h0, mask), (0, 1, 2, 3), (dh, None)),
        id=id,
    )


def add_simple_rnn(name, mask, id):
    z, u, _, h0, _, dh, _ = data(name, 1)
    case("simple_rnn", lambda r: (z, u, h0, mask), simple_rnn, id=id)
    case(
        "simple_rnn_backward",
        lambda r: (dh, simple_rnn(z, u, h0, mask), u, h0, mask),
        lambda dh, h, u, h0, mask=None: gradient(simple_rnn, (z, u, h0, mask), (0, 1, 2), (dh,)),
        id=id,
    )


for add in (add_lstm, add_gru, add_simple_rnn):
    for name, (n, t, _) in SIZES.items():
        for kind in MASKS if name == "small" else ("no_mask", "mask"):
            add(name, MASKS[kind](n, t), f"{name}-{kind}")


def far_out(r):
    """Gates where exp overflows."""
    z = np.array([[[800.0, -800, 800, -800], [-800, 800, -800, 800.0]]])
    return z, np.zeros((1, 4)), np.zeros((1, 1)), np.ones((1, 1))


def quiet_lstm(*args):
    with np.errstate(over="ignore"):
        return lstm(*args)


case("lstm", far_out, quiet_lstm, id="far_out")


def deep(r):
    """More units than the register tile takes at once."""
    units = 330
    return coarse(r, 2, 2, units) / 4, coarse(r, units, units) / 64, coarse(r, 2, units)


case("simple_rnn", deep, simple_rnn, id="deep", rtol={"float32": 1e-4})
