"""Batch and layer normalization in float64; gradients by the complex step of the formula."""

import numpy as np

from .harness import case

SHAPES = [(1, 1), (2, 31), (31, 3), (32, 32), (33, 31), (1023, 5), (4097, 2), (3, 1023), (2, 4097), (300, 64)]
CLOSE = {"float32": 1e-5, "float64": 1e-12}
EPSILON = 1e-3
STEP = 1e-100


def normalized(x, gamma, beta, axis, epsilon):
    """Statistics over axis 0 or 1; real or complex."""
    mean = x.mean(axis, keepdims=True)
    rstd = 1 / np.sqrt(((x - mean) ** 2).mean(axis, keepdims=True) + epsilon)
    y = (x - mean) * rstd * (1 if gamma is None else gamma) + (0 if beta is None else beta)
    return y, mean.reshape(-1), rstd.reshape(-1)


def sixteenths(r, *shape):
    """The same in every type: statistics are those of x there, too"""
    return np.round(r.normal(size=shape) * 16) / 16


def statistics(x, axis):
    return normalized(x, None, None, axis, EPSILON)[1:]


def batch_norm(x, gamma, beta, moving_mean, moving_var, momentum, epsilon):
    return (
        *normalized(x, gamma, beta, 0, epsilon),
        momentum * moving_mean + (1 - momentum) * x.mean(0),
        momentum * moving_var + (1 - momentum) * x.var(0),
    )


def gradients(dy, x, gamma, axis, need):
    """dx in closed form, checked against the complex step."""
    n, (_, _, rstd) = x.shape[axis], normalized(x, None, None, axis, EPSILON)
    xhat = normalized(x, None, None, axis, EPSILON)[0]
    g = dy * (1 if gamma is None else gamma)
    scale = np.expand_dims(rstd, axis)
    dx = scale * (g - g.mean(axis, keepdims=True) - xhat * (g * xhat).mean(axis, keepdims=True))
    assert n and abs(directional(dy, x, gamma, axis) - (dx * direction(x)).sum()) <= 1e-10 * (
        1 + np.abs(dx).sum()
    )
    return tuple(d if wanted else None for d, wanted in zip((dx, (dy * xhat).sum(0), dy.sum(0)), need))


def direction(x):
    return np.cos(np.arange(x.size)).reshape(x.shape)


def directional(dy, x, gamma, axis):
    """The change of sum(dy * y) where x moves along `direction`, exact to the last digits."""
    return (
        np.imag((dy * normalized(x + 1j * STEP * direction(x), gamma, None, axis, EPSILON)[0]).sum()) / STEP
    )


def parameters(r, c, kind):
    return (
        None if kind == "plain" or kind == "beta" else r.normal(size=c),
        None if kind == "plain" or kind == "gamma" else r.normal(size=c),
    )


for n, c in SHAPES:
    for kind in ("both", "plain", "gamma", "beta") if (n, c) == (33, 31) else ("both",):
        case(
            "batch_norm",
            lambda r, n=n, c=c, kind=kind: (
                r.normal(size=(n, c)) + 3,
                *parameters(r, c, kind),
                r.normal(size=c),
                r.random(c),
                0.9,
                EPSILON,
            ),
            batch_norm,
            inplace=(3, 4),
            rtol=CLOSE,
            id=f"{n}x{c}-{kind}",
        )
        case(
            "layer_norm",
            lambda r, n=n, c=c, kind=kind: (r.normal(size=(n, c)) + 3, *parameters(r, c, kind), EPSILON),
            lambda x, gamma, beta, epsilon: normalized(x, gamma, beta, 1, epsilon),
            rtol=CLOSE,
            id=f"{n}x{c}-{kind}",
        )
    for need in (
        ((True,) * 3, (True, False, None), (False, True, True), (None, False, True))
        if (n, c) == (33, 31)
        else ((True,) * 3,)
    ):
        for axis, name in ((0, "batch_norm_backward"), (1, "layer_norm_backward")):
            for gamma in (True, False) if n == c or (n, c) == (33, 31) else (True,):

                def make(r, n=n, c=c, axis=axis, gamma=gamma, need=need):
                    x = sixteenths(r, n, c)
                    return (
                        r.normal(size=(n, c)),
                        x,
                        r.normal(size=c) if gamma else None,
                        *statistics(x, axis),
                        need,
                    )

                case(
                    name,
                    make,
                    lambda dy, x, gamma, mean, rstd, need, axis=axis: gradients(dy, x, gamma, axis, need),
                    rtol={"float32": 2e-5, "float64": 1e-12},
                    id=f"{n}x{c}-{need}-{gamma}",
                )

# a mean of 1e4 and a deviation of 1: E[x^2] - E[x]^2 in float32 gives a variance of 16
FAR = {"float32": 2e-3, "float64": 1e-11}
case(
    "batch_norm",
    lambda r: (1e4 + r.normal(size=(4097, 3)), None, None, np.zeros(3), np.ones(3), 0.99, EPSILON),
    batch_norm,
    inplace=(3, 4),
    rtol=FAR,
    id="far",
)
case(
    "layer_norm",
    lambda r: (1e4 + r.normal(size=(5, 1023)), None, None, EPSILON),
    lambda x, g, b, e: normalized(x, g, b, 1, e),
    rtol=FAR,
    id="far",
)
# a first row far from the rest must not decide how exact the statistics are
case(
    "batch_norm",
    lambda r: (
        np.r_[np.full((1, 4), 1e6), r.normal(size=(1023, 4))],
        None,
        None,
        np.zeros(4),
        np.ones(4),
        0.5,
        EPSILON,
    ),
    batch_norm,
    inplace=(3, 4),
    rtol=CLOSE,
    id="outlier",
)
case(
    "batch_norm",
    lambda r: (np.full((33, 3), 7.5), np.ones(3), np.ones(3), np.zeros(3), np.ones(3), 0.5, EPSILON),
    lambda x, *a: (
        np.ones((33, 3)),
        np.full(3, 7.5),
        np.full(3, 1 / np.sqrt(EPSILON)),
        np.full(3, 3.75),
        np.full(3, 0.5),
    ),
    inplace=(3, 4),
    rtol=1e-6,
    id="constant",
)
case(
    "layer_norm",
    lambda r: (np.full((3, 33), 7.5), None, None, EPSILON),
    lambda x, *a: (np.zeros((3, 33)), np.full(3, 7.5), np.full(3, 1 / np.sqrt(EPSILON))),
    rtol=1e-6,
    id="constant",
)
case(
    "layer_norm",
    lambda r: (np.array([[np.nan, 1.0], [0.0, 0.0]]), None, None, EPSILON),
    lambda x, *a: (np.array([[np.nan, np.nan], [0.0, 0.0]]), None, None),
    id="nan",
)
NOTHING = np.zeros((0, 3))
case(
    "layer_norm",
    lambda r: (NOTHING, np.ones(3), np.ones(3), EPSILON),
    lambda *a: (NOTHING, np.zeros(0), np.zeros(0)),
    id="empty",
)
case(
    "batch_norm",
    lambda r: (NOTHING, None, None, np.ones(3), np.ones(3), 0.9, EPSILON),
    lambda *a, out: (NOTHING, None, None, np.ones(3), np.ones(3)),
    options={"out": (None, None, None)},
    inplace=(3, 4),
    id="empty",
)
for name, rows in (("batch_norm_backward", 3), ("layer_norm_backward", 0)):
    case(
        name,
        lambda r, rows=rows: (
            NOTHING,
            NOTHING,
            np.ones(3),
            np.zeros(rows),
            np.ones(rows),
            (True, True, True),
        ),
        lambda *a: (NOTHING, np.zeros(3), np.zeros(3)),
        id="empty",
    )


def fused(x, gamma, beta, moving_mean, moving_var, momentum, epsilon, residual, activation):
    y, *rest = batch_norm(x, gamma, beta, moving_mean, moving_var, momentum, epsilon)
    y = y if residual is None else y + residual
    return (np.maximum(y, 0) if activation == "relu" else y, *rest)


def fused_gradients(dy, x, gamma, mean, rstd, need, y, activation):
    dz = dy * (y > 0) if activation == "relu" else dy
    return (*gradients(dz, x, gamma, 0, need), *[dz if wanted else None for wanted in need[3:]])


for n, c in ((33, 31), (1023, 5), (300, 64), (7, 300)):
    for activation in ("relu", "linear"):
        for residual in (True, False):
            case(
                "batch_norm",
                lambda r, n=n, c=c, activation=activation, residual=residual: (
                    r.normal(size=(n, c)) + 3,
                    *parameters(r, c, "both"),
                    r.normal(size=c),
                    r.random(c),
                    0.9,
                    EPSILON,
                    r.normal(size=(n, c)) if residual else None,
                    activation,
                ),
                fused,
                inplace=(3, 4),
                rtol=CLOSE,
                id=f"{n}x{c}-{activation}-{residual}",
            )
        for need in ((True,) * 4, (True,) * 3, (False, True, None, True)):

            def make(r, n=n, c=c, need=need, activation=activation):
                x = sixteenths(r, n, c)
                y = np.round(r.normal(size=(n, c)) * 2) if activation == "relu" else None
                return r.normal(size=(n, c)), x, r.normal(size=c), *statistics(x, 0), need, y, activation

            case(
                "batch_norm_backward",
                make,
                fused_gradients,
                rtol={"float32": 2e-5, "float64": 1e-12},
                id=f"{n}x{c}-{activation}-{need}",
            )
