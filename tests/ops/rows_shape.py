"""Rows: shapes, creation, indexing, linear algebra."""
import numpy as np

from .table import distinct, flags, ids, n, row

V = (0,)                            # the only argument is differentiated

row(
    "reshape", np.reshape,
    [(n(3, 4), (2, 6)), (n(3, 4), (-1,)), (n(), (1, 1)), (n(0, 3), (3, 0)), (n(4, 3).T, (2, -1))], V
)
row("ravel", np.ravel, [(n(3, 4),), (n(),), (n(4, 3).T,)], V)
row("squeeze", np.squeeze, [(n(1, 3, 1),), (n(1, 3, 1), 0), (n(1, 3, 1), (0, -1))], V)
row("expand_dims", np.expand_dims, [(n(3, 4), 0), (n(3, 4), -1), (n(), 0), (n(3), (0, 2))], V)
row("transpose", np.transpose, [(n(3, 4),), (n(2, 3, 4), (1, 2, 0)), (n(),), (n(0, 2),)], V)
row("moveaxis", np.moveaxis, [(n(2, 3, 4), 0, -1), (n(2, 3, 4), (0, 1), (2, 0)), (n(2, 3), 0, 0)], V)
row("swapaxes", np.swapaxes, [(n(2, 3, 4), 0, 2), (n(2, 3), -1, 0)], V)
row(
    "broadcast_to", lambda x, s: np.broadcast_to(x, s), [(n(4), (3, 4)), (n(3, 1), (2, 3, 4)), (n(), (2,))], V
)
row(
    "concatenate", np.concatenate,
    [([n(2, 3), n(2, 1)], -1), ([n(2, 3), n(0, 3), n(1, 3)], 0), ([n(2, 3), n(1, 3)],), ([n(3)], 0)], V
)
row("stack", np.stack, [([n(2, 3), n(2, 3)],), ([n(2, 3), n(2, 3)], -1), ([n(), n()],)], V)
row("append", np.append, [(n(2, 3), n(4)), (n(2, 3), n(1, 3), 0)], (0, 1))
row("hstack", np.hstack, [([n(2), n(3)],), ([n(2, 3), n(2, 1)],)], V)
row("vstack", np.vstack, [([n(3), n(3)],), ([n(2, 3), n(1, 3)],)], V)
row("split", np.split, [(n(6, 2), 3), (n(6, 5), [2, 3], 1), (n(4), 2)], V)
row("hsplit", np.hsplit, [(n(2, 4), 2), (n(4), 2)], V)
row("vsplit", np.vsplit, [(n(4, 2), 2)], V)
row(
    "unstack", lambda x, num=None, axis=0: [np.take(x, i, axis) for i in range(x.shape[axis])],
    [(n(3, 2),), (n(3, 2), 2, 1)], V
)
row("repeat", np.repeat, [(n(3, 4), 2), (n(3, 4), 3, 1), (n(3), [1, 0, 2], 0)], V)
row("tile", np.tile, [(n(3, 4), (2, 1)), (n(3), 2), (n(2), (2, 3)), (n(2, 1, 3), (2, 2))], V)
row("flip", np.flip, [(n(3, 4),), (n(3, 4), 1), (n(2, 3, 4), (0, 2))], V)
row("fliplr", np.fliplr, [(n(3, 4),)], V)
row("flipud", np.flipud, [(n(3, 4),)], V)
row("roll", np.roll, [(n(3, 4), 1), (n(3, 4), -1, 1), (n(3, 4), (1, 2), (0, 1)), (n(3, 4), 4, 1)], V)
row("pad", np.pad, [(n(3, 4), 1), (n(3, 4), ((1, 0), (0, 2))), (n(3), (1, 2)), (n(2, 3), [(1, 1)])], V)
row(
    "pad", lambda x, w, mode: np.pad(x, w, mode),
    [(n(3, 4), 1, "edge"), (n(3, 4), 2, "reflect"), (n(3, 4), 1, "symmetric")], V
)
row(
    "pad", lambda x, w, **o: np.pad(x, w, constant_values=o["constant_values"]),
    [(n(3), 1, {"constant_values": 2.0})], V
)
row("meshgrid", np.meshgrid, [(n(3), n(2)), (n(2), n(3), n(4)), (n(2), n(3), {"indexing": "ij"})], (0, 1))

for name in ("zeros", "ones", "zeros_like", "ones_like"):
    row(
        name, getattr(np, name), [(n(3, 2),)] if name.endswith("like") else [((2, 3),), (3,), ((),)],
        symbolic=name.endswith("like")
    )
row("full", lambda s, v: np.full(s, v, "float32"), [((2, 3), 1.5), (2, True), ((2,), 7)], symbolic=False)
row("full", lambda s, v: np.broadcast_to(v, s), [((2, 3), n(3))], symbolic=False)
row("full_like", np.full_like, [(n(2, 3), 7.0), (ids(3, 2), 7)])
row(
    "arange", lambda *a, **o: np.arange(*a, **o),
    [(5,), (1.0, 3.0, 0.5), (2, 8, {"dtype": "float64"}), (5, 0, -2)], symbolic=False
)
row("linspace", np.linspace, [(0, 1, 5), (0, 1, 4, False), (2, 3)], symbolic=False, dtypes=("float32",))
row("logspace", np.logspace, [(0, 2, 5), (0, 1, 4, False)], symbolic=False, dtypes=("float32",))
row("eye", np.eye, [(3,), (2, 4), (3, 3, 1)], symbolic=False)
row("identity", np.identity, [(3,)], symbolic=False)
row("tri", np.tri, [(3,), (2, 4, 1)], symbolic=False)
row(
    "cast", lambda x, d: x.astype(d),
    [(n(3) * 5, "int32"), (ids(4, 3), "bool"), (flags(3), "int32"), (ids(3, 2), "float32")]
)
row("cast", lambda x, d: x, [(n(3, 4), "float64"), (n(0, 3), "float64")], V, dtypes=("float32",))
row(
    "saturate_cast", lambda x, d: np.clip(x, 0, 255).astype(d),
    [(np.array([-3.0, 7.9, 400.0]), "uint8"), (ids(999, 4), "uint8")]
)
row(
    "saturate_cast", lambda x, d: x.astype(d),
    [(np.array([-1.0, 2.0]), "float32"), (np.array([-1.0, 2.0]), "bool")]
)
row("copy", lambda x: x * 1, [(n(3, 4),), (ids(3, 2),)], V)
row("stop_gradient", lambda x: x * 1, [(n(3, 4),)])
row("convert_to_tensor", lambda x: np.asarray(x), [(n(3, 4),), (flags(3),)])

row(
    "get_item",
    lambda x, k: x[k],
    [
        (n(4, 5), 1), (n(4, 5), (slice(1, 3), None, -1)), (n(4, 5, 2), (..., 0)),
        (n(4, 5), slice(None, None, -2)), (n(4), 0), (n(4, 5), np.array([0, 2, 2])),
        (n(4, 5), (slice(None), [1, -1])), (n(4, 5), (np.array([[0], [3]]), np.array([1, 2]))),
        (n(4, 5, 3), (np.array([0, 1]), slice(None), np.array([1, 2]))),
        (n(4, 5, 3), (slice(1, 3), np.array([0, 4]), np.array([1, 2]))),
        (n(4, 5, 3), (1, ..., np.array([0, 2]))), (n(4, 5), np.array([True, False, True, False]))
    ],
    V,
)
row("slice", lambda x, s, z: x[tuple(slice(a, a + b) for a, b in zip(s, z))], [(n(4, 5), (1, 2), (2, 3))], V)


def written(x, start, u):
    y = x.astype(np.result_type(x, u))
    y[tuple(slice(a, a + b) for a, b in zip(start, u.shape))] = u
    return y


row("slice_update", written, [(n(4, 5), (1, 2), n(2, 3))], (0, 2))


def scattered(i, v, shape):
    y = np.zeros(shape, v.dtype)
    np.add.at(y, tuple(np.moveaxis(i, -1, 0)), v)
    return y


def replaced(x, i, v):
    y = x.astype(np.result_type(x, v))
    y[tuple(np.moveaxis(i, -1, 0))] = v
    return y


row("scatter", scattered, [(ids(3, 4, 1), n(4, 2), (3, 2)), (ids(3, 4, 2), n(4), (3, 3))], (1,))
row(
    "scatter_update",
    replaced,
    [
        (n(4, 3), np.array([[0], [2]], np.int32), n(2, 3)),
        (n(4, 3), np.array([[0, 1], [2, 2]], np.int32), n(2))
    ],
    (0, 2),
)
row(
    "take",
    lambda x, i, axis=None: np.take(x, i, axis),
    [
        (n(4, 5), ids(4, 3), 0), (n(4, 5), ids(5, 2, 3), 1), (n(4, 5), np.array([-1, 0]), -1), (n(4), 2),
        (n(2, 3), ids(6, 2))
    ],
    V,
)
row("take_along_axis", np.take_along_axis, [(n(4, 5), ids(5, 4, 2), 1), (n(4, 5), ids(4, 3, 5) - 4, 0)], V)
row("embedding", lambda t, i: t[i], [(n(4, 5), ids(4, 3)), (n(4, 5), ids(4, 2, 3)), (n(4, 5), ids(4, 0))], V)


def by_order(x, *a):
    order = np.argsort(x.real, -1 if not a else a[0])
    return np.take_along_axis(x, order, -1 if not a else a[0])


row("sort", by_order, [(distinct(3, 4),), (distinct(3, 4), 0)], V)
row(
    "argsort", lambda x, *a: np.argsort(x, *a, kind="stable").astype(np.int32),
    [(distinct(3, 4),), (distinct(3, 4), 0), (np.ones(4),)]
)


def largest(x, k):
    order = np.argsort(-x.real, -1, kind="stable")[..., :k]
    return np.take_along_axis(x, order, -1), order.astype(np.int32)


row("top_k", largest, [(distinct(3, 4), 2), (distinct(5), 5)], V)
row(
    "in_top_k", lambda t, p, k: np.array([(row_ > row_[i]).sum() < k for i, row_ in zip(t, p)]),
    [(ids(5, 4), n(4, 5), 2)]
)
row(
    "nonzero", lambda x: [i.astype(np.int32) for i in np.nonzero(x)], [(np.array([[0.0, 1], [2, 0]]),)],
    symbolic=False
)
row("unique", np.unique, [(np.array([3, 1, 2, 1]),), (np.array([[2.0, 1], [2, 3]]),)], symbolic=False)
row("segment_sum", lambda v, i, k: scattered(i[:, None], v, (k, *v.shape[1:])), [(n(4, 2), ids(3, 4), 5)], V)
row(
    "segment_max", lambda v, i, k: np.array([v[i == j].max(0, initial=-np.inf) for j in range(k)]),
    [(n(4, 2), ids(3, 4), 4)]
)
row("diagonal", np.diagonal, [(n(3, 4),), (n(3, 4), 1), (n(3, 4), -1), (n(2, 3, 4), 0, 1, 2)], V)
row("trace", np.trace, [(n(3, 4),), (n(2, 3, 4), 1, 1, 2)], V)
row("diag", np.diag, [(n(3, 4),), (n(3),), (n(3), 1), (n(3), -2)], V)
row("diagflat", np.diagflat, [(n(2, 2),)], V)
row("tril", np.tril, [(n(3, 4),), (n(2, 3, 3), -1)], V)
row("triu", np.triu, [(n(3, 4),), (n(2, 3, 3), 1)], V)
row("diff", np.diff, [(n(3, 4),), (n(3, 4), 2, 0)], V)
row(
    "one_hot", lambda x, c: (x[..., None] == np.arange(c)).astype(float),
    [(ids(4, 3), 4), (np.array([[0, 9], [-1, 2]], np.int32), 4)]
)
row(
    "multi_hot", lambda x, c: (x[..., None] == np.arange(c)).any(-2).astype(float),
    [(ids(4, 3, 2), 4), (ids(4, 3), 5)]
)

row(
    "matmul",
    np.matmul,
    [
        (n(3, 4), n(4, 5)), (n(2, 3, 4), n(4, 5)), (n(2, 1, 3, 4), n(3, 4, 2)), (n(4), n(4)), (n(3, 4), n(4)),
        (n(4), n(2, 4, 3)), (n(0, 4), n(4, 2)), (n(4, 3).T, n(5, 4).T), (ids(4, 2, 3), ids(4, 3, 2))
    ],
    (0, 1),
)
row("dot", np.dot, [(n(3, 4), n(4, 5)), (n(4), n(4)), (n(2, 3, 4), n(5, 4, 2)), (n(), n(3))], (0, 1))
row(
    "tensordot", np.tensordot, [(n(3, 4, 5), n(4, 5, 2)), (n(3, 4), n(5, 3), ([0], [1])), (n(2), n(3), 0)],
    (0, 1)
)
row("inner", np.inner, [(n(3, 4), n(2, 4)), (n(4), n(4))], (0, 1))
row("outer", np.outer, [(n(3), n(4)), (n(2, 2), n(3))], (0, 1))
row("vdot", lambda a, b: (a * b).sum(), [(n(3, 4), n(3, 4))], (0, 1))
row("einsum", np.einsum, [("ij,jk->ik", n(3, 4), n(4, 5)), ("bhqd,bkhd->bhqk", n(2, 3, 4, 5), n(2, 6, 3, 5))],
    (1, 2))
row(
    "einsum",
    np.einsum,
    [
        ("ij->ji", n(3, 4)), ("ii->i", n(3, 3)), ("ii", n(3, 3)), ("ijk->", n(2, 3, 4)),
        ("...ij->...ji", n(2, 3, 4))
    ],
    (1,),
)
row(
    "einsum",
    np.einsum,
    [
        ("ij,j", n(3, 4), n(4)), ("...ij,...jk", n(2, 3, 4), n(4, 5)), ("i,j->ij", n(3), n(4)),
        ("ij,ij->i", n(3, 4), n(3, 4)), ("ijk,k->i", n(2, 3, 4), n(4)), ("ij,ik->k", n(3, 4), n(3, 5))
    ],
    (1, 2),
)
row("einsum", np.einsum, [("ij,jk,kl->il", n(2, 3), n(3, 4), n(4, 5))], (1, 2, 3))

_a = n(3, 3)
SYMMETRIC = _a @ _a.T + 3 * np.eye(3)
row("cholesky", np.linalg.cholesky, [(SYMMETRIC,)], symbolic=False)
row("det", lambda x: np.asarray(np.linalg.det(x)), [(n(3, 3),), (n(2, 3, 3),)], symbolic=False, rtol=10)
row("inv", np.linalg.inv, [(SYMMETRIC,)], symbolic=False, rtol=10)
row("qr", np.linalg.qr, [(n(4, 3),)], symbolic=False, rtol=10)
row("solve", np.linalg.solve, [(SYMMETRIC, n(3, 2))], symbolic=False, rtol=10)
row(
    "svd", np.linalg.svd, [(n(4, 3),), (n(4, 3), False), (n(3, 4), {"compute_uv": False})], symbolic=False,
    rtol=10
)
