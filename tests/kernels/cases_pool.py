"""Pooling: the reference looks at one window after the other."""

import numpy as np

from .harness import case

NONE = ((0, 0), (0, 0))
SHAPES = {  # image, size, strides, padding
    "2x2": ((2, 6, 8, 5), (2, 2), (2, 2), NONE),
    "2x2_many_channels": ((2, 4, 4, 40), (2, 2), (2, 2), NONE),
    "remainder": ((2, 5, 7, 3), (2, 2), (2, 2), NONE),
    "same": ((2, 5, 7, 3), (2, 2), (2, 2), ((0, 1), (0, 1))),
    "overlap": ((2, 7, 8, 3), (3, 3), (2, 2), ((1, 1), (0, 1))),
    "overlap_stride_1": ((2, 5, 6, 2), (3, 2), (1, 1), ((1, 1), (0, 1))),
    "stride_beyond_size": ((2, 9, 10, 3), (2, 2), (3, 4), NONE),
    "row": ((3, 1, 9, 2), (1, 3), (1, 2), ((0, 0), (1, 1))),
    "whole_image": ((2, 4, 5, 3), (4, 5), (4, 5), NONE),
    "256_taps": ((1, 17, 17, 2), (16, 16), (1, 1), NONE),
    "289_taps": ((2, 18, 19, 2), (17, 17), (1, 2), NONE),
    "empty": ((0, 4, 4, 2), (2, 2), (2, 2), NONE),
}


def each(shape, size, strides, padding):
    """Yields (output position, the pixels of its window that are real, as a pair of ranges)."""
    count = [(n + sum(p) - k) // s + 1 for n, k, s, p in zip(shape[1:3], size, strides, padding, strict=True)]
    for place in np.ndindex(*count):
        first = [i * s - p[0] for i, s, p in zip(place, strides, padding, strict=True)]
        yield (
            place,
            first,
            [range(max(0, f), min(n, f + k)) for f, n, k in zip(first, shape[1:3], size, strict=True)],
        )


def outputs(shape, size, strides, padding):
    count = [(n + sum(p) - k) // s + 1 for n, k, s, p in zip(shape[1:3], size, strides, padding, strict=True)]
    return shape[0], *count, shape[3]


def max_pool(x, size, strides, padding, activation="linear"):
    y = np.empty(outputs(x.shape, size, strides, padding))
    index = np.empty(y.shape, np.uint8 if size[0] * size[1] <= 256 else np.int32)
    for (p, q), (top, left), (rows, columns) in each(x.shape, size, strides, padding):
        for i, c in np.ndindex(x.shape[0], x.shape[3]):
            seen = [(x[i, a, b, c], (a - top) * size[1] + b - left) for a in rows for b in columns]
            nans = [entry for entry in seen if np.isnan(entry[0])]
            y[i, p, q, c], index[i, p, q, c] = (
                nans[0] if nans else max(seen, key=lambda entry: (entry[0], -entry[1]))
            )
    return y if activation == "linear" else np.where(y <= 0, 0, y), index


def max_pool_backward(dy, index, shape, size, strides, padding, y=None, activation="linear"):
    dx, dy = np.zeros(shape), dy if y is None else dy * (y > 0)
    for i, p, q, c in np.ndindex(dy.shape):
        row, column = divmod(int(index[i, p, q, c]), size[1])
        dx[i, p * strides[0] - padding[0][0] + row, q * strides[1] - padding[1][0] + column, c] += dy[
            i, p, q, c
        ]
    return dx


def average_pool(x, size, strides, padding):
    y = np.empty(outputs(x.shape, size, strides, padding))
    for (p, q), _, (rows, columns) in each(x.shape, size, strides, padding):
        y[:, p, q] = x[:, rows.start : rows.stop, columns.start : columns.stop].mean((1, 2))
    return y


def average_pool_backward(dy, shape, size, strides, padding):
    dx = np.zeros(shape)
    for (p, q), _, (rows, columns) in each(shape, size, strides, padding):
        dx[:, rows.start : rows.stop, columns.start : columns.stop] += dy[:, None, None, p, q] / (
            len(rows) * len(columns)
        )
    return dx


def add(name, shape, *window):
    result = outputs(shape, *window)

    def indices(r):
        return r.standard_normal(result), max_pool(r.standard_normal(shape), *window)[1], shape, *window

    case("max_pool", lambda r: (r.standard_normal(shape), *window), max_pool, id=name, exact=True)
    case(
        "max_pool",
        lambda r: (r.integers(-2, 3, shape).astype(float), *window),
        max_pool,
        id=f"{name}-ties",
        exact=True,
    )
    case("max_pool_backward", indices, max_pool_backward, id=name)
    case("max_pool", lambda r: (r.standard_normal(shape), *window, "relu"), max_pool, id=f"{name}-relu", exact=True)
    case("max_pool_backward", lambda r: (*indices(r), r.standard_normal(result), "relu"), max_pool_backward,
         id=f"{name}-relu")
    case("average_pool", lambda r: (r.standard_normal(shape), *window), average_pool, id=name)
    case(
        "average_pool_backward",
        lambda r: (r.standard_normal(result), shape, *window),
        average_pool_backward,
        id=name,
    )


for name, spec in SHAPES.items():
    add(name, *spec)


def special(r):
    """NaN, infinities and windows that are all -inf, in several places."""
    x = r.choice([np.nan, -np.inf, -np.inf, -np.inf, np.inf, 1.0, -1.0], (3, 6, 6, 4))
    x[0] = -np.inf
    return x


case("max_pool", lambda r: (special(r), (2, 2), (2, 2), NONE), max_pool, id="special", exact=True)
case(
    "max_pool",
    lambda r: (special(r), (3, 3), (2, 2), ((1, 0), (1, 0))),
    max_pool,
    id="special-padding",
    exact=True,
)


def one_infinite(r):
    """An infinite gradient goes to its winner alone."""
    dy = r.standard_normal((1, 2, 2, 3))
    dy[0, 0, 0, 0], dy[0, 1, 1, 2] = np.inf, np.nan
    return dy, r.integers(0, 4, dy.shape).astype(np.uint8), (1, 4, 4, 3), (2, 2), (2, 2), NONE


case("max_pool_backward", one_infinite, max_pool_backward, id="infinite")
