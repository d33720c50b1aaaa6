"""Categories and ranges as numbers."""
import numpy as np

from .. import ops
from ..backend import here
from ..ops.create import kept
from ..tensor import Tensor
from .layer import LibraryLayer


def fixed(values, dtype) -> Tensor:
    """Numbers as a constant of the program."""
    return Tensor(kept(np.array, tuple(values), dtype))


class Encoding(LibraryLayer):
    """Ids as they are ("int"), each as a row with a single 1 ("one_hot"), or the last axis joined into one row: which
    ids are there ("multi_hot"), or how often ("count")."""
    modes = ("int", "one_hot", "multi_hot", "count")

    def _encode_as(self, output_mode: str, sparse: bool):
        output_mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(output_mode, output_mode)
        self._require("sparse", not sparse, "False: there are no sparse tensors", sparse)
        self.output_mode, self.autocast = self._one_of("output_mode", output_mode, self.modes), False

    def encoded(self, ids, weights=None):
        if self.output_mode == "int":
            return ids
        ids = ops.reshape(ids, (1,)) if ids.ndim == 0 else ids
        if self.output_mode == "one_hot" and ids.ndim > 1 and ids.shape[-1] == 1:
            ids = ops.squeeze(ids, -1)
        rows = ops.one_hot(ids, self.depth, dtype=self.compute_dtype)
        if self.output_mode == "one_hot":
            return rows
        if self.output_mode == "multi_hot":
            return ops.max(rows, axis=-2)
        return ops.sum(rows if weights is None else rows * ops.expand_dims(weights, -1), axis=-2)

    def compute_output_shape(self, input_shape):
        if self.output_mode == "int":
            return input_shape
        each = self.output_mode == "one_hot" and not (len(input_shape) > 1 and input_shape[-1] == 1)
        return (*(input_shape if each else input_shape[:-1]), self.depth)

    def compute_output_dtype(self, dtype):
        return "int32" if self.output_mode == "int" else self.compute_dtype


class CategoryEncoding(Encoding):
    """Integers from 0 to num_tokens - 1 as rows of numbers."""
    modes = Encoding.modes[1:]

    def __init__(self, num_tokens=None, output_mode="multi_hot", sparse=False, **kwargs):
        super().__init__(**kwargs)
        self.num_tokens = self.depth = self._count("num_tokens", num_tokens)
        self._encode_as(output_mode, sparse)

    def call(self, inputs, count_weights=None):
        self._require("count_weights", count_weights is None or self.output_mode == "count",
                      "None unless output_mode is 'count'", self.output_mode)
        inputs = ops.convert_to_tensor(inputs)
        if here.recording is None and 0 not in inputs.shape:           # a recorded step looks at no value
            most = inputs.numpy().max().item()
            self._require("the inputs", most < self.num_tokens, f"less than num_tokens={self.num_tokens}", most)
        return self.encoded(inputs, None if count_weights is None else ops.cast(count_weights, self.compute_dtype))


class Discretization(Encoding):
    """The number of the range that each number lies in: [b0, b1) is range 1. The boundaries are given, or measured
    by `adapt(data)`, so that the ranges hold about equally many."""

    def __init__(self, bin_boundaries=None, num_bins=None, epsilon=0.01, output_mode="int", sparse=False, dtype=None,
                 name=None, **kwargs):
        self._keep(locals())
        self._require("bin_boundaries", (bin_boundaries is None) != (num_bins is None), "given, or num_bins", None)
        self._encode_as(output_mode, sparse)

    depth = property(lambda self: self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1)

    def call(self, inputs):
        self._require("bin_boundaries", self.bin_boundaries is not None, "measured first, by adapt(data)", None)
        inputs = ops.expand_dims(ops.convert_to_tensor(inputs), -1)
        reached = ops.greater_equal(inputs, fixed(self.bin_boundaries, "float32"))
        return self.encoded(ops.sum(ops.cast(reached, "int32"), -1))

    def adapt(self, data, steps=None):
        """Measure the boundaries, by Keras' summary of values and weights: exact for little data."""
        self._require("num_bins", self.num_bins is not None, "given; boundaries that were given stay", None)
        whole = hasattr(data, "shape") or isinstance(data, list | tuple) and np.ndim(data[0]) == 0
        summary = np.zeros((2, 0))
        for _, batch in zip(range(steps) if steps else iter(int, 1), [data] if whole else data, strict=False):
            values = np.sort(np.asarray(batch, "float32"), axis=None)
            step = max(values.size * self.epsilon, 1)
            values = values[int(step - 1)::int(step)]
            both = np.concatenate([[values, np.full(values.size, step)], summary], axis=1)
            summary = _compressed(both[:, np.argsort(both[0])], self.epsilon)
        self.bin_boundaries = _compressed(summary, 1.0 / self.num_bins)[0, :-1].tolist()

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        measured = config.pop("bin_boundaries") if config.get("num_bins") is not None else None
        layer = super().from_config(config)
        layer.bin_boundaries = measured if measured is not None else layer.bin_boundaries
        return layer


def _compressed(summary, epsilon):
    """Values (first row) with weights: about 1 / epsilon of them, at equal shares of the weight."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares, total = epsilon + np.arange(0.0, 1.0, epsilon), summary[1].cumsum()
    values, reached = (np.interp(shares, total / total[-1], v) for v in (summary[0], total))
    return np.stack([values, np.diff(reached, prepend=0)]).astype("float32")
