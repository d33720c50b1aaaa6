"""How often predictions are right."""
from .. import ops
from ..losses.functions import aligned
from ..losses.loss import same_rank
from ..ops.activation import labels_of
from .metric import named


def accuracy(y_true, y_pred):
    """1 where y_true equals y_pred."""
    return ops.cast(ops.equal(*aligned(y_true, y_pred)), "float32")


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """1 where y_pred is on the side of the threshold that the label 0 or 1 says."""
    y_true, y_pred = same_rank(ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred))
    return ops.cast(ops.equal(y_true, ops.cast(ops.greater(y_pred, threshold), y_true.dtype)), "float32")


def categorical_accuracy(y_true, y_pred):
    """1 where the largest prediction is at the one-hot label."""
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    return ops.cast(ops.equal(ops.argmax(y_true, -1), ops.argmax(y_pred, -1)), "float32")


def sparse_categorical_accuracy(y_true, y_pred):
    """1 where the largest prediction is at the integer label."""
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    labels = ops.cast(labels_of(y_true, y_pred), "int32")
    return ops.cast(ops.equal(labels, ops.argmax(y_pred, -1)), "float32")


def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """1 where the one-hot label is among the k largest predictions."""
    return sparse_top_k_categorical_accuracy(ops.argmax(y_true, -1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5, from_sorted_ids=False):
    """1 where the integer label is among the k largest predictions, or among the first k predicted ids."""
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    shape = tuple(y_true.shape)
    labels, rows = ops.ravel(ops.cast(y_true, "int32")), ops.reshape(y_pred, (-1, y_pred.shape[-1]))
    if from_sorted_ids:
        hits = ops.any(ops.equal(ops.expand_dims(labels, 1), ops.cast(rows[:, :k], "int32")), 1)
    else:
        hits = ops.in_top_k(labels, rows, k)
    return ops.reshape(ops.cast(hits, "float32"), shape)


Accuracy = named("Accuracy", accuracy, "up")
CategoricalAccuracy = named("CategoricalAccuracy", categorical_accuracy, "up")
SparseCategoricalAccuracy = named("SparseCategoricalAccuracy", sparse_categorical_accuracy, "up")
TopKCategoricalAccuracy = named("TopKCategoricalAccuracy", top_k_categorical_accuracy, "up", "k name dtype")
SparseTopKCategoricalAccuracy = named("SparseTopKCategoricalAccuracy", sparse_top_k_categorical_accuracy, "up",
                                      "k name dtype from_sorted_ids")
BinaryAccuracy = named("BinaryAccuracy", binary_accuracy, "up")
