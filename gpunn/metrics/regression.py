"""Losses as metrics, and what measures regression."""
from .. import losses, ops
from ..losses import functions as f
from ..losses.functions import aligned
from .metric import Mean, Metric, Named


class _Error(Named):
    """The mean of a loss function without options; smaller is better."""
    _direction = "down"

    def __init__(self, name=None, dtype=None):
        super().__init__(name or self.function.__name__, dtype)


def _error(name: str, function, formula: str) -> type:
    return type(name, (_Error,), {"function": staticmethod(function), "__doc__": formula})


MeanSquaredError = _error("MeanSquaredError", f.mean_squared_error, "mean((y_true - y_pred)**2)")
MeanAbsoluteError = _error("MeanAbsoluteError", f.mean_absolute_error, "mean(|y_true - y_pred|)")
MeanAbsolutePercentageError = _error("MeanAbsolutePercentageError", f.mean_absolute_percentage_error,
                                     "100 mean(|y_true - y_pred| / |y_true|)")
MeanSquaredLogarithmicError = _error("MeanSquaredLogarithmicError", f.mean_squared_logarithmic_error,
                                     "mean((log(1 + y_true) - log(1 + y_pred))**2)")
Hinge = _error("Hinge", f.hinge, "mean(max(1 - y_true * y_pred, 0))")
SquaredHinge = _error("SquaredHinge", f.squared_hinge, "mean(max(1 - y_true * y_pred, 0)**2)")
CategoricalHinge = _error("CategoricalHinge", f.categorical_hinge, "max(largest wrong score - right score + 1, 0)")
KLDivergence = _error("KLDivergence", f.kl_divergence, "sum(y_true * log(y_true / y_pred))")
Poisson = _error("Poisson", f.poisson, "mean(y_pred - y_true * log(y_pred))")


class LogCoshError(Named):
    """mean(log(cosh(y_pred - y_true)))"""
    function, _direction = staticmethod(f.log_cosh), "down"

    def __init__(self, name="logcosh", dtype=None):
        super().__init__(name, dtype)


class BinaryCrossentropy(Named):
    """-(y log(p) + (1 - y) log(1 - p))"""
    function, _direction = staticmethod(f.binary_crossentropy), "down"

    def __init__(self, name="binary_crossentropy", dtype=None, from_logits=False, label_smoothing=0):
        super().__init__(name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


class CategoricalCrossentropy(Named):
    """-sum(y log(p)), labels one-hot."""
    function, _direction = staticmethod(f.categorical_crossentropy), "down"

    def __init__(self, name="categorical_crossentropy", dtype=None, from_logits=False, label_smoothing=0, axis=-1):
        super().__init__(name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class SparseCategoricalCrossentropy(Named):
    """-log(p[label]), integer labels."""
    function, _direction = staticmethod(f.sparse_categorical_crossentropy), "down"

    def __init__(self, name="sparse_categorical_crossentropy", dtype=None, from_logits=False,
                 ignore_class=None, axis=-1):
        super().__init__(name, dtype, from_logits=from_logits, ignore_class=ignore_class, axis=axis)


def cosine_similarity(y_true, y_pred, axis=-1):
    """The cosine of the angle between the two."""
    return -losses.cosine_similarity(y_true, y_pred, axis)


class CosineSimilarity(Named):
    """The cosine of the angle between labels and predictions."""
    function, _direction = staticmethod(cosine_similarity), "up"

    def __init__(self, name="cosine_similarity", dtype=None, axis=-1):
        super().__init__(name, dtype, axis=axis)


class RootMeanSquaredError(Mean):
    """sqrt(mean((y_true - y_pred)**2))"""
    _direction = "down"

    def __init__(self, name="root_mean_squared_error", dtype=None):
        super().__init__(name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = aligned(y_true, y_pred)
        super().update_state(ops.square(y_pred - y_true), sample_weight)

    def result(self):
        return ops.sqrt(super().result())


class R2Score(Metric):
    """1 - squared error / variance of the labels: 1 is perfect, 0 is as good as their mean."""
    _direction, _options = "up", ("class_aggregation", "num_regressors")

    def __init__(self, class_aggregation="uniform_average", num_regressors=0, name="r2_score", dtype=None):
        super().__init__(dtype, name)
        allowed = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in allowed:
            raise ValueError(f"R2Score: class_aggregation is one of {allowed}, got {class_aggregation!r}")
        if num_regressors < 0:
            raise ValueError(f"R2Score: num_regressors must be 0 or more, got {num_regressors}")
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_variable((), name="num_samples")
        self.sums = None

    def build(self, outputs: int):
        self.squares, self.sums, self.residual, self.count = (
            self.add_variable((outputs,), name=name) for name in ("squared_sum", "sum", "residual", "count"))

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = aligned(y_true, y_pred)
        if y_pred.ndim != 2:
            raise ValueError(f"R2Score: expected predictions of shape (n, outputs), got {y_pred.shape}")
        if self.sums is None:
            self.build(y_pred.shape[1])
        w = ops.cast(ops.convert_to_tensor(1.0 if sample_weight is None else sample_weight), y_true.dtype)
        w = ops.broadcast_to(ops.expand_dims(w, 1) if w.ndim == 1 else w, y_true.shape)
        self.sums.assign_add(ops.sum(y_true * w, 0))
        self.squares.assign_add(ops.sum(y_true * y_true * w, 0))
        self.residual.assign_add(ops.sum(ops.square(y_true - y_pred) * w, 0))
        self.count.assign_add(ops.sum(w, 0))
        self.num_samples.assign_add(y_true.size)

    def result(self):
        total = self.squares - self.sums * (self.sums / self.count)
        scores = 1.0 - self.residual / total
        scores = ops.where(ops.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = ops.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = ops.sum(total * scores) / ops.sum(total)
        if not self.num_regressors:
            return scores
        free = self.num_samples - 1.0 - self.num_regressors
        return ops.where(free > 0.0, 1.0 - (1.0 - scores) * (self.num_samples - 1.0) / free, scores)
