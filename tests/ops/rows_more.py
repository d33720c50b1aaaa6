"""Rows: what is made of other ops."""
import math

import numpy as np

from gpunn import ops

from .table import SPECIAL, distinct, ids, less, n, pairs, pos, row, shapes

MANY = np.array([[np.nan, 2.0, 3.0, -1.0], [4.0, np.nan, 6.0, 0.5], [7.0, 8.0, 9.5, -2.0]])
PLACES = [(MANY,), (MANY, 0), (MANY, 1, {"keepdims": True})]


def whole(f):
    return lambda *a, **o: np.asarray(f(*a, **o), np.int32)


row("fabs", lambda x: np.where(less(x, 0), -x, x), shapes(n), (0,))
row("deg2rad", lambda x: x * (np.pi / 180), shapes(n), (0,))
row("rad2deg", lambda x: x * (180 / np.pi), shapes(n), (0,))
row("cbrt", np.cbrt, [(n(3, 4),), (pos(5),)], (0,), analytic=False)
row("fmax", np.fmax, [(n(3, 4), n(4)), (SPECIAL, SPECIAL[::-1])], (0, 1), analytic=False)
row("fmin", np.fmin, [(n(3, 4), n(4)), (SPECIAL, SPECIAL[::-1])], (0, 1), analytic=False)
row("fmod", np.fmod, [(n(3, 4, scale=3), pos(4)), (n(3, 4, scale=3), -pos(4))], (0, 1), analytic=False, rtol=10)
row("heaviside", np.heaviside, [(n(3, 4), n(4)), (np.array([-1.0, 0.0, 2.0]), 0.5)])
row("hypot", lambda a, b: np.sqrt(a * a + b * b), pairs(pos), (0, 1))
row("ldexp", lambda x, k: x * 2.0 ** k, [(n(3, 4), ids(5, 4))], (0,))
row("logaddexp2", lambda a, b: np.log2(2 ** a + 2 ** b), [(n(3, 4), n(4))], (0, 1), analytic=False)
row("signbit", np.signbit, [(n(3, 4),), (np.array([0.0, -0.0, np.inf, -np.inf]),)])
row("real", lambda x: x, shapes(n), (0,))
row("imag", np.zeros_like, [(n(3, 4),)])
row("isreal", np.isreal, [(n(3, 4),)])
row("angle", lambda x: np.where(less(x, 0), np.pi, 0.0), [(n(3, 4),)])
row("cdist", lambda a, b: np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1)), [(n(3, 4), n(5, 4))], (0, 1), rtol=10)
row("dsplit", lambda x, k: np.dsplit(x, k), [(n(2, 3, 4), 2), (n(2, 3, 4), [1, 3])], (0,))
row("sinc", np.sinc, [(n(3, 4),), (np.array([0.0, 1.0, 0.5]),)], (0,), analytic=False)
row("kron", np.kron, [(n(2, 3), n(4, 2)), (n(3), n(2)), (n(2, 2), n(3))], (0, 1))
row("rot90", np.rot90, [(n(3, 4),), (n(3, 4), 2), (n(2, 3, 4), -1, (1, 2))], (0,))
row("dstack", np.dstack, [([n(3), n(3)],), ([n(2, 3), n(2, 3)],), ([n(2, 3, 1), n(2, 3, 2)],)], (0,))
row("array_split", np.array_split, [(n(7, 2), 3), (n(4, 5), 2, 1), (n(4), [1, 3])], (0,))
row("trapezoid", np.trapezoid, [(n(3, 4),), (n(3, 4), n(4)), (n(3, 4), None, 0.5, 0), (n(3, 2), n(3, 2), 1.0, 0)], (0,))
row("vander", np.vander, [(pos(4),), (pos(4), 3), (pos(3), 4, True)], (0,), rtol=10)
row("corrcoef", np.corrcoef, [(n(3, 8),)], (0,), analytic=False, rtol=10)
row("segment_min", lambda x, i, k: np.array([x[i == s].min(0) for s in range(k)]),
    [(distinct(4, 2), np.array([0, 1, 0, 1], np.int32), 2)], (0,), analytic=False)
row("bincount", whole(lambda x, weights=None, minlength=0: np.bincount(x, None, minlength)),
    [(ids(5, 9), None, 5)], symbolic=False)
row("bincount", lambda x, weights, minlength: np.bincount(x, weights, minlength), [(ids(5, 9), pos(9), 5)], (1,),
    analytic=False)
row("searchsorted", whole(np.searchsorted), [(np.sort(n(6)), n(3, 2)), (np.array([0.0, 1, 1, 2]), np.array([1.0]),
                                                                        {"side": "right"})])
row("digitize", whole(np.digitize), [(n(3, 4), np.array([-1.0, 0.0, 0.5]))])


def blocks(x, b):
    n_, h, w, c = x.shape
    return x.reshape(n_, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5).reshape(n_, h // b, w // b, -1)


def unblocks(x, b):
    n_, h, w, c = x.shape
    return x.reshape(n_, h, w, b, b, c // b ** 2).transpose(0, 1, 3, 2, 4, 5).reshape(n_, h * b, w * b, -1)


def first(f):
    return lambda x, b, data_format="channels_last": (
        np.moveaxis(f(np.moveaxis(x, 1, -1), b), -1, 1) if data_format == "channels_first" else f(x, b))


row("space_to_depth", first(blocks), [(n(2, 4, 6, 3), 2), (n(2, 3, 4, 6), 2, "channels_first")], (0,))
row("depth_to_space", first(unblocks), [(n(2, 3, 2, 8), 2), (n(2, 8, 3, 2), 2, "channels_first")], (0,))
for name in ("nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd"):
    row(name, getattr(np, name), [*PLACES, (distinct(3, 4), 1)], (0,), analytic=False, rtol=10)
for name in ("nanargmax", "nanargmin"):
    row(name, whole(getattr(np, name)), [(MANY,), (MANY, 1)])
row("nancumsum", np.nancumsum, [(MANY,), (MANY, 1)])
row("geomspace", lambda *a: np.geomspace(*a), [(1.0, 1000.0, 4)], symbolic=False, dtypes=("float32",))
for name in ("bartlett", "blackman", "hamming", "hanning"):
    row(name, getattr(np, name), [(7,), (1,)], symbolic=False, dtypes=("float32",))
row("kaiser", np.kaiser, [(7, 14.0)], symbolic=False, dtypes=("float32",))


LOST = np.where(np.arange(12).reshape(3, 4) % 5 == 1, np.nan, distinct(3, 4))
row("quantile", lambda x, q, axis=None, how="linear", keepdims=False:
    np.quantile(x, q, axis, None, False, how, keepdims),
    [(distinct(3, 4), 0.3), (LOST, 0.5, 1), (distinct(3, 4), [0.2, 0.5], 1, {"keepdims": True}),
     *((distinct(3, 4), 0.4, 0, m) for m in ("lower", "higher", "midpoint", "nearest"))], (0,), analytic=False, rtol=10)
row("nanquantile", np.nanquantile, [(LOST, 0.3), (LOST, [0.2, 0.5], 1), (LOST, 0.5, (0, 1))], analytic=False)
row("percentile", np.percentile, [(distinct(3, 4), 30), (distinct(2, 3, 4), [20, 50], (0, 2))], (0,), analytic=False,
    rtol=10)
row("nanpercentile", np.nanpercentile, [(LOST, 30, 1)], analytic=False)
row("median", lambda x, axis=None, keepdims=False: np.median(x, axis, keepdims=keepdims),
    [(distinct(3, 4),), (distinct(3, 3), 1), (LOST, 0, {"keepdims": True})], (0,), analytic=False)
row("nanmedian", lambda x, axis=None: np.nanmedian(x, axis), [(LOST,), (LOST, 1)], analytic=False)
row("cumprod", np.cumprod, [(pos(3, 4), 1), (pos(3, 4),)], (0,), rtol=10)
row("nancumprod", np.nancumprod, [(MANY,), (MANY, 1)], rtol=10)
row("erfc", lambda x: np.vectorize(math.erfc)(x), [(n(3, 4),)], (0,), analytic=False, rtol=10)
row("isin", np.isin, [(ids(5, 3, 4), [1, 3]), (ids(5, 3, 4), [1, 3], {"invert": True})])
row("cross", np.cross, [(n(4, 3), n(4, 3)), (n(4, 3), n(3)), (n(4, 3), n(2)), (n(3, 4), n(3, 4), {"axis": 0})], (0, 1))
row("cross", lambda a, b: a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0], [(n(4, 2), n(4, 2))], (0, 1))
row("gcd", whole(np.gcd), [(ids(30, 3, 4), ids(30, 4)), (12, 18)])
row("lcm", whole(np.lcm), [(ids(30, 3, 4), ids(30, 4)), (4, 6)])
row("nextafter", np.nextafter, [(n(3, 4), n(3, 4))])
row("unravel_index", lambda i, shape: tuple(np.asarray(np.unravel_index(i, shape), np.int32)),
    [(ids(12, 5), (3, 4)), (ids(24, 2, 2), (2, 3, 4))])
row("histogram", lambda *a: (np.histogram(*a)[0].astype(np.int32), np.histogram(*a)[1]),
    [(distinct(20),), (distinct(20), 4, (-1.0, 0.55))], symbolic=False, dtypes=("float32",))
row("argpartition", whole(lambda x, k: np.argsort(x, -1)), [(distinct(3, 4), 2)])
row("segment_prod", lambda x, i, k: np.array([x[i == s].prod(0) for s in range(k)]),
    [(pos(4, 2), np.array([0, 1, 0, 3], np.int32), 4)], (0,), rtol=10)
row("segment_min", lambda x, i, k: np.array([x[i == s].min(0) for s in range(k)], np.int32),
    [(ids(9, 4, 2), np.array([0, 1, 0, 1], np.int32), 2)])
for how, f in {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}.items():
    def joined(x, i, u, reduction, f=f):
        y = x.copy()
        f.at(y, tuple(i.T), u)
        return y
    at = np.array([[0, 1], [2, 2], [0, 1]], np.int32)
    row("scatter_update", joined, [(distinct(4, 3), at, n(3), {"reduction": how})], (0, 2), analytic=False, rtol=10)
MATRIX = n(5, 3)
SYMMETRIC = MATRIX.T @ MATRIX + np.eye(3)
row("slogdet", lambda x: tuple(np.linalg.slogdet(x)), [(n(3, 3),), (n(2, 3, 3),)], rtol=100)
row("logdet", lambda x: np.linalg.slogdet(x)[1], [(SYMMETRIC,)], rtol=100)
row("pinv", np.linalg.pinv, [(MATRIX,), (n(2, 3, 4),)], rtol=100)
row("eigh", lambda x: np.linalg.eigvalsh(x), [(SYMMETRIC,)], f=lambda x: ops.eigh(x)[0], rtol=100)
row("lstsq", lambda a, b: np.linalg.lstsq(a, b)[0], [(MATRIX, n(5)), (MATRIX, n(5, 2))], rtol=100)
row("matrix_rank", whole(np.linalg.matrix_rank), [(MATRIX,), (np.ones((3, 3)),)])
row("solve_triangular", lambda a, b, lower=False: np.linalg.solve((np.tril if lower else np.triu)(a), b),
    [(SYMMETRIC, n(3, 2)), (SYMMETRIC, n(3, 2), {"lower": True})], rtol=100)
row("cholesky_inverse", lambda x: np.linalg.inv(x @ x.T), [(np.linalg.cholesky(SYMMETRIC),)], rtol=1000)
