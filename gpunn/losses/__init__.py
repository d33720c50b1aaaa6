"""Losses: functions with one value a sample, and objects that weigh and reduce them."""
from .. import _objects
from . import functions
from .classes import (BinaryCrossentropy, BinaryFocalCrossentropy, CategoricalCrossentropy,
                      CategoricalFocalCrossentropy, CategoricalGeneralizedCrossEntropy, CategoricalHinge,
                      CosineSimilarity, Dice, Hinge, Huber, KLDivergence, LogCosh, LossFunctionWrapper,
                      MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError,
                      Poisson, SparseCategoricalCrossentropy, SquaredHinge, Tversky)
from .functions import (binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy,
                        categorical_focal_crossentropy, categorical_generalized_cross_entropy, categorical_hinge,
                        cosine_similarity, dice, hinge, huber, kl_divergence, log_cosh, mean_absolute_error,
                        mean_absolute_percentage_error, mean_squared_error, mean_squared_logarithmic_error, poisson,
                        sparse_categorical_crossentropy, squared_hinge, tversky)
from .loss import Loss, by_labels

CLASSES = {name: c for name, c in globals().items() if isinstance(c, type) and issubclass(c, LossFunctionWrapper)}
FUNCTIONS = {name: f for name, f in globals().items() if getattr(f, "__module__", None) == functions.__name__}
ALIASES = {"bce": binary_crossentropy, "cosine_proximity": cosine_similarity, "huber_loss": huber, "kld": kl_divergence,
           "kullback_leibler_divergence": kl_divergence, "logcosh": log_cosh, "mae": mean_absolute_error,
           "mape": mean_absolute_percentage_error, "mse": mean_squared_error, "msle": mean_squared_logarithmic_error}
ALIASES |= {name.upper(): f for name, f in ALIASES.items() if len(name) <= 4}
KNOWN = CLASSES | FUNCTIONS | ALIASES
get, deserialize = _objects.lookups("loss", KNOWN)
serialize = _objects.serialize


def as_loss(identifier, shapes=None) -> Loss:
    """Anything that names or is a loss, as an object that weighs and reduces.

    `shapes` of labels and predictions say which cross-entropy "crossentropy" and "ce" stand for.
    """
    if shapes is not None and identifier in ("crossentropy", "ce"):
        return by_labels(*shapes, BinaryCrossentropy, SparseCategoricalCrossentropy, CategoricalCrossentropy)()
    found = get(identifier)
    return found if isinstance(found, Loss) else LossFunctionWrapper(found)
