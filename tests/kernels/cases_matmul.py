"""Matrix products: every transposition, strides, batches, edges of tiles, sums over nothing."""

import numpy as np

from .harness import case
from .references import activated


def product(a, b, transpose_a=False, transpose_b=False, accumulate=False, out=None):
    a, b = np.swapaxes(a, -1, -2) if transpose_a else a, np.swapaxes(b, -1, -2) if transpose_b else b
    total = np.einsum("...mk,...kn->...mn", a, b)
    return total + out if accumulate else total


def dense(x, w, b, activation="linear"):
    return activated(activation, np.einsum("ni,io->no", x, w) + (0 if b is None else b))


def slopes(activation, y):
    """The derivative of an activation, from its output."""
    return {"linear": np.ones_like(y), "relu": (y > 0) * 1.0, "sigmoid": y * (1 - y), "tanh": 1 - y * y}[
        activation
    ]


def activation_backward(activation, dy, y):
    return dy * slopes(activation, y)


def dense_backward(dy, y, x, w, activation, need):
    dz = dy * slopes(activation, y)
    results = np.einsum("no,io->ni", dz, w), np.einsum("ni,no->io", x, dz), dz.sum(0)
    return tuple(
        result if wanted is not None and wanted is not False else None
        for result, wanted in zip(results, need, strict=True)
    )


# m, k, n: single numbers, edges of every tile, a long sum, more than one block of each axis
SIZES = [
    (1, 1, 1),
    (1, 5, 1),
    (2, 3, 4),
    (6, 8, 16),
    (7, 9, 17),
    (12, 16, 32),
    (13, 17, 33),
    (64, 64, 64),
    (65, 33, 66),
    (5, 700, 9),
    (1, 40, 300),
    (300, 3, 1),
    (130, 20, 10),
    (9, 20, 270),
    (3, 257, 5),
    (1, 70, 200),
    (40, 30, 1),
    (3, 2100, 5),
]
EMPTY = [(0, 3, 2), (2, 3, 0), (2, 0, 3)]

for m, k, n in SIZES + EMPTY:
    case(
        "matmul",
        lambda r, m=m, k=k, n=n: (r.standard_normal((m, k)), r.standard_normal((k, n))),
        product,
        id=f"{m}x{k}x{n}",
    )

# and: one row, few rows, a matrix by a vector, a factor that is copied in panels, a long sum that is cut
TURNED = [(1, 5, 1), (7, 9, 17), (13, 17, 33), (70, 40, 65), (5, 300, 9), (2, 0, 3)]
TURNED += [(1, 70, 200), (3, 20, 75), (40, 30, 1), (20, 330, 70), (3, 2100, 5)]
for m, k, n in TURNED:
    for ta, tb in [(True, False), (False, True), (True, True)]:
        case(
            "matmul",
            lambda r, m=m, k=k, n=n, ta=ta, tb=tb: (
                r.standard_normal((k, m) if ta else (m, k)),
                r.standard_normal((n, k) if tb else (k, n)),
                ta,
                tb,
            ),
            product,
            id=f"{m}x{k}x{n}-{'t' if ta else 'n'}{'t' if tb else 'n'}",
        )

for m, k, n in [(1, 1, 1), (7, 9, 17), (13, 300, 33), (2, 0, 3), (0, 3, 2), (1, 20, 75), (9, 10, 1), (3, 2100, 5)]:
    case(
        "matmul",
        lambda r, m=m, k=k, n=n: (
            r.standard_normal((m, k)),
            r.standard_normal((k, n)),
            False,
            False,
            True,
            r.standard_normal((m, n)),
        ),
        product,
        inplace=(5,),
        id=f"{m}x{k}x{n}-accumulate",
    )


def large(r, *shape):
    return r.standard_normal(shape)


BATCHES = {
    "batch": lambda r: (large(r, 4, 5, 6), large(r, 4, 6, 7)),
    "two_batch_axes": lambda r: (large(r, 2, 3, 5, 6), large(r, 2, 3, 6, 7)),
    "three_batch_axes": lambda r: (large(r, 2, 2, 3, 5, 4), large(r, 2, 2, 3, 4, 3)),
    "batch_by_matrix": lambda r: (large(r, 4, 5, 6), large(r, 6, 7)),
    "matrix_by_batch": lambda r: (large(r, 5, 6), large(r, 4, 6, 7)),
    "broadcast": lambda r: (large(r, 2, 1, 5, 6), large(r, 1, 3, 6, 7)),
    "batch_transposed": lambda r: (large(r, 3, 6, 5), large(r, 3, 7, 6), True, True),
    "empty_batch": lambda r: (large(r, 0, 5, 6), large(r, 0, 6, 7)),
    # heads: (n, t, h, d) seen as (n, h, t, d), rows further apart than they are wide
    "heads": lambda r: (
        large(r, 2, 5, 3, 4).transpose(0, 2, 1, 3),
        large(r, 2, 6, 3, 4).transpose(0, 2, 1, 3),
        False,
        True,
    ),
    "rows_apart": lambda r: (large(r, 5, 9)[:, 2:8], large(r, 6, 12)[:, 1:8]),
    "rows_apart_transposed": lambda r: (large(r, 6, 9)[:, 2:8], large(r, 7, 12)[:, 1:7], True, True),
    "step_of_time": lambda r: (large(r, 5, 3, 6)[:, 1], large(r, 6, 7)),
}
for name, make in BATCHES.items():
    case("matmul", make, product, id=name)

PLACES = {
    "columns": lambda r: large(r, 5, 12)[:, 3:10],
    "step_of_time": lambda r: large(r, 5, 3, 7)[:, 1],
}
for name, place in PLACES.items():
    for accumulate in (False, True):
        case(
            "matmul",
            lambda r, place=place, accumulate=accumulate: (
                large(r, 5, 6),
                large(r, 6, 7),
                False,
                False,
                accumulate,
                place(r),
            ),
            product,
            inplace=(5,),
            id=f"into_{name}{'-accumulate' if accumulate else ''}",
        )
for accumulate in (False, True):
    case(
        "matmul",
        lambda r, accumulate=accumulate: (
            large(r, 2, 3, 5, 6),
            large(r, 2, 3, 6, 7),
            False,
            False,
            accumulate,
            large(r, 2, 5, 3, 7).transpose(0, 2, 1, 3),
        ),
        product,
        inplace=(5,),
        id=f"into_heads{'-accumulate' if accumulate else ''}",
    )


def with_nan(r):
    """NaN and infinity stay in their rows and columns."""
    a, b = r.standard_normal((14, 9)), r.standard_normal((9, 20))
    a[3, 4], b[2, 17] = np.nan, np.nan
    return a, b


case("matmul", with_nan, product, id="nan")

for activation in ("linear", "relu", "sigmoid", "tanh"):
    for n, i, o in [(1, 1, 1), (3, 5, 7), (33, 40, 70), (0, 3, 2), (4, 300, 9), (30, 21, 1), (1, 9, 90)]:
        name = f"{activation}-{n}x{i}x{o}"
        case(
            "dense",
            lambda r, n=n, i=i, o=o: (large(r, n, i), large(r, i, o), large(r, o)),
            dense,
            options={"activation": activation},
            id=name,
        )
        case(
            "dense",
            lambda r, n=n, i=i, o=o: (large(r, n, i), large(r, i, o), None),
            dense,
            options={"activation": activation},
            id=f"{name}-no_bias",
        )
        case(
            "dense_backward",
            lambda r, n=n, i=i, o=o, activation=activation: (
                large(r, n, o),
                outputs(r, activation, n, o),
                large(r, n, i),
                large(r, i, o),
                activation,
                (True, True, True),
            ),
            dense_backward,
            id=name,
        )
    for n in (0, 1, 1000):
        case(
            "activation_backward",
            lambda r, n=n, activation=activation: (activation, large(r, n, 3), outputs(r, activation, n, 3)),
            activation_backward,
            id=f"{activation}-{n}",
        )


def outputs(r, activation, *shape):
    """What the activation gives, zeros among them."""
    return activated(activation, np.round(r.standard_normal(shape) * 4))


for need in [(True, False, False), (None, True, True), (False, None, True), (None, True, None)]:
    case(
        "dense_backward",
        lambda r, need=need: (
            large(r, 5, 6),
            outputs(r, "relu", 5, 6),
            large(r, 5, 4),
            large(r, 4, 6),
            "relu",
            need,
        ),
        dense_backward,
        id="need-" + "".join("yn"[not n] for n in need),
    )


def far_out(r):
    """Activations where exp overflows, or where nothing but rounding is left."""
    return (
        np.array([[1e3, -1e3, 90.0, -90.0, 0.0, -0.0, 1e-7, np.inf, -np.inf, np.nan]]).T,
        np.ones((1, 1)),
        np.zeros(1),
    )


for activation in ("relu", "sigmoid", "tanh"):
    case(
        "dense",
        far_out,
        lambda x, w, b, activation: stable(activation, x),
        options={"activation": activation},
        id=f"{activation}-far_out",
    )


def stable(activation, x):
    with np.errstate(over="ignore"):
        return activated(activation, x)


def bias_backward(activation, dy, y, need):
    dz = dy if y is None else activation_backward(activation, dy, y)
    return dz if need[0] else None, dz.sum(tuple(range(dz.ndim - 1))) if need[1] else None


for activation in ("linear", "relu", "sigmoid", "tanh"):
    for shape in ((7, 5), (1, 300), (2, 33, 9, 16), (700, 64), (0, 4), (5, 0)):
        case(
            "bias_backward",
            lambda r, activation=activation, shape=shape: (
                activation,
                r.normal(size=shape),
                None if activation == "linear" else outputs(r, activation, *shape),
                (True, True),
            ),
            bias_backward,
            id=f"{activation}-{shape}",
        )
    for need in ((False, True), (True, None)):
        case(
            "bias_backward",
            lambda r, activation=activation, need=need: (
                activation,
                r.normal(size=(70, 9)),
                None if activation == "linear" else outputs(r, activation, 70, 9),
                need,
            ),
            bias_backward,
            id=f"{activation}-{need}",
        )
