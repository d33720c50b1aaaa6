"""Softmax and cross-entropy in float64, and the rows that break naive formulas."""

import numpy as np

from .harness import case

SHAPES = [(1, 1), (3, 31), (5, 32), (4, 33), (2, 1023), (3, 4097), (65, 10), (2, 3, 17), (7,), (0, 5)]
TIGHT = {"float32": 2e-6, "float64": 4e-15}
CLOSE = {"float32": 2e-6, "float64": 1e-14}


def softmax(x):
    with np.errstate(invalid="ignore", divide="ignore"):
        top = x.max(-1, keepdims=True)
        e = np.exp(x - np.where(np.isneginf(top), 0, top))
        return e / np.where(e.sum(-1, keepdims=True) == 0, 1, e.sum(-1, keepdims=True))


def log_softmax(x):
    shifted = x - x.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def onehot(labels, classes):
    return (labels[..., None] == np.arange(classes)).astype(float)


for shape in SHAPES:
    id = "x".join(map(str, shape))
    case(
        "softmax", lambda r, shape=shape: (3 * r.normal(size=shape),), softmax, rtol=TIGHT, atol=1e-37, id=id
    )
    case(
        "log_softmax",
        lambda r, shape=shape: (3 * r.normal(size=shape),),
        log_softmax,
        rtol=TIGHT,
        atol=TIGHT,
        id=id,
    )
    case(
        "softmax_backward",
        lambda r, shape=shape: (r.normal(size=shape), softmax(r.normal(size=shape))),
        lambda dy, y: y * (dy - (dy * y).sum(-1, keepdims=True)),
        rtol=CLOSE,
        id=id,
    )
    case(
        "log_softmax_backward",
        lambda r, shape=shape: (r.normal(size=shape), log_softmax(r.normal(size=shape))),
        lambda dy, y: dy - np.exp(y) * dy.sum(-1, keepdims=True),
        rtol=CLOSE,
        id=id,
    )

INF = np.inf
case(
    "softmax",
    lambda r: (np.array([[1e3, 0.0], [1e4, -1e4], [-1e4, -1e4], [1e4, 1e4]]),),
    lambda x: np.array([[1, 0], [1, 0], [0.5, 0.5], [0.5, 0.5]]),
    rtol=TIGHT,
    atol=0,
    id="far",
)
case(
    "softmax",
    lambda r: (np.array([[-INF, -INF], [-INF, 3.0], [np.nan, 1.0], [1.0, np.nan]]),),
    lambda x: np.array([[0.0, 0.0], [0.0, 1.0], [np.nan, np.nan], [np.nan, np.nan]]),
    rtol=TIGHT,
    atol=0,
    id="masked-nan",
)
LOG2 = np.log(2)
case(
    "log_softmax",
    lambda r: (np.array([[1e4, 0.0], [-1e4, -1e4], [1e4, 1e4]]),),
    lambda x: np.array([[0, -1e4], [-LOG2, -LOG2], [-LOG2, -LOG2]]),
    rtol=TIGHT,
    atol=0,
    id="far",
)
case(
    "log_softmax",
    lambda r: (np.array([[-INF, -INF], [-INF, 3.0], [np.nan, 1.0]]),),
    lambda x: np.array([[-INF, -INF], [-INF, 0.0], [np.nan, np.nan]]),
    rtol=TIGHT,
    atol=0,
    id="masked-nan",
)
case("softmax", lambda r: (1e4 + r.normal(size=(3, 33)),), softmax, rtol=TIGHT, atol=0, id="shifted")
case("log_softmax", lambda r: (1e4 + r.normal(size=(3, 33)),), log_softmax, rtol=TIGHT, atol=0, id="shifted")
case(
    "softmax_backward",
    lambda r: (r.normal(size=(2, 3)), np.zeros((2, 3))),
    lambda dy, y: np.zeros((2, 3)),
    rtol=0,
    atol=0,
    id="masked",
)


def cross_entropy(x, labels):
    inside = (labels >= 0) & (labels < x.shape[1])
    chosen = np.where(inside, labels, 0)
    loss = -log_softmax(x)[np.arange(len(x)), chosen]
    return np.where(inside, loss, np.nan), np.where(inside & (x.argmax(1) == labels), 1.0, 0.0)


def cross_entropy_backward(dloss, x, labels):
    return dloss[:, None] * (softmax(x) - onehot(labels, x.shape[1]))


def rows(r, n, c):
    return 3 * r.normal(size=(n, c)), r.integers(0, c, n, np.int32)


for n, c in [(1, 1), (31, 10), (32, 2), (33, 31), (5, 1023), (3, 4097), (1023, 3)]:
    case(
        "softmax_cross_entropy",
        lambda r, n=n, c=c: rows(r, n, c),
        cross_entropy,
        rtol=TIGHT,
        atol=TIGHT,
        id=f"{n}x{c}",
    )
    case(
        "softmax_cross_entropy_backward",
        lambda r, n=n, c=c: (r.normal(size=n), *rows(r, n, c)),
        cross_entropy_backward,
        rtol=CLOSE,
        id=f"{n}x{c}",
    )
    case(
        "pick",
        lambda r, n=n, c=c: rows(r, n, c),
        lambda x, labels: x[np.arange(len(x)), labels],
        exact=True,
        id=f"{n}x{c}",
    )
    case(
        "pick_backward",
        lambda r, n=n, c=c: (r.normal(size=n), rows(r, n, c)[1], c),
        lambda dy, labels, c: dy[:, None] * onehot(labels, c),
        rtol=0,
        atol=0,
        id=f"{n}x{c}",
    )
TIES = np.array([[1.0, 1.0, 0.0]] * 3)
case(
    "softmax_cross_entropy",
    lambda r: (TIES, np.array([0, 1, 2], np.int32)),
    lambda x, labels: (cross_entropy(x, labels)[0], np.array([1.0, 0, 0])),
    rtol=TIGHT,
    id="first-of-equals",
)
FAR = np.array([[9984, -9984], [9984, -9984], [9984, 9984], [0.0, -INF], [0.0, -INF]])         # held by all types
case(
    "softmax_cross_entropy",
    lambda r: (FAR, np.array([0, 1, 0, 0, 1], np.int32)),
    lambda x, labels: (np.array([0, 19968, LOG2, 0, INF]), np.array([1.0, 0, 1, 1, 0])),
    rtol=TIGHT,
    atol=0,
    id="far",
)
case(
    "softmax_cross_entropy_backward",
    lambda r: (np.ones(5), FAR, np.array([0, 1, 0, 0, 1], np.int32)),
    lambda d, x, labels: np.array([[0, 0], [1, -1], [-0.5, 0.5], [0, 0], [1, -1]]),
    rtol=TIGHT,
    atol=0,
    id="far",
)
OUTSIDE = np.array([-1, 3, 2**31 - 1, -(2**31), 1], np.int32)
case(
    "softmax_cross_entropy",
    lambda r: (r.normal(size=(5, 3)), OUTSIDE),
    cross_entropy,
    rtol=TIGHT,
    id="outside",
)
case(
    "softmax_cross_entropy_backward",
    lambda r: (np.array([0.0, 0, 0, 0, 1]), r.normal(size=(5, 3)), OUTSIDE),
    cross_entropy_backward,
    rtol=CLOSE,
    id="outside",
)
case(
    "softmax_cross_entropy",
    lambda r: (np.array([[np.nan, 1.0], [1.0, np.nan], [2.0, 1.0]]), np.array([1, 0, 0], np.int32)),
    lambda x, labels: (np.array([np.nan, np.nan, np.log1p(np.exp(-1.0))]), np.array([0.0, 0.0, 1.0])),
    id="nan",
)
case(
    "softmax_cross_entropy",
    lambda r: (np.where(np.arange(99) == 7, np.nan, -np.arange(99.0))[None].repeat(2, 0), np.array([0, 7], np.int32)),
    lambda x, labels: (np.array([np.nan, np.nan]), np.zeros(2)),
    id="nan in a long row",
)
case(
    "softmax_cross_entropy",
    lambda r: (np.zeros((0, 3)), np.zeros(0, np.int32)),
    lambda x, labels: (np.zeros(0), np.zeros(0)),
    id="empty",
)
case(
    "softmax_cross_entropy_backward",
    lambda r: (np.zeros(0), np.zeros((0, 3)), np.zeros(0, np.int32)),
    lambda *a: np.zeros((0, 3)),
    id="empty",
)
case(
    "pick",
    lambda r: (np.arange(15.0).reshape(5, 3), OUTSIDE),
    lambda x, labels: np.array([np.nan] * 4 + [13.0]),
    exact=True,
    id="outside",
)
case(
    "pick_backward",
    lambda r: (np.ones(5), OUTSIDE, 3),
    lambda dy, labels, c: np.array([[0.0] * 3] * 4 + [[0.0, 1.0, 0.0]]),
    rtol=0,
    atol=0,
    id="outside",
)


def cross_entropy_mean(x, labels):
    loss, weights = cross_entropy(x, labels)[0], np.full(len(x), 1 / max(1, len(x)))
    return loss.mean() if len(x) else np.array(np.nan), cross_entropy_backward(weights, x, labels)


for n, c in ((1, 1), (1, 10), (33, 10), (5, 1025), (128, 33), (700, 3)):
    case("softmax_cross_entropy_mean", lambda r, n=n, c=c: rows(r, n, c), cross_entropy_mean, rtol=CLOSE, id=f"{n}-{c}")
case("softmax_cross_entropy_mean", lambda r: (r.normal(size=(5, 3)), OUTSIDE), cross_entropy_mean, rtol=CLOSE,
     id="outside")
case("softmax_cross_entropy_mean", lambda r: (1e4 * r.normal(size=(9, 7)), np.arange(9, dtype=np.int32) % 7),
     cross_entropy_mean, rtol=CLOSE, id="large")
case("softmax_cross_entropy_mean", lambda r: (np.zeros((0, 3)), np.zeros(0, np.int32)), cross_entropy_mean, id="empty")
