"""Integers as vectors, and steps that do not count."""
from .. import ops
from ..ops.index import embedding
from .activation import _Elementwise
from .layer import LibraryLayer


class Embedding(LibraryLayer):
    """(n, ...) integers -> (n, ..., output_dim); with `mask_zero` the id 0 means: no step here."""

    def __init__(self, input_dim, output_dim, embeddings_initializer="uniform", embeddings_regularizer=None,
                 embeddings_constraint=None, mask_zero=False, weights=None, **kwargs):
        kwargs.pop("input_length", None)
        self._keep(locals())
        self.input_dim, self.output_dim = self._count("input_dim", input_dim), self._count("output_dim", output_dim)
        self.supports_masking, self.autocast = mask_zero, False
        if weights is not None:
            self.build(None)
            self.set_weights(weights if isinstance(weights, list) else [weights])

    def build(self, input_shape=None):
        if not self.built:
            self.embeddings = self._weight("embeddings", (self.input_dim, self.output_dim))

    def call(self, inputs):
        return embedding(self.embeddings, inputs)

    def compute_output_shape(self, input_shape):
        return *input_shape, self.output_dim

    def compute_output_dtype(self, dtype):
        return self.compute_dtype

    def compute_mask(self, inputs, previous_mask=None):
        return ops.not_equal(inputs, 0) if self.mask_zero else None


class Masking(_Elementwise):
    """Steps where all features equal `mask_value` do not count."""

    def __init__(self, mask_value=0.0, **kwargs):
        self._keep(locals())

    def call(self, inputs):
        return inputs * ops.cast(self._counts(inputs, True), inputs.dtype)

    def _counts(self, inputs, keepdims=False):
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=keepdims)

    def compute_mask(self, inputs, previous_mask=None):
        return self._counts(inputs)
