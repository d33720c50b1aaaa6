"""The losses as objects, with a reduction and options."""
from .. import _objects
from . import functions as f
from .loss import Loss, same_rank

MEAN = "sum_over_batch_size"


class LossFunctionWrapper(Loss):
    """A function of (y_true, y_pred, **options) as a loss."""

    def __init__(self, fn, reduction=MEAN, name=None, dtype=None, **kwargs):
        super().__init__(name or getattr(fn, "__name__", None), reduction, dtype)
        self.fn, self.options = fn, kwargs

    def call(self, y_true, y_pred):
        return self.fn(*same_rank(y_true, y_pred), **self.options)

    def get_config(self) -> dict:
        return super().get_config() | {"fn": _objects.serialize(self.fn)} | self.options

    @classmethod
    def from_config(cls, config: dict) -> "Loss":
        from . import get
        return cls(**{**config, "fn": get(config["fn"])} if "fn" in config else config)


class _Named(LossFunctionWrapper):
    """A loss of the library: its function is known by its class."""
    function = None

    def __init__(self, reduction=MEAN, name=None, dtype=None, **options):
        super().__init__(type(self).function, reduction, name or self.function.__name__, dtype, **options)

    def get_config(self) -> dict:
        return Loss.get_config(self) | self.options


class _Plain(_Named):
    """A loss without options."""

    def __init__(self, reduction=MEAN, name=None, dtype=None):
        super().__init__(reduction, name, dtype)


def _plain(name: str, function) -> type:
    """The class of a function without options."""
    return type(name, (_Plain,), {"function": staticmethod(function), "__doc__": function.__doc__})


MeanSquaredError = _plain("MeanSquaredError", f.mean_squared_error)
MeanAbsoluteError = _plain("MeanAbsoluteError", f.mean_absolute_error)
MeanAbsolutePercentageError = _plain("MeanAbsolutePercentageError", f.mean_absolute_percentage_error)
MeanSquaredLogarithmicError = _plain("MeanSquaredLogarithmicError", f.mean_squared_logarithmic_error)
LogCosh = _plain("LogCosh", f.log_cosh)
Hinge = _plain("Hinge", f.hinge)
SquaredHinge = _plain("SquaredHinge", f.squared_hinge)
CategoricalHinge = _plain("CategoricalHinge", f.categorical_hinge)
KLDivergence = _plain("KLDivergence", f.kl_divergence)
Poisson = _plain("Poisson", f.poisson)


class CosineSimilarity(_Named):
    """Minus the cosine of the angle between the two: -1 is the same direction."""
    function = staticmethod(f.cosine_similarity)

    def __init__(self, axis=-1, reduction=MEAN, name="cosine_similarity", dtype=None):
        super().__init__(reduction, name, dtype, axis=axis)


class Huber(_Named):
    """Quadratic for errors up to delta, linear beyond; mean over the last axis."""
    function = staticmethod(f.huber)

    def __init__(self, delta=1.0, reduction=MEAN, name="huber_loss", dtype=None):
        super().__init__(reduction, name, dtype, delta=delta)


class BinaryCrossentropy(_Named):
    """-(y log(p) + (1 - y) log(1 - p)), mean over the last axis."""
    function = staticmethod(f.binary_crossentropy)

    def __init__(self, from_logits=False, label_smoothing=0.0, axis=-1, reduction=MEAN,
                 name="binary_crossentropy", dtype=None):
        super().__init__(reduction, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class BinaryFocalCrossentropy(_Named):
    """Binary cross-entropy in which samples that are already right count less: times (1 - p_t)**gamma."""
    function = staticmethod(f.binary_focal_crossentropy)

    def __init__(self, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0,
                 axis=-1, reduction=MEAN, name="binary_focal_crossentropy", dtype=None):
        super().__init__(reduction, name, dtype, apply_class_balancing=apply_class_balancing, alpha=alpha, gamma=gamma,
                         from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class CategoricalCrossentropy(_Named):
    """-sum(y log(p)), labels one-hot."""
    function = staticmethod(f.categorical_crossentropy)

    def __init__(self, from_logits=False, label_smoothing=0.0, axis=-1, reduction=MEAN,
                 name="categorical_crossentropy", dtype=None):
        super().__init__(reduction, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class CategoricalFocalCrossentropy(_Named):
    """Categorical cross-entropy times alpha (1 - p)**gamma: what is already right counts less."""
    function = staticmethod(f.categorical_focal_crossentropy)

    def __init__(self, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1, reduction=MEAN,
                 name="categorical_focal_crossentropy", dtype=None):
        super().__init__(reduction, name, dtype, alpha=alpha, gamma=gamma, from_logits=from_logits,
                         label_smoothing=label_smoothing, axis=axis)


class CategoricalGeneralizedCrossEntropy(_Named):
    """(1 - p[label]**q) / q: between cross-entropy (q -> 0) and absolute error (q = 1)."""
    function = staticmethod(f.categorical_generalized_cross_entropy)

    def __init__(self, q=0.5, reduction=MEAN, name="categorical_generalized_cross_entropy", dtype=None):
        super().__init__(reduction, name, dtype, q=q)


class SparseCategoricalCrossentropy(_Named):
    """-log(p[label]) for integer labels; labels equal to ignore_class do not count."""
    function = staticmethod(f.sparse_categorical_crossentropy)

    def __init__(self, from_logits=False, ignore_class=None, reduction=MEAN, axis=-1,
                 name="sparse_categorical_crossentropy", dtype=None):
        super().__init__(reduction, name, dtype, from_logits=from_logits, ignore_class=ignore_class, axis=axis)


class Dice(_Named):
    """1 - 2 |both| / (|labels| + |predictions|)"""
    function = staticmethod(f.dice)

    def __init__(self, reduction=MEAN, name="dice", axis=None, dtype=None):
        super().__init__(reduction, name, dtype, axis=axis)


class Tversky(_Named):
    """1 - |both| / (|both| + alpha |labels alone| + beta |predictions alone|)"""
    function = staticmethod(f.tversky)

    def __init__(self, alpha=0.5, beta=0.5, reduction=MEAN, name="tversky", axis=None, dtype=None):
        super().__init__(reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
