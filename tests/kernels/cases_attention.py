"""Attention: the whole table of scores at once; gradients by complex step."""

import numpy as np

from .harness import case
from .references import gradient, sixteenths

SIZES = {  # n, tq, tk, heads, d, e
    "small": (2, 4, 4, 2, 3, 3),
    "more_keys": (2, 3, 5, 2, 4, 2),
    "more_queries": (1, 5, 3, 2, 2, 3),
    "wide_head": (1, 3, 3, 1, 17, 19),
    "one_key": (2, 2, 1, 1, 2, 2),
    "empty_batch": (0, 3, 3, 2, 2, 2),
    "no_keys": (2, 2, 0, 2, 3, 3),
    "no_queries": (2, 0, 3, 2, 3, 3),
}
# several tiles
LONG = {
    "long": (1, 40, 70, 2, 8, 8),
    "very_long": (1, 50, 270, 1, 4, 3),
    "long_square": (1, 66, 66, 1, 5, 4), "wide": (1, 5, 6, 2, 70, 66),
}


def table(q, k, scale, causal, mask):
    """-> (scores, where they count), both (n, h, tq, tk)"""
    scores = np.einsum("nihd,njhd->nhij", q, k) * scale
    seen = np.ones(scores.shape, bool) & (True if mask is None else mask)
    return scores, seen & (np.arange(k.shape[1]) <= np.arange(q.shape[1])[:, None]) if causal else seen


def attention(q, k, v, scale, causal=False, mask=None):
    scores, seen = table(q, k, scale, causal, mask)
    top = np.where(seen, scores.real, -np.inf).max(-1, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    e = np.where(seen, np.exp(np.where(seen, scores - top, 0)), 0)
    total = e.sum(-1, keepdims=True)
    blind = ~seen.any(-1)
    lse = np.where(blind, -np.inf, (top + np.log(np.where(blind[..., None], 1, total)))[..., 0])
    return np.einsum("nhij,njhe->nihe", e / np.where(blind[..., None], 1, total), v), lse


def attention_backward(dy, q, k, v, y, lse, scale, causal=False, mask=None):
    """The same sums written out: dp = dy v^T, ds = p (dp - sum p dp)."""
    scores, seen = table(q, k, scale, causal, mask)
    p = np.where(seen, np.exp(scores - np.where(np.isfinite(lse), lse, 0)[..., None]), 0)
    dp = np.einsum("nihe,njhe->nhij", dy, v)
    ds = p * (dp - (p * dp).sum(-1, keepdims=True)) * scale
    return (
        np.einsum("nhij,njhd->nihd", ds, k),
        np.einsum("nhij,nihd->njhd", ds, q),
        np.einsum("nhij,nihe->njhe", p, dy),
    )


def by_complex_step(dy, q, k, v, y, lse, scale, causal=False, mask=None):
    return gradient(attention, (q, k, v, scale, causal, mask), (0, 1, 2), (dy, None))


def masks(n, tq, tk, heads):
    """Name -> mask; the random ones hide whole rows too."""
    r = np.random.default_rng(3)
    full = r.random((n, heads, tq, tk)) < 0.6
    full[..., :1, :] = False
    return {
        "keys": r.random((n, 1, 1, tk)) < 0.6,
        "shared": r.random((tq, tk)) < 0.6,
        "full": full,
        "none_seen": np.zeros((1, 1, 1, 1), bool),
    }


def inputs(r, size):
    """Numbers that every type holds exactly: y and lse of the backward cases are made from them."""
    n, tq, tk, heads, d, e = size
    return [sixteenths(r, *shape) for shape in ((n, tq, heads, d), (n, tk, heads, d), (n, tk, heads, e))]


def add(id, size, scale, causal, mask, reference=by_complex_step):
    case("attention", lambda r: (*inputs(r, size), scale, causal, mask), attention, id=id)

    def backward(r):
        q, k, v = inputs(r, size)
        y, lse = attention(q, k, v, scale, causal, mask)
        return sixteenths(r, *y.shape), q, k, v, np.ascontiguousarray(y), lse, scale, causal, mask

    case("attention_backward", backward, reference, id=id, atol={"float32": 5e-5, "float64": 1e-11})


for name, size in SIZES.items():
    for causal in (False, True):
        add(f"{name}{'-causal' if causal else ''}", size, 0.7, causal, None)

for name, size in LONG.items():
    for causal in (False, True):
        add(f"{name}{'-causal' if causal else ''}", size, 0.3, causal, None, attention_backward)
        add(
            f"{name}-mask{'-causal' if causal else ''}",
            size,
            0.3,
            causal,
            masks(*size[:4])["full"],
            attention_backward,
        )

for kind in ("keys", "shared", "full", "none_seen"):
    for causal in (False, True):
        for name in ("small", "more_keys"):
            add(
                f"{name}-{kind}{'-causal' if causal else ''}",
                SIZES[name],
                0.5,
                causal,
                masks(*SIZES[name][:4])[kind],
            )


def large_scores(r):
    """exp of these scores overflows in every type."""
    q, k, v = inputs(r, (1, 4, 5, 2, 3, 2))
    return q * 40, k * 40, v, 1.0


case("attention", large_scores, attention, id="large_scores", rtol={"float32": 1e-3, "float64": 1e-10})


def rising_scores(r):
    """Each block of keys holds larger scores than those before: the sums so far are scaled down."""
    q, k, v = inputs(r, (1, 3, 600, 1, 2, 2))
    return np.abs(q), np.round(np.abs(k) * np.linspace(0, 64, 600)[:, None, None]) / 16, v, 1.0


case("attention", rising_scores, attention, id="rising_scores", rtol={"float32": 1e-4, "float64": 1e-11})
