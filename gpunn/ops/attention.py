"""Attention over heads: (n, t, h, d)."""
from ..tensor import op
from .arithmetic import add, divide, logical_and, multiply, where
from .core import as_dtype, kernels_of
from .create import causal_constant
from .dense import softmax
from .linalg import matmul
from .math import tanh
from .shape import repeat, transpose


def dot_product_attention(query, key, value, bias=None, mask=None, scale=None, is_causal: bool = False,
                          flash_attention=None, attn_logits_soft_cap=None):
    """softmax(query . key * scale + bias) . value over (n, t, heads, d); a mask says who may look where."""
    if query.ndim != 4:
        raise ValueError("dot_product_attention: expected a query (batch, time, heads, size), "
                         f"got shape {tuple(query.shape)}")
    scale = query.shape[-1] ** -0.5 if scale is None else float(scale)
    heads, shared = query.shape[2], key.shape[2]
    if heads % shared:
        raise ValueError(f"dot_product_attention: {heads} query heads must be a multiple of the {shared} key heads")
    if heads != shared:
        key, value = (repeat(v, heads // shared, axis=2) for v in (key, value))
    if bias is None and attn_logits_soft_cap is None:
        return attention(query, key, value, mask, scale=scale, causal=bool(is_causal))
    weights = attention_scores(query, key, mask, scale, is_causal, bias, attn_logits_soft_cap)
    return transpose(matmul(weights, transpose(value, (0, 2, 1, 3))), (0, 2, 1, 3))


@op
def attention(q, k, v, mask, *, scale, causal=False):
    """q (n, tq, h, d), k (n, tk, h, d), v (n, tk, h, e), mask bool to (n, h, tq, tk) -> (n, tq, h, e)"""
    kernels = kernels_of(q)
    if mask is not None:
        mask = as_dtype(mask, "bool")
        mask = mask.reshape((1,) * (4 - mask.ndim) + mask.shape)
        shape = (len(q), q.shape[2], q.shape[1], k.shape[1])
        if not all(a in (1, b) for a, b in zip(mask.shape, shape)):
            raise ValueError(f"attention: a mask must have shape {shape}, or sizes of 1, got {mask.shape}")
    y, lse = kernels.attention(q, k, v, scale, causal, mask)
    return y, lambda dy, need: (*kernels.attention_backward(dy, q, k, v, y, lse, scale, causal, mask), None)


def attention_scores(query, key, mask=None, scale: float = 1.0, is_causal: bool = False, bias=None, soft_cap=None):
    """The weights of attention, (n, h, tq, tk): rows with sum 1."""
    logits = multiply(matmul(transpose(query, (0, 2, 1, 3)), transpose(key, (0, 2, 3, 1))), scale)
    if soft_cap is not None:
        logits = multiply(tanh(divide(logits, soft_cap)), soft_cap)
    if bias is not None:
        logits = add(logits, bias)
    if is_causal:
        past = causal_constant(query.shape[1], key.shape[1])
        mask = past if mask is None else logical_and(mask, past)
    return softmax(logits if mask is None else where(mask, logits, float("-inf")))
