"""Metrics: variables on the device, updated by each batch, read when someone looks."""

from .. import _objects, losses
from .._names import snake_case
from ..losses import (binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy,
                      categorical_focal_crossentropy, categorical_hinge, hinge, huber, kl_divergence, log_cosh,
                      mean_absolute_error, mean_absolute_percentage_error, mean_squared_error,
                      mean_squared_logarithmic_error, poisson, sparse_categorical_crossentropy, squared_hinge)
from ..losses.loss import by_labels
from .accuracy import (Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy,
                       SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy, accuracy, binary_accuracy,
                       categorical_accuracy, sparse_categorical_accuracy,
                       sparse_top_k_categorical_accuracy, top_k_categorical_accuracy)
from .auc import AUC
from .confusion import (F1Score, FalseNegatives, FalsePositives, FBetaScore, Precision, PrecisionAtRecall, Recall,
                        RecallAtPrecision, SensitivityAtSpecificity, SpecificityAtSensitivity, TrueNegatives,
                        TruePositives)
from .metric import Mean, MeanMetricWrapper, Metric, Sum
from .overlap import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from .regression import (BinaryCrossentropy, CategoricalCrossentropy, CategoricalHinge, ConcordanceCorrelation,
                         CosineSimilarity, Hinge, KLDivergence, LogCoshError, MeanAbsoluteError,
                         MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError,
                         PearsonCorrelation, Poisson, R2Score, RootMeanSquaredError, SparseCategoricalCrossentropy,
                         SquaredHinge, concordance_correlation, cosine_similarity, pearson_correlation)

CLASSES = {name: c for name, c in globals().items()
           if isinstance(c, type) and issubclass(c, Metric) and c is not Metric}
FUNCTIONS = losses.FUNCTIONS | {f.__name__: f for f in (
    accuracy, binary_accuracy, categorical_accuracy, concordance_correlation, cosine_similarity, pearson_correlation,
    sparse_categorical_accuracy, sparse_top_k_categorical_accuracy, top_k_categorical_accuracy)}
BY_FUNCTION = {c.function: c for c in CLASSES.values() if getattr(c, "function", None) is not None}
KNOWN = {snake_case(name): c for name, c in CLASSES.items()} | FUNCTIONS | losses.ALIASES | CLASSES
KNOWN |= {"acc": accuracy, "cosine_proximity": cosine_similarity, "rmse": RootMeanSquaredError}
find, deserialize = _objects.lookups("metric", KNOWN)
get_function, _ = _objects.lookups("metric function", FUNCTIONS)
serialize = _objects.serialize


def get(identifier):
    """None, a name, a config, a class or a ready object -> the object; the name of a function -> its metric."""
    found = find(identifier)
    return BY_FUNCTION[found]() if isinstance(identifier, str) and found in BY_FUNCTION else found


def as_metric(identifier, shapes=None) -> Metric:
    """Anything that names or is a metric, as an object that keeps a state, named as it was called.

    `shapes` of labels and predictions say which accuracy "accuracy" and "acc" stand for.
    """
    if shapes is not None and identifier in ("accuracy", "acc"):
        return by_labels(*shapes, BinaryAccuracy, SparseCategoricalAccuracy, CategoricalAccuracy)(name=identifier)
    found = find(identifier)
    if isinstance(found, Metric):
        if isinstance(identifier, str):
            found.name = identifier
        return found
    name = identifier if isinstance(identifier, str) else getattr(found, "name", None)
    function = found.call if isinstance(found, losses.Loss) else found
    metric = BY_FUNCTION[function]() if function in BY_FUNCTION else MeanMetricWrapper(function)
    metric.name = name or metric.name
    return metric
