"""What every loss does: bring shapes together, weigh samples, reduce to one number."""
from math import prod

from .. import ops
from .._config import storage
from .._names import one_of, snake_case
from .._objects import Configured
from ..halves import widened
from ..tensor import Tensor

MEANS = "sum_over_batch_size", "mean", "mean_with_sample_weight"
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


class Loss(Configured):
    """A function of (y_true, y_pred) with one value a sample (`call`), weighted and reduced to one number."""

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        self.name, self.dtype = name or snake_case(type(self).__name__), dtype
        self.reduction = one_of(type(self).__name__, "reduction", reduction, REDUCTIONS)

    def call(self, y_true, y_pred):
        """One loss a sample."""
        raise NotImplementedError(f"{type(self).__name__} must implement call(y_true, y_pred)")

    def _mean(self, y_true, y_pred):
        """The mean of `call` where there is a shorter way to it, else None."""
        return None

    def __call__(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.convert_to_tensor(y_pred)
        mask, y_pred = y_pred.mask, widened(ops.convert_to_tensor(y_pred, self.dtype))
        y_true, loss, full = ops.convert_to_tensor(y_true), None, storage(self.dtype or y_pred.dtype)
        if y_pred.dtype == "float16":                   # a gradient before it is scaled does not fit in
            y_pred = ops.cast(y_pred, full)
        if sample_weight is None and mask is None and self.reduction in MEANS:
            loss = self._mean(y_true, y_pred)
        if loss is None:
            y_pred = ops.convert_to_tensor(y_pred, full)
            values = self.call(y_true, y_pred)
            if not isinstance(values, Tensor):
                raise ValueError(f"loss '{self.name}': expected a tensor, got {values!r}. Fix: `return`, and gpunn.ops "
                                 "for NumPy and .numpy(), which have no gradient")
            loss = reduce_weighted(values, sample_weight, joined(mask, values.mask), self.reduction)
        return loss if self.dtype is None else ops.cast(loss, self.dtype)

    def get_config(self) -> dict:
        return {"name": self.name, "reduction": self.reduction}

    def __repr__(self):
        return f"<{type(self).__name__} {self.get_config()}>"


def joined(a, b):
    """Two masks as one; None masks nothing."""
    return b if a is None else a if b is None else ops.logical_and(a, b)


def same_rank(a, b, expand: bool = True):
    """Where the ranks differ by one: the last axis, if it has size 1, is dropped, or given to a vector."""
    if len(a.shape) == len(b.shape) + 1 and a.shape[-1] == 1:
        return (a, ops.expand_dims(b, -1)) if len(b.shape) == 1 and expand else (ops.squeeze(a, -1), b)
    if len(b.shape) == len(a.shape) + 1 and b.shape[-1] == 1:
        return (ops.expand_dims(a, -1), b) if len(a.shape) == 1 and expand else (a, ops.squeeze(b, -1))
    return a, b


def reduce_weighted(values, sample_weight=None, mask=None, reduction="sum_over_batch_size"):
    """values * weights, reduced; masked samples do not count in a mean."""
    weights = None if sample_weight is None else ops.convert_to_tensor(sample_weight, values.dtype)
    if mask is not None:
        weights = masked(weights, ops.cast(mask, values.dtype), reduction)
    if weights is not None:
        if len(weights.shape) == 1 < len(values.shape):
            weights = ops.reshape(weights, (-1, *[1] * (len(values.shape) - 1)))        # of a sample, for all its steps
        values, weights = same_rank(values, weights)
        values = ops.multiply(values, weights)
    if reduction in (None, "none") or tuple(values.shape) in ((), (0,)):
        return values
    if reduction == "sum":
        return ops.sum(values)
    if reduction == "mean_with_sample_weight" and weights is not None:
        return ops.divide_no_nan(ops.sum(values), ops.sum(weights))
    return ops.mean(values)


def masked(weights, mask, reduction):
    """A mask as weights: 0 where masked, the rest scaled so that a mean over all is the mean over them."""
    if reduction in ("mean", "sum_over_batch_size"):
        mask = ops.multiply(mask, ops.divide_no_nan(float(prod(mask.shape)), ops.sum(mask)))
    if weights is None:
        return mask
    mask, weights = same_rank(mask, weights)
    return ops.multiply(weights, mask)


def by_labels(y_true_shape, y_pred_shape, binary, sparse, one_hot):
    """What fits the shapes of labels and predictions: two classes, labels as integers or as rows."""
    if y_pred_shape[-1] == 1:
        return binary
    return sparse if len(y_true_shape) < len(y_pred_shape) or y_true_shape[-1] == 1 else one_hot
