"""The area under a curve of two counts over thresholds."""
from .. import ops
from .._config import epsilon
from .._names import one_of, require
from ..backend import constant
from .confusion import COUNTS, confusion, prepared
from .metric import Metric


class AUC(Metric):
    """The area under the ROC or the precision-recall curve, by thresholds."""
    _direction = "up"

    def __init__(self, num_thresholds=200, curve="ROC", summation_method="interpolation", name=None, dtype=None,
                 thresholds=None, multi_label=False, num_labels=None, label_weights=None, from_logits=False):
        super().__init__(dtype, name)
        one_of("AUC", "summation_method", summation_method, ("interpolation", "minoring", "majoring"))
        require("AUC", "num_thresholds", thresholds is not None or 1 < num_thresholds <= 1_000_000,
                "larger than 1 and at most a million", num_thresholds)
        require("AUC", "num_labels", not num_labels or multi_label, "None without multi_label=True", num_labels)
        inner = (sorted(thresholds) if thresholds is not None
                 else [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)])
        self.curve = one_of("AUC", "curve", str(curve).upper(), ("ROC", "PR"))
        self.init_thresholds, self.summation_method = thresholds, summation_method
        self.thresholds = [-epsilon(), *inner, 1.0 + epsilon()]
        self.num_thresholds, self.multi_label, self.num_labels = len(self.thresholds), multi_label, num_labels
        self.levels = constant(self.thresholds, self.dtype)
        self.label_weights = None if label_weights is None else constant(label_weights, self.dtype)
        self.from_logits, self.true_positives = from_logits, None
        if not multi_label or num_labels:
            self.build(num_labels)

    def build(self, labels):
        shape = (self.num_thresholds, labels) if self.multi_label else (self.num_thresholds,)
        for count in COUNTS:
            setattr(self, count, self.add_variable(shape, name=count))

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred, weights = prepared(y_true, y_pred, sample_weight, None, None)
        if self.true_positives is None:
            self.build(y_pred.shape[1])
        y_pred = ops.sigmoid(y_pred) if self.from_logits else y_pred
        found = confusion(y_true, y_pred, self.levels, weights, self.multi_label,
                          None if self.multi_label else self.label_weights)
        for count in COUNTS:
            getattr(self, count).assign_add(found[count])

    def result(self):
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self.over_labels(self.interpolated_precision_recall())
        recall = ops.divide_no_nan(self.true_positives, self.true_positives + self.false_negatives)
        if self.curve == "ROC":
            x, y = ops.divide_no_nan(self.false_positives, self.false_positives + self.true_negatives), recall
        else:
            x, y = recall, ops.divide_no_nan(self.true_positives, self.true_positives + self.false_positives)
        heights = {"interpolation": lambda a, b: (a + b) / 2.0, "minoring": ops.minimum,
                   "majoring": ops.maximum}[self.summation_method](y[:-1], y[1:])
        return self.over_labels((x[:-1] - x[1:]) * heights)

    def interpolated_precision_recall(self):
        """The area of each piece when the counts, not the precision, are interpolated."""
        tp, predicted = self.true_positives, self.true_positives + self.false_positives
        dtp, here, there = tp[:-1] - tp[1:], predicted[:-1], predicted[1:]
        slope = ops.divide_no_nan(dtp, ops.maximum(here - there, 0.0))
        both = ops.logical_and(here > 0.0, there > 0.0)
        ratio = ops.where(both, ops.divide_no_nan(here, ops.maximum(there, 0.0)), 1.0)
        area = slope * (dtp + (tp[1:] - slope * there) * ops.log(ratio))
        return ops.divide_no_nan(area, ops.maximum(tp[1:] + self.false_negatives[1:], 0.0))

    def over_labels(self, pieces):
        areas = ops.sum(pieces, 0)
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return ops.mean(areas)
        return ops.divide_no_nan(ops.sum(areas * self.label_weights), ops.sum(self.label_weights))

    def get_config(self) -> dict:
        own = {} if self.init_thresholds is None else {"thresholds": list(self.init_thresholds)}
        weights = None if self.label_weights is None else self.label_weights.tolist()
        config = super().get_config() | {"label_weights": weights}
        del config["thresholds"]
        return config | own
