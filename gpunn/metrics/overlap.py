"""Intersection over union: how well the regions of each class agree."""
from inspect import Parameter

from .. import _objects, ops
from .._names import require
from .metric import Metric

REQUIRED = Parameter.empty
OPTIONS = {"num_classes": REQUIRED, "target_class_ids": REQUIRED, "threshold": 0.5, "name": None, "dtype": None,
           "ignore_class": None, "sparse_y_true": True, "sparse_y_pred": True, "axis": -1}


class _Overlap(Metric):
    """Counts which label meets which prediction; a class gets its share of both that is in both."""
    _direction = "up"

    def _start(self, num_classes, target_class_ids=None, threshold=None, name=None, dtype=None, ignore_class=None,
               sparse_y_true=True, sparse_y_pred=True, axis=-1):
        Metric.__init__(self, "int32" if dtype in (None, "int") else dtype, name)
        self._floats = "float32" if "int" in self.dtype else self.dtype
        self.num_classes, self.threshold, self.ignore_class = num_classes, threshold, ignore_class
        self.target_class_ids = list(range(num_classes) if target_class_ids is None else target_class_ids)
        require(type(self).__name__, "target_class_ids", set(self.target_class_ids) <= set(range(num_classes)),
                f"from 0 to {num_classes - 1}", target_class_ids)
        self.sparse_y_true, self.sparse_y_pred, self.axis = sparse_y_true, sparse_y_pred, axis
        self.table = self.add_variable((num_classes, num_classes), dtype=self._floats, name="total_confusion_matrix")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        if self.threshold is not None:
            y_pred = y_pred >= self.threshold
        y_true = y_true if self.sparse_y_true else ops.argmax(y_true, self.axis)
        y_pred = y_pred if self.sparse_y_pred else ops.argmax(y_pred, self.axis)
        labels, found = (ops.one_hot(ops.ravel(ops.cast(y, "int32")), self.num_classes, dtype=self._floats)
                         for y in (y_true, y_pred))
        if sample_weight is not None:
            weights = ops.cast(ops.convert_to_tensor(sample_weight, self.dtype), self._floats)
            weights = ops.reshape(weights, (*weights.shape, *(1,) * (y_true.ndim - weights.ndim)))
            labels = labels * ops.reshape(ops.broadcast_to(weights, y_true.shape), (-1, 1))
        if self.ignore_class is not None:
            labels = labels * ops.cast(ops.reshape(y_true, (-1, 1)) != self.ignore_class, self._floats)
        self.table.assign_add(ops.matmul(ops.transpose(labels), found))

    def result(self):
        both = ops.take(ops.diag(self.table), self.target_class_ids)
        either = ops.take(ops.sum(self.table, 0) + ops.sum(self.table, 1), self.target_class_ids) - both
        there = ops.cast(either > 1e-9, self._floats)
        return ops.sum(there * both / (either + 1e-7)) / (ops.sum(there) + 1e-7)


def _overlap(name: str, meaning: str, order: str, /, fixed=(), **defaults) -> type:
    """A class with these arguments; those of `fixed` are not the user's to choose."""
    def start(**given):
        _Overlap._start(**given, **dict(fixed))
    known = {**OPTIONS, **defaults}
    return type(name, (_Overlap,), {"__doc__": meaning,
                                    "__init__": _objects.constructor(start, {n: known[n] for n in order.split()})})


IoU = _overlap("IoU", "The mean of intersection over union, of some classes.",
               "num_classes target_class_ids name dtype ignore_class sparse_y_true sparse_y_pred axis")
MeanIoU = _overlap("MeanIoU", "The mean of intersection over union, of all classes.",
                   "num_classes name dtype ignore_class sparse_y_true sparse_y_pred axis")
BinaryIoU = _overlap("BinaryIoU", "Intersection over union of predictions above and below a threshold.",
                     "target_class_ids threshold name dtype", {"num_classes": 2}, target_class_ids=(0, 1))
OneHotIoU = _overlap("OneHotIoU", "The mean of intersection over union, of some classes; labels one-hot.",
                     "num_classes target_class_ids name dtype ignore_class sparse_y_pred axis",
                     {"sparse_y_true": False}, sparse_y_pred=False)
OneHotMeanIoU = _overlap("OneHotMeanIoU", "The mean of intersection over union, of all classes; labels one-hot.",
                         "num_classes name dtype ignore_class sparse_y_pred axis", {"sparse_y_true": False},
                         sparse_y_pred=False)
