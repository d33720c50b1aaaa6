"""Rows by number: duplicates in order, and numbers outside."""

import numpy as np

from .harness import case

OUTSIDE = np.array([0, -1, 4, 5, 2**31 - 1, -(2**31), 2], np.int32)


def gather(table, ids):
    rows = np.full(ids.shape + table.shape[1:], np.nan if table.dtype.kind == "f" else 0, table.dtype)
    inside = (ids >= 0) & (ids < len(table))
    rows[inside] = table[ids[inside]]
    return rows


def scatter_add(dy, ids, rows):
    total = np.zeros((rows, *dy.shape[ids.ndim :]))
    inside = (ids >= 0) & (ids < rows)
    np.add.at(total, ids[inside], dy[inside])
    return total


for shape, ids in (
    ((5,), (1,)),
    ((31, 3), (33,)),
    ((10, 32), (4, 5)),
    ((7, 2, 3), (31,)),
    ((1, 1023), (2, 1, 2)),
    ((127, 4), (1025,)),
    ((2051, 1), (300,)),
    ((3, 4), ()),
    ((4, 3), (0,)),
    ((4, 0), (3,)),
):
    id = f"{shape}-{ids}"
    case(
        "gather",
        lambda r, shape=shape, ids=ids: (
            r.normal(size=shape),
            r.integers(0, shape[0], ids, np.int32).reshape(ids),
        ),
        gather,
        exact=True,
        id=id,
    )
    case(
        "scatter_add",
        lambda r, shape=shape, ids=ids: (
            r.normal(size=ids + shape[1:]),
            r.integers(0, shape[0], ids, np.int32).reshape(ids),
            shape[0],
        ),
        scatter_add,
        rtol={"float32": 2e-6, "float64": 2e-15},
        id=id,
    )
case("gather", lambda r: (r.normal(size=(5, 3)), OUTSIDE), gather, exact=True, id="outside")
case(
    "gather",
    lambda r: (r.integers(1, 9, (5, 3), np.int32), OUTSIDE),
    gather,
    dtypes=("float32",),
    id="outside-int",
)
case("gather", lambda r: (np.zeros((0, 3)), np.array([0], np.int32)), gather, id="no-rows")
case("scatter_add", lambda r: (r.normal(size=(7, 3)), OUTSIDE, 5), scatter_add, rtol=0, atol=0, id="outside")
case(
    "scatter_add",
    lambda r: (np.zeros((0, 3)), np.zeros(0, np.int32), 4),
    scatter_add,
    exact=True,
    id="nothing",
)
case(
    "scatter_add",
    lambda r: (np.zeros((2, 3)), np.zeros(2, np.int32), 0),
    scatter_add,
    exact=True,
    id="no-rows",
)


# in order of appearance: any other order gives another sum
CANCEL = np.array([1e8, 1.0, -1e8, 1.0])


def in_order(dy, ids, rows):
    total = np.zeros((rows, dy.shape[1]), np.float32)
    for row, d in zip(ids, dy.astype(np.float32)):
        total[row] += d
    return total.astype(float)


case(
    "scatter_add",
    lambda r: (CANCEL[:, None] * np.ones(33), np.full(4, 2, np.int32), 3),
    in_order,
    exact=True,
    dtypes=("float32",),
    id="order",
)


def batches(xs, order, cursor, size):
    places = int(cursor[0]) + np.arange(size)
    rows = np.array([order[p] if 0 <= p < len(order) else -1 for p in places], int)
    inside = (rows >= 0) & (rows < len(xs[0]))
    results = [np.zeros((size, *x.shape[1:]), x.dtype) for x in xs]
    for x, result in zip(xs, results):
        result[inside] = x[rows[inside]]
    return tuple(results)


def order(r, n):
    return r.permutation(n).astype(np.int32)


def rows(shapes, cursor, size, id, order=order, dtypes=("float32", "float64")):
    case("gather_batches", lambda r: (tuple(r.normal(size=s) for s in shapes), order(r, shapes[0][0]),
                                      np.array([cursor], np.int32), size), batches, exact=True, id=id, dtypes=dtypes)


for shape, cursor, size in (((33,), 0, 5), ((33, 7), 4, 16), ((100, 28, 28, 1), 64, 32), ((10, 3), 8, 4),
                            ((10, 3), 0, 0), ((4, 0), 0, 2), ((5, 2), 7, 3)):
    rows((shape,), cursor, size, f"{shape}-{cursor}-{size}")
rows(((33, 4), (33,), (33, 1, 9)), 4, 16, "three")
rows(tuple((9, n) for n in (3, 0, 4, 1, 8)), 2, 5, "five, one empty")
rows(((5, 3),), 0, 4, "outside", lambda r, n: np.array([0, 9, -1, 4], np.int32))
for kind in ("uint8", "int64", "int32", "bool"):
    case("gather_batches", lambda r, kind=kind: ((r.integers(0, 2, (31, 7, 3)).astype(kind), r.normal(size=(31, 5))),
                                                 order(r, 31), np.array([3], np.int32), 16), batches, exact=True,
         dtypes=("float32",), id=kind)
