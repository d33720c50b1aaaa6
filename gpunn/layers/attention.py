"""Attention: every query looks at all keys."""
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
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.num_heads, self.key_dim = self._count("num_heads", num_heads), self._count("key_dim", key_dim)
        self.value_dim = self._count("value_dim", value_dim or key_dim)
        self.dropout, self.use_bias = dropout, use_bias
        self.output_shape = _tuple(output_shape)
        self._require("attention_axes", _tuple(attention_axes) in (None, (1,)),
                      "None or 1: attention runs along time, (n, t, c)", attention_axes)
        self.sliding_window = sliding_window and self._count("sliding_window", sliding_window)
        self._require("use_gate", not use_gate, "False; gated attention is not supported", use_gate)
        self._require("output_shape", output_shape is None or len(self.output_shape) == 1, "one number", output_shape)
        self.attention_axes, self._key_heads = (1,), self.num_heads
        self.flash_attention, self.use_gate = flash_attention, False
        self._describe(locals(), "kernel", "bias")
        self._seeded(seed)

    def build(self, query_shape, value_shape, key_shape=None):
        key_shape = key_shape or value_shape
        for name, shape in (("query", query_shape), ("value", value_shape), ("key", key_shape)):
            self._require(f"the shape of {name}", len(shape) == 3, "(n, t, c)", shape)
        heads, width = self.num_heads, (self.output_shape or query_shape[-1:])[0]
        self._query = self._projection("query", (query_shape[-1], heads, self.key_dim))
        self._key = self._projection("key", (key_shape[-1], self._key_heads, self.key_dim))
        self._value = self._projection("value", (value_shape[-1], self._key_heads, self.value_dim))
        self._output = self._projection("attention_output", (heads, self.value_dim, width))

    def _projection(self, name, shape):
        """A kernel and its bias."""
        kernel = self._weight(f"{name}/kernel", shape, like="kernel")
        bias = shape[-1:] if name == "attention_output" else shape[1:]
        return kernel, self._weight(f"{name}/bias", bias, like="bias") if self.use_bias else None

    def call(self, query, value, key=None, query_mask=None, value_mask=None, key_mask=None,
             attention_mask=None, return_attention_scores=False, training=False, use_causal_mask=False):
        mask = _joined(query_mask, value_mask, key_mask if key is not None and key is not value else None,
                       attention_mask)
        # (n, t, c) -> (n, t, heads, d)
        q, k = ops.dense(query, *self._query), ops.dense(value if key is None else key, *self._key)
        v, scale = ops.dense(value, *self._value), self.key_dim ** -0.5
        if self.sliding_window is not None:
            near = kept(_band, q.shape[1], k.shape[1], self.sliding_window)
            mask = near if mask is None else ops.logical_and(mask, near)
        if self._key_heads != self.num_heads:
            k, v = (ops.repeat(x, self.num_heads // self._key_heads, axis=2) for x in (k, v))
        if return_attention_scores or (training and self.dropout > 0):
            scores = ops.attention_scores(q, k, mask, scale, use_causal_mask)
            y = self._weighted(scores, v, training)
        else:
            scores, y = None, ops.attention(q, k, v, mask, scale=scale, causal=bool(use_causal_mask))
        y = ops.dense(y, *self._output, axes=2)
        return (y, scores) if return_attention_scores else y

    def _weighted(self, weights, v, training):
        """(n, heads, tq, tk), (n, tk, heads, d) -> (n, tq, heads, d), with dropout on the weights"""
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self._source)
        return ops.transpose(ops.matmul(weights, ops.transpose(v, (0, 2, 1, 3))), (0, 2, 1, 3))

    def compute_output_shape(self, query_shape, value_shape, key_shape=None, return_attention_scores=False):
        output = (*query_shape[:-1], (self.output_shape or query_shape[-1:])[0])
        scores = (query_shape[0], self.num_heads, query_shape[1], value_shape[1])
        return (output, scores) if return_attention_scores else output


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


GroupQueryAttention = GroupedQueryAttention


def _band(rows: int, columns: int, reach: int):
    """(rows, columns): True where both are nearer than `reach`."""
    return np.abs(np.arange(rows)[:, None] - np.arange(columns)) < reach


def _tuple(value):
    """A number as a tuple of one; None stays."""
    return (value,) if isinstance(value, int) else value and tuple(value)


def _joined(query_mask, value_mask, key_mask, attention_mask):
    """Masks of steps and of pairs as one mask (n, 1 or heads, tq, tk), or None."""
    masks = [] if query_mask is None else [ops.expand_dims(query_mask, (1, 3))]
    masks += [ops.expand_dims(m, (1, 2)) for m in (value_mask, key_mask) if m is not None]
    if attention_mask is not None:
        attention_mask = ops.cast(attention_mask, "bool")
        masks.append(ops.expand_dims(attention_mask, 1) if attention_mask.ndim == 3 else attention_mask)
    return reduce(ops.logical_and, masks) if masks else None


class Attention(LibraryLayer):
    """Attention of queries (n, tq, c) over values (n, tk, e): inputs [query, value] or [query, value, key]."""
    wants_floats = supports_masking = True

    def __init__(self, use_scale=False, score_mode="dot", dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self._require("score_mode", score_mode in ("dot", "concat"), "'dot' or 'concat'", score_mode)
        self.use_scale, self.score_mode, self.dropout = use_scale, score_mode, dropout
        self._seeded(seed)

    def build(self, input_shape):
        right = len(input_shape) in (2, 3) and isinstance(input_shape[0], list | tuple)
        self._require("inputs", right, "[query, value] or [query, value, key]", input_shape)
        self.scale = self.add_weight((), "ones", name="scale") if self.use_scale else None
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

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

    def build(self, input_shape):
        right = len(input_shape) in (2, 3) and isinstance(input_shape[0], list | tuple)
        self._require("inputs", right, "[query, value] or [query, value, key]", input_shape)
        width = input_shape[0][-1:]
        self.scale = self.add_weight(width, "glorot_uniform", name="scale") if self.use_scale else None

    def scores(self, query, key):
        """(n, tq, c), (n, tk, c) -> (n, tq, tk)"""
        both = ops.tanh(ops.expand_dims(query, -2) + ops.expand_dims(key, -3))
        return ops.sum(both if self.scale is None else both * self.scale, axis=-1)
