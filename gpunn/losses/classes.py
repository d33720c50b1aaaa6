"""The losses as objects, with a reduction and options."""
from inspect import signature

from .. import _objects
from .._names import snake_case
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


def _named(name: str, order: str = "", /, **defaults) -> type:
    """The class of the function with this name. Its arguments: the function's options, reduction, name, dtype, if not
    in another order; their defaults: those of the function, but for those given here."""
    function = getattr(f, snake_case(name))
    options = {p.name: p.default for p in list(signature(function).parameters.values())[2:]}
    known = {**options, "reduction": MEAN, "name": function.__name__, "dtype": None, **defaults}
    start = _objects.constructor(_Named.__init__, {n: known[n] for n in order.split() or known})
    return type(name, (_Named,), {"function": staticmethod(function), "__doc__": function.__doc__, "__init__": start})


MeanSquaredError, MeanAbsoluteError = _named("MeanSquaredError"), _named("MeanAbsoluteError")
MeanAbsolutePercentageError = _named("MeanAbsolutePercentageError")
MeanSquaredLogarithmicError, LogCosh = _named("MeanSquaredLogarithmicError"), _named("LogCosh")
Hinge, SquaredHinge, CategoricalHinge = map(_named, ("Hinge", "SquaredHinge", "CategoricalHinge"))
KLDivergence, Poisson, CosineSimilarity = map(_named, ("KLDivergence", "Poisson", "CosineSimilarity"))
BinaryCrossentropy, BinaryFocalCrossentropy = map(_named, ("BinaryCrossentropy", "BinaryFocalCrossentropy"))
CategoricalCrossentropy = _named("CategoricalCrossentropy")
CategoricalFocalCrossentropy = _named("CategoricalFocalCrossentropy")
CategoricalGeneralizedCrossEntropy = _named("CategoricalGeneralizedCrossEntropy", q=0.5)
SparseCategoricalCrossentropy = _named("SparseCategoricalCrossentropy",
                                       "from_logits ignore_class reduction axis name dtype")
SparseCategoricalCrossentropy._mean = lambda self, y_true, y_pred: (
    f.mean_of_logits(y_true, y_pred) if type(self).call is LossFunctionWrapper.call and self.options == USUAL else None)
Huber, Dice = _named("Huber", name="huber_loss"), _named("Dice", "reduction name axis dtype")
Tversky = _named("Tversky", "alpha beta reduction name axis dtype")
