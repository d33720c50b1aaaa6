"""Counts of right and wrong positives and negatives, and what is computed from them."""
from inspect import Parameter

import numpy as np

from .. import _objects, ops
from .._config import epsilon
from .._names import one_of, require, snake_case
from ..backend import constant
from ..losses.functions import tensors
from ..losses.loss import same_rank
from .metric import Metric

NEVER = -1e10                       # below every prediction: with top_k, what is not among the k
COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


def threshold_list(who, thresholds, default) -> list:
    """Thresholds as a list, each in [0, 1]."""
    if thresholds is None:
        return [default]
    found = list(thresholds) if isinstance(thresholds, list | tuple | np.ndarray) else [thresholds]
    require(who, "thresholds", all(t is not None and 0 <= t <= 1 for t in found), "in [0, 1]", found)
    return found


def prepared(y_true, y_pred, sample_weight, top_k, class_id):
    """Labels, predictions and weights of one rank."""
    y_true, y_pred = tensors(y_true, y_pred)
    y_pred, y_true = same_rank(y_pred, y_true)
    if sample_weight is not None:
        sample_weight = ops.expand_dims(ops.convert_to_tensor(sample_weight, y_pred.dtype), -1)
        sample_weight = same_rank(y_true, sample_weight, expand=False)[1]
    if top_k is not None:
        classes = y_pred.shape[-1]
        best = ops.multi_hot(ops.top_k(ops.reshape(y_pred, (-1, classes)), top_k)[1], classes)
        y_pred = ops.where(ops.reshape(best > 0.5, y_pred.shape), y_pred, NEVER)
    if class_id is not None:
        require(f"class_id={class_id}", "predictions", y_pred.ndim > 1, "of shape (n, classes)", y_pred.shape)
        y_true, y_pred = (ops.expand_dims(y[..., class_id], -1) for y in (y_true, y_pred))
    return y_true, y_pred, sample_weight


def confusion(y_true, y_pred, thresholds, sample_weight=None, multi_label=False, label_weights=None) -> dict:
    """The four counts at each threshold: (thresholds,), or (thresholds, labels) for several labels."""
    weights = ops.ones_like(y_pred) if sample_weight is None else ops.broadcast_to(sample_weight, y_pred.shape)
    if label_weights is not None:
        weights = weights * ops.expand_dims(label_weights, 0)
    y_true = ops.cast(ops.not_equal(y_true, 0.0), y_pred.dtype)
    if not multi_label:
        y_true, y_pred, weights = (ops.ravel(v) for v in (y_true, y_pred, weights))
    levels = ops.reshape(thresholds, (-1, *(1,) * y_pred.ndim))
    above = ops.cast(ops.greater(ops.expand_dims(y_pred, 0), levels), y_pred.dtype)
    below, positive, negative = 1.0 - above, y_true * weights, (1.0 - y_true) * weights
    return {"true_positives": ops.sum(above * positive, 1), "false_positives": ops.sum(above * negative, 1),
            "true_negatives": ops.sum(below * negative, 1), "false_negatives": ops.sum(below * positive, 1)}


class _Counting(Metric):
    """Some of the four counts, at one threshold or several."""
    counts, variable = (), None

    def __init__(self, thresholds=None, top_k=None, class_id=None, name=None, dtype=None):
        super().__init__(dtype, name)
        self.init_thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        self.thresholds = threshold_list(type(self).__name__, thresholds, 0.5 if top_k is None else NEVER)
        self.levels = constant(self.thresholds, self.dtype)
        for count in self.counts:
            setattr(self, count, self.add_variable((len(self.thresholds),), name=self.variable or count))

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred, weights = prepared(y_true, y_pred, sample_weight, self.top_k, self.class_id)
        found = confusion(y_true, y_pred, self.levels, weights)
        for count in self.counts:
            getattr(self, count).assign_add(found[count])

    def one_or_all(self, values):
        """A single number where there is a single threshold."""
        return values[0] if len(self.thresholds) == 1 else values

    def get_config(self) -> dict:
        return super().get_config() | {"thresholds": self.init_thresholds}


class _Count(_Counting):
    """One of the four counts."""
    variable = "accumulator"

    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(thresholds, name=name, dtype=dtype)

    def result(self):
        return self.one_or_all(ops.copy(getattr(self, self.counts[0])))


def _count(name: str, meaning: str) -> type:
    return type(name, (_Count,), {"counts": (snake_case(name),), "__doc__": meaning})


TruePositives = _count("TruePositives", "How many positives were found.")
FalsePositives = _count("FalsePositives", "How many negatives were taken for positives.")
TrueNegatives = _count("TrueNegatives", "How many negatives were left alone.")
FalseNegatives = _count("FalseNegatives", "How many positives were missed.")


class _Rate(_Counting):
    """The share of the first of two counts in both."""
    _direction = "up"

    def result(self):
        return self.one_or_all(share(self, *self.counts))


class Precision(_Rate):
    """The share of the predicted positives that are positive."""
    counts = ("true_positives", "false_positives")


class Recall(_Rate):
    """The share of the positives that were found."""
    counts = ("true_positives", "false_negatives")


def share(metric, right: str, wrong: str):
    right, wrong = getattr(metric, right), getattr(metric, wrong)
    return ops.divide_no_nan(right, right + wrong)


RATES = {"precision": Precision.counts, "recall": Recall.counts, "sensitivity": Recall.counts,
         "specificity": ("true_negatives", "false_positives")}


class _RateAtRate(_Counting):
    """The best of one rate over the thresholds at which another one is large enough."""
    counts, _direction, wanted, given = COUNTS, "up", "", ""

    def _start(self, num_thresholds, class_id, name, dtype, **given):
        require(type(self).__name__, self.given, 0 <= given[self.given] <= 1, "in [0, 1]", given[self.given])
        require(type(self).__name__, "num_thresholds", num_thresholds >= 1, "1 or more", num_thresholds)
        levels = [i / (num_thresholds - 1) for i in range(num_thresholds)] if num_thresholds > 1 else [0.5]
        _Counting.__init__(self, levels, None, class_id, name, dtype)
        self.levels = constant([-epsilon(), *levels[1:]] if num_thresholds > 1 else levels, self.dtype)
        vars(self).update(given, num_thresholds=num_thresholds)

    def result(self):
        enough = share(self, *RATES[self.given]) >= getattr(self, self.given)
        return ops.max(ops.where(enough, share(self, *RATES[self.wanted]), 0.0))

    def get_config(self) -> dict:
        return {name: value for name, value in super().get_config().items() if name != "thresholds"}


def _rate_at(wanted: str, given: str) -> type:
    start = _objects.constructor(_RateAtRate._start, {given: Parameter.empty, "num_thresholds": 200, "class_id": None,
                                                      "name": None, "dtype": None})
    return type(f"{wanted.title()}At{given.title()}", (_RateAtRate,), {
        "wanted": wanted, "given": given, "__init__": start,
        "__doc__": f"The best {wanted} over the thresholds whose {given} is at least the given one."})


SensitivityAtSpecificity = _rate_at("sensitivity", "specificity")
SpecificityAtSensitivity = _rate_at("specificity", "sensitivity")
PrecisionAtRecall = _rate_at("precision", "recall")
RecallAtPrecision = _rate_at("recall", "precision")


class FBetaScore(Metric):
    """The weighted harmonic mean of precision and recall, for each class or averaged."""
    _direction = "up"

    def __init__(self, average=None, beta=1.0, threshold=None, name="fbeta_score", dtype=None):
        super().__init__(dtype, name)
        who = type(self).__name__
        one_of(who, "average", average, (None, "micro", "macro", "weighted"))
        require(who, "beta", isinstance(beta, float) and beta > 0, "a float > 0", beta)
        right = threshold is None or isinstance(threshold, float) and 0 < threshold <= 1
        require(who, "threshold", right, "a float in (0, 1]", threshold)
        self.average, self.beta, self.threshold, self.support = average, beta, threshold, None

    def build(self, classes: int):
        shape = () if self.average == "micro" else (classes,)
        self.hits, self.wrong, self.missed, self.support = (
            self.add_variable(shape, name=name)
            for name in ("true_positives", "false_positives", "false_negatives", "intermediate_weights"))

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = tensors(y_true, y_pred)
        require(type(self).__name__, "labels and predictions", y_true.ndim == y_pred.ndim == 2, "of shape (n, classes)",
                (y_true.shape, y_pred.shape))
        if self.support is None:
            self.build(y_pred.shape[1])
        if self.threshold is None:
            chosen = ops.logical_and(y_pred >= ops.max(y_pred, -1, keepdims=True), ops.abs(y_pred) > 1e-9)
        else:
            chosen = y_pred > self.threshold
        y_pred = ops.cast(chosen, y_true.dtype)
        weight = None if sample_weight is None else ops.expand_dims(ops.convert_to_tensor(sample_weight, self.dtype), 1)
        axis = None if self.average == "micro" else 0
        for count, value in ((self.hits, y_pred * y_true), (self.wrong, y_pred * (1.0 - y_true)),
                             (self.missed, (1.0 - y_pred) * y_true), (self.support, y_true)):
            count.assign_add(ops.sum(value if weight is None else value * weight, axis))

    def result(self):
        precision = self.hits / (self.hits + self.wrong + epsilon())
        recall = self.hits / (self.hits + self.missed + epsilon())
        square = self.beta ** 2
        score = precision * recall / (square * precision + recall + epsilon()) * (1.0 + square)
        if self.average == "weighted":
            return ops.sum(score * (self.support / (ops.sum(self.support) + epsilon())))
        return score if self.average is None else ops.mean(score)


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall, for each class or averaged."""
    def __init__(self, average=None, threshold=None, name="f1_score", dtype=None):
        super().__init__(average, 1.0, threshold, name, dtype)
