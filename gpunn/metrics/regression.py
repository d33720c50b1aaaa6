"""Losses as metrics, and what measures regression."""
from .. import losses, ops
from .._names import one_of, require
from ..losses import functions as f
from ..losses.functions import aligned
from .metric import Mean, Metric, named


def cosine_similarity(y_true, y_pred, axis=-1):
    """The cosine of the angle between the two."""
    return -losses.cosine_similarity(y_true, y_pred, axis)


def centered(y_true, y_pred, axis):
    """Both without their means, and the means."""
    y_true, y_pred = aligned(y_true, y_pred)
    means = [ops.mean(y, axis, keepdims=True) for y in (y_true, y_pred)]
    return y_true - means[0], y_pred - means[1], *means


def pearson_correlation(y_true, y_pred, axis=-1):
    """The correlation of the two: 1 is a straight line upwards."""
    a, b, _, _ = centered(y_true, y_pred, axis)
    return ops.mean((a / ops.std(a, axis, keepdims=True)) * (b / ops.std(b, axis, keepdims=True)), axis)


def concordance_correlation(y_true, y_pred, axis=-1):
    """The correlation of the two around the line y_pred = y_true: 1 is the same."""
    a, b, mean_a, mean_b = centered(y_true, y_pred, axis)
    spread = ops.var(a, axis, keepdims=True) + ops.var(b, axis, keepdims=True) + ops.square(mean_a - mean_b)
    return ops.mean(2.0 * a * b / (spread + 1e-7), axis)


MeanSquaredError = named("MeanSquaredError", f.mean_squared_error)
MeanAbsoluteError = named("MeanAbsoluteError", f.mean_absolute_error)
MeanAbsolutePercentageError = named("MeanAbsolutePercentageError", f.mean_absolute_percentage_error)
MeanSquaredLogarithmicError = named("MeanSquaredLogarithmicError", f.mean_squared_logarithmic_error)
Hinge = named("Hinge", f.hinge)
SquaredHinge = named("SquaredHinge", f.squared_hinge)
CategoricalHinge = named("CategoricalHinge", f.categorical_hinge)
KLDivergence = named("KLDivergence", f.kl_divergence)
Poisson = named("Poisson", f.poisson)
LogCoshError = named("LogCoshError", f.log_cosh, name="logcosh")
BinaryCrossentropy = named("BinaryCrossentropy", f.binary_crossentropy, "down",
                           "name dtype from_logits label_smoothing", label_smoothing=0)
CategoricalCrossentropy = named("CategoricalCrossentropy", f.categorical_crossentropy, label_smoothing=0)
SparseCategoricalCrossentropy = named("SparseCategoricalCrossentropy", f.sparse_categorical_crossentropy)
CosineSimilarity = named("CosineSimilarity", cosine_similarity, "up")
PearsonCorrelation = named("PearsonCorrelation", pearson_correlation, "up")
ConcordanceCorrelation = named("ConcordanceCorrelation", concordance_correlation, "up")


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
    _direction = "up"

    def __init__(self, class_aggregation="uniform_average", num_regressors=0, name="r2_score", dtype=None):
        super().__init__(dtype, name)
        one_of("R2Score", "class_aggregation", class_aggregation,
               (None, "uniform_average", "variance_weighted_average"))
        require("R2Score", "num_regressors", num_regressors >= 0, "0 or more", num_regressors)
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_variable((), name="num_samples")
        self.sums = None

    def build(self, outputs: int):
        self.squares, self.sums, self.residual, self.count = (
            self.add_variable((outputs,), name=name) for name in ("squared_sum", "sum", "residual", "count"))

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = aligned(y_true, y_pred)
        require("R2Score", "predictions", y_pred.ndim == 2, "of shape (n, outputs)", y_pred.shape)
        if self.sums is None:
            self.build(y_pred.shape[1])
        w = ops.convert_to_tensor(1.0 if sample_weight is None else sample_weight, y_true.dtype)
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
