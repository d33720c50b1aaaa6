"""Attention: every query looks at all keys."""
import math
from copy import copy
from functools import reduce

import numpy as np

from .. import ops
from ..ops import random
from ..ops.create import kept
from .layer import LibraryLayer


class MultiHeadAttention(LibraryLayer):
    """softmax(q k / sqrt(key_dim)) v in several heads; weights as Keras: (c, heads, key_dim), and back
    (heads, value_dim, c)."""
    wants_floats = supports_masking = True

    def __init__(self, num_heads, key_dim, value_dim=None, dropout=0.0, use_bias=True, output_shape=None,
                 attention_axes=None, sliding_window=None, flash_attention=None, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, bias_constraint=None, use_gate=False, seed=None, **kwargs):
        self._keep(locals())
        self._require("dropout", not (flash_attention and dropout), "0 with flash_attention", dropout)
        self.num_heads, self.key_dim = self._count("num_heads", num_heads), self._count("key_dim", key_dim)
        self.value_dim = self._count("value_dim", value_dim or key_dim)
        self.output_shape, self.attention_axes = _tuple(output_shape) or None, _tuple(attention_axes)
        self.sliding_window = sliding_window and self._count("sliding_window", sliding_window)
        self._key_heads = self.num_heads

    def build(self, query_shape, value_shape, key_shape=None):
        key_shape, rank = key_shape or value_shape, len(query_shape)
        for name, shape in (("query", query_shape), ("value", value_shape), ("key", key_shape)):
            self._require(f"the shape of {name}", len(shape) == rank > 2, "(n, t, c), the same rank for all", shape)
        axes = range(1, rank - 1) if self.attention_axes is None else [a % rank for a in self.attention_axes]
        self.attention_axes, heads = tuple(axes), self.num_heads
        self._query = self._projection("query", query_shape[-1:], (heads, self.key_dim))
        self._key = self._projection("key", key_shape[-1:], (self._key_heads, self.key_dim))
        if self.use_gate:
            self._gate = self._projection("gate", query_shape[-1:], (heads, self.value_dim))
        self._value = self._projection("value", value_shape[-1:], (self._key_heads, self.value_dim))
        self._output = self._projection("attention_output", (heads, self.value_dim),
                                        self.output_shape or query_shape[-1:])

    def _projection(self, name, inner, outer):
        """A kernel and its bias, and how many axes the kernel sums over."""
        kernel = self._weight(f"{name}/kernel", (*inner, *outer), "kernel", copy(self.kernel_initializer))
        return kernel, self._weight(f"{name}/bias", outer, like="bias") if self.use_bias else None, len(inner)

    def _project(self, x, weights):
        """(..., c) -> (..., heads, d), or back"""
        kernel, bias, summed = weights
        y = ops.dense(x, kernel, bias, axes=summed)
        if self.activity_regularizer is not None:
            super()._regularize_activity(y)
        return y

    def _regularize_activity(self, y):
        """Each projection did."""

    def call(self, query, value, key=None, query_mask=None, value_mask=None, key_mask=None,
             attention_mask=None, return_attention_scores=False, training=False, use_causal_mask=False):
        mask = self._mask(query, value, self._query_mask(query, query_mask), value_mask, key_mask, attention_mask,
                          use_causal_mask)
        q, k = self._project(query, self._query), self._project(value if key is None else key, self._key)
        v, scale = self._project(value, self._value), self.key_dim ** -0.5
        gate = ops.sigmoid(self._project(query, self._gate)) if self.use_gate else None
        if self._key_heads != self.num_heads:
            k, v = (ops.repeat(x, self.num_heads // self._key_heads, axis=2) for x in (k, v))
        fold = _Fold(self.attention_axes, q.shape, k.shape) if query.ndim > 3 else None
        if fold:
            q, k, v, mask = fold.there(q), fold.there(k), fold.there(v), mask if mask is None else fold.mask(mask)
        causal = bool(use_causal_mask) and mask is None
        if return_attention_scores or (training and self.dropout > 0):
            scores = ops.attention_scores(q, k, mask, scale, causal)
            y = self._weighted(scores, v, training)
        else:
            scores, y = None, ops.attention(q, k, v, mask, scale=scale, causal=causal)
            if mask is not None and not self.dropout:       # as in Keras, who may look nowhere sees the mean of all
                some = ops.transpose(ops.any(mask, axis=-1, keepdims=True), (0, 2, 1, 3))
                y = y + ops.where(some, 0.0, ops.mean(v, axis=1, keepdims=True))
        if fold:
            y, scores = fold.back(y), fold.scores(scores) if return_attention_scores else None
        y = self._project(y if gate is None else y * gate, self._output)
        return (y, scores) if return_attention_scores else y

    def _query_mask(self, query, given):
        """Keras looks at the mask of the tensor alone."""
        return query.mask

    def _mask(self, query, value, query_mask, value_mask, key_mask, attention_mask, causal):
        """All that says who may look where as one mask that broadcasts to (n, ..., heads, tq, tk), or None."""
        masks = [] if query_mask is None else [ops.expand_dims(query_mask, -1)]
        masks += [ops.expand_dims(m, -2) for m in (value_mask, key_mask) if m is not None]
        masks += [] if attention_mask is None else [ops.cast(attention_mask, "bool")]
        times = query.shape[1], value.shape[1]
        if self.sliding_window is not None:
            masks.append(kept(_band, *times, self.sliding_window))
        if causal and (masks or query.ndim > 3):
            masks.append(ops.tri(*times, dtype="bool"))
        if not masks:
            return None
        mask, axes = reduce(ops.logical_and, masks), len(self.attention_axes)
        split = mask.ndim - 2 * axes
        return ops.reshape(mask, (*mask.shape[:split], *(1,) * (query.ndim + axes - mask.ndim), *mask.shape[split:]))

    def _weighted(self, weights, v, training):
        """(n, heads, tq, tk), (n, tk, heads, d) -> (n, tq, heads, d), with dropout on the weights"""
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self._source)
        return ops.transpose(ops.matmul(weights, ops.transpose(v, (0, 2, 1, 3))), (0, 2, 1, 3))

    def compute_output_shape(self, query_shape, value_shape, key_shape=None, return_attention_scores=False):
        output = (*query_shape[:-1], *(self.output_shape or query_shape[-1:]))
        axes = self.attention_axes or range(1, len(query_shape) - 1)
        others = [n for a, n in enumerate(query_shape[:-1]) if a not in axes]
        scores = (*others, self.num_heads, *[query_shape[a] for a in axes], *[value_shape[a] for a in axes])
        return (output, scores) if return_attention_scores else output


class _Fold:
    """Attention along `axes` of (n, ..., heads, d): to (n * others, times, heads, d), and back."""

    def __init__(self, axes, query, key):
        others, rank = [a for a in range(len(query) - 2) if a not in axes], len(query)
        self.order, self.others = (*others, *axes, rank - 2, rank - 1), [query[a] for a in others]
        self.times, self.key_times = [query[a] for a in axes], [key[a] for a in axes]

    def there(self, x):
        return ops.reshape(ops.transpose(x, self.order), (math.prod(self.others), -1, *x.shape[-2:]))

    def back(self, y):
        y = ops.reshape(y, (*self.others, *self.times, *y.shape[-2:]))
        return ops.transpose(y, [self.order.index(a) for a in range(y.ndim)])

    def mask(self, mask):
        heads = mask.shape[len(self.others)]
        mask = ops.broadcast_to(mask, (*self.others, heads, *self.times, *self.key_times))
        return ops.reshape(mask, (math.prod(self.others), heads, math.prod(self.times), math.prod(self.key_times)))

    def scores(self, scores):
        return ops.reshape(scores, (*self.others, scores.shape[1], *self.times, *self.key_times))


class GroupedQueryAttention(MultiHeadAttention):
    """Attention in which groups of query heads share a head of keys and values."""

    def __init__(self, head_dim, num_query_heads, num_key_value_heads, dropout=0.0, use_bias=True, sliding_window=None,
                 flash_attention=None, kernel_initializer="glorot_uniform", bias_initializer="zeros",
                 kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
                 bias_constraint=None, use_gate=False, seed=None, **kwargs):
        super().__init__(num_query_heads, head_dim, None, dropout, use_bias, None, None, sliding_window,
                         flash_attention, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
                         activity_regularizer, kernel_constraint, bias_constraint, use_gate, seed, **kwargs)
        self.head_dim, self.num_query_heads = self.key_dim, self.num_heads
        self.num_key_value_heads = self._key_heads = self._count("num_key_value_heads", num_key_value_heads)
        self._require("num_query_heads", num_query_heads % num_key_value_heads == 0,
                      f"a multiple of num_key_value_heads={num_key_value_heads}", num_query_heads)

    def _query_mask(self, query, given):
        return given


GroupQueryAttention = GroupedQueryAttention


def _band(rows: int, columns: int, reach: int):
    """(rows, columns): True where both are nearer than `reach`."""
    return np.abs(np.arange(rows)[:, None] - np.arange(columns)) < reach


def _tuple(value):
    """A number as a tuple of one; None stays."""
    return (value,) if isinstance(value, int) else value and tuple(value)


class Attention(LibraryLayer):
    """Attention of queries (n, tq, c) over values (n, tk, e): inputs [query, value] or [query, value, key]."""
    wants_floats = supports_masking = True

    def __init__(self, use_scale=False, score_mode="dot", dropout=0.0, seed=None, **kwargs):
        self._keep(locals())
        self._one_of("score_mode", score_mode, ("dot", "concat"))

    def build(self, input_shape):
        right = len(input_shape) in (2, 3) and isinstance(input_shape[0], list | tuple)
        self._require("inputs", right, "[query, value] or [query, value, key]", input_shape)
        self.scale = self._make_scale(input_shape[0][-1:]) if self.use_scale else None
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

    def _make_scale(self, width):
        return self.add_weight((), "ones", name="scale")

    def scores(self, query, key):
        """(n, tq, c), (n, tk, c) -> (n, tq, tk)"""
        if self.score_mode == "dot":
            scores = ops.matmul(query, ops.swapaxes(key, -1, -2))
            return scores if self.scale is None else scores * self.scale
        both = ops.expand_dims(query, -2) + ops.expand_dims(key, -3)
        both = both if self.scale is None else both * self.scale
        return self.concat_score_weight * ops.sum(ops.tanh(both), axis=-1)

    def call(self, inputs, mask=None, return_attention_scores=False, training=False, use_causal_mask=False):
        query, value, key = inputs[0], inputs[1], inputs[-1] if len(inputs) == 3 else inputs[1]
        self._require("mask", mask is None or isinstance(mask, list | tuple) and len(mask) in (2, 3),
                      "[query's, value's] or None", mask)
        scores = self.scores(query, key)
        allowed = _allowed(scores, mask, use_causal_mask)
        weights = ops.softmax(scores if allowed is None else ops.where(allowed, scores, -1e9))
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self._source)
        y = ops.matmul(weights, value)
        if mask is not None and mask[0] is not None:
            y = y * ops.cast(ops.expand_dims(mask[0], -1), y.dtype)
        return (y, weights) if return_attention_scores else y

    def compute_mask(self, inputs, previous_mask):
        return previous_mask[0] if previous_mask else None

    def compute_output_shape(self, input_shape, return_attention_scores=False):
        query, value = input_shape[:2]
        output = (*query[:-1], value[-1])
        return (output, (*query[:-1], value[-2])) if return_attention_scores else output


def _allowed(scores, mask, causal):
    """Which keys each query may look at, or None for all."""
    masks = [ops.expand_dims(mask[1], -2)] if mask is not None and mask[1] is not None else []
    if causal:
        masks.append(ops.tri(*scores.shape[-2:], dtype="bool"))
    return reduce(ops.logical_and, masks) if masks else None


class AdditiveAttention(Attention):
    """Attention whose scores are a learned sum of tanh(query + key): inputs [query, value] or [query, value, key]."""

    def __init__(self, use_scale=True, dropout=0.0, seed=None, **kwargs):
        super().__init__(use_scale, dropout=dropout, seed=seed, **kwargs)

    def _make_scale(self, width):
        return self.add_weight(width, "glorot_uniform", name="scale")

    def scores(self, query, key):
        """(n, tq, c), (n, tk, c) -> (n, tq, tk)"""
        both = ops.tanh(ops.expand_dims(query, -2) + ops.expand_dims(key, -3))
        return ops.sum(both if self.scale is None else both * self.scale, axis=-1)
