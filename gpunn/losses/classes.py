"""The losses as objects, with a reduction and options."""
from inspect import signature

from .. import _objects
from . import functions as f
from .loss import Loss, same_rank

MEAN = "sum_over_batch_size"
USUAL = {"from_logits": True, "ignore_class": None, "axis": -1}         # of sparse cross-entropy: it is one kernel


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

    def __init__(self, reduction, name, dtype, **options):
        super().__init__(self.function, reduction, name or self.function.__name__, dtype, **options)

    def get_config(self) -> dict:
        return Loss.get_config(self) | self.options


def _named(name: str, function, order: str = "", /, **defaults) -> type:
    """The class of a function. Its arguments: the function's options, reduction, name, dtype, if not in another order;
    their defaults: those of the function, but for those given here."""
    options = {p.name: p.default for p in list(signature(function).parameters.values())[2:]}
    known = {**options, "reduction": MEAN, "name": function.__name__, "dtype": None, **defaults}
    start = _objects.constructor(_Named.__init__, {n: known[n] for n in order.split() or known})
    return type(name, (_Named,), {"function": staticmethod(function), "__doc__": function.__doc__, "__init__": start})


MeanSquaredError = _named("MeanSquaredError", f.mean_squared_error)
MeanAbsoluteError = _named("MeanAbsoluteError", f.mean_absolute_error)
MeanAbsolutePercentageError = _named("MeanAbsolutePercentageError", f.mean_absolute_percentage_error)
MeanSquaredLogarithmicError = _named("MeanSquaredLogarithmicError", f.mean_squared_logarithmic_error)
LogCosh = _named("LogCosh", f.log_cosh)
Hinge = _named("Hinge", f.hinge)
SquaredHinge = _named("SquaredHinge", f.squared_hinge)
CategoricalHinge = _named("CategoricalHinge", f.categorical_hinge)
KLDivergence = _named("KLDivergence", f.kl_divergence)
Poisson = _named("Poisson", f.poisson)
CosineSimilarity = _named("CosineSimilarity", f.cosine_similarity)
Huber = _named("Huber", f.huber, name="huber_loss")
BinaryCrossentropy = _named("BinaryCrossentropy", f.binary_crossentropy)
BinaryFocalCrossentropy = _named("BinaryFocalCrossentropy", f.binary_focal_crossentropy)
CategoricalCrossentropy = _named("CategoricalCrossentropy", f.categorical_crossentropy)
CategoricalFocalCrossentropy = _named("CategoricalFocalCrossentropy", f.categorical_focal_crossentropy)
CategoricalGeneralizedCrossEntropy = _named("CategoricalGeneralizedCrossEntropy",
                                            f.categorical_generalized_cross_entropy, q=0.5)
SparseCategoricalCrossentropy = _named("SparseCategoricalCrossentropy", f.sparse_categorical_crossentropy,
                                       "from_logits ignore_class reduction axis name dtype")
SparseCategoricalCrossentropy._mean = lambda self, y_true, y_pred: (
    f.mean_of_logits(y_true, y_pred) if type(self).call is LossFunctionWrapper.call and self.options == USUAL else None)
Dice = _named("Dice", f.dice, "reduction name axis dtype")
Tversky = _named("Tversky", f.tversky, "alpha beta reduction name axis dtype")
