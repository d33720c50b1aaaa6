"""A metric is a few variables on the device, updated in place, and a result computed from them."""
from inspect import signature

from .. import _objects, initializers, losses, ops
from .._config import floatx
from .._names import auto_name
from ..backend import kernels_of, rng
from ..losses.loss import masked, same_rank
from ..tensor import Tensor, Variable, no_grad


class Metric(_objects.Configured):
    """Subclasses add variables in `__init__`, change them in `update_state`, compute `result` from them."""
    _direction = None                   # "up": larger is better, "down": smaller is better

    def __init__(self, dtype=None, name=None):
        self.name, self.dtype = name or auto_name(type(self)), dtype or floatx()
        self._variables = []

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "update_state" in vars(cls):
            cls.update_state = no_grad()(cls.update_state)

    def add_variable(self, shape, initializer="zeros", dtype=None, aggregation="sum", name=None) -> Variable:
        """A piece of state; how copies on several devices are joined is said by `aggregation`."""
        initializers.claim(self.name, shape)
        value = initializers.get(initializer or "zeros")(tuple(shape), dtype or self.dtype)
        variable = Variable(value, name=name, trainable=False)
        variable.path = f"{self.name}/{variable.name}"
        self._variables.append(variable)
        return variable

    def add_weight(self, shape=(), initializer="zeros", dtype=None, name=None) -> Variable:
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list:
        """The state, with that of metrics held as attributes."""
        rng.settle()
        return self._variables + [v for m in vars(self).values() if isinstance(m, Metric) for v in m.variables]

    def update_state(self, *args, **kwargs):
        raise NotImplementedError(f"{type(self).__name__} must implement "
                                  "update_state(y_true, y_pred, sample_weight=None)")

    def result(self):
        raise NotImplementedError(f"{type(self).__name__} must implement result()")

    def reset_state(self):
        """As if nothing had been seen."""
        for v in self.variables:
            kernels_of(v.data).fill(0, v.data)

    def stateless_update_state(self, metric_variables, *args, **kwargs) -> list:
        """The state after an update of this state; the metric keeps its own."""
        return self._after(metric_variables, lambda: self.update_state(*args, **kwargs))

    def stateless_result(self, metric_variables):
        return _objects.with_values(self.variables, metric_variables, self.result)[0]

    def stateless_reset_state(self) -> list:
        return self._after(self.variables, self.reset_state)

    def _after(self, values, f) -> list:
        return list(map(Tensor, _objects.with_values(self.variables, values, f)[1]))

    def __call__(self, *args, **kwargs):
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict:
        return {"name": self.name, "dtype": self.dtype, **super().get_config()}

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}>"


def samplewise(values, sample_weight, reduce, dtype):
    """One value and one weight a sample: (n, ...) -> (n,), (n,) or None."""
    mask, values = getattr(values, "mask", None), ops.cast(values, dtype)
    if sample_weight is not None:
        weights = ops.convert_to_tensor(sample_weight, dtype)
        if mask is not None:
            weights = masked(weights, ops.cast(mask, dtype), "sum")
        values, weights = same_rank(values, weights)
        rank = len(weights.shape)
        if values.ndim > rank:
            values = reduce(values, tuple(range(rank, values.ndim)))
        weights = ops.broadcast_to(weights, values.shape)
        values = ops.multiply(values, weights)
        sample_weight = reduce(weights, tuple(range(1, rank))) if rank > 1 else weights
    if values.ndim > 1:
        values = reduce(values, tuple(range(1, values.ndim)))
    return values, sample_weight


class Sum(Metric):
    """The (weighted) sum of all values."""

    def __init__(self, name="sum", dtype=None):
        super().__init__(dtype, name)
        self.total = self.add_variable((), name="total")

    def update_state(self, values, sample_weight=None):
        values, _ = samplewise(ops.convert_to_tensor(values), sample_weight, ops.sum, self.dtype)
        self.total.assign_add(ops.sum(values))

    def result(self):
        return ops.copy(self.total)


class Mean(Metric):
    """The (weighted) mean of all values."""

    def __init__(self, name="mean", dtype=None):
        super().__init__(dtype, name)
        self.total = self.add_variable((), name="total")
        self.count = self.add_variable((), name="count")

    def update_state(self, values, sample_weight=None):
        values, weights = samplewise(ops.convert_to_tensor(values), sample_weight, ops.mean, self.dtype)
        if weights is None:
            self.add(ops.sum(values), 1, None, values.shape[0] if values.ndim else 1)
        else:
            self.add(ops.sum(values), 1, ops.sum(weights), 1)

    def add(self, total, times, count, number):
        """total += times * total, count += number * count (None: 1), by the end of the step"""
        rng.later(self.total.data, times, total.data)
        rng.later(self.count.data, number, None if count is None else count.data)

    def result(self):
        rng.settle()
        return ops.divide_no_nan(self.total, self.count)


class MeanMetricWrapper(Mean):
    """The mean of a function of (y_true, y_pred, **options)."""

    def __init__(self, fn, name=None, dtype=None, **kwargs):
        super().__init__(name or getattr(fn, "__name__", None), dtype)
        self.fn, self.options = fn, kwargs
        if getattr(fn, "__name__", None) in losses.FUNCTIONS:
            self._direction = "down"

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        values = self.fn(y_true, y_pred, **self.options)
        if y_pred.mask is not None:
            weights = None if sample_weight is None else ops.convert_to_tensor(sample_weight, self.dtype)
            sample_weight = masked(weights, ops.cast(y_pred.mask, self.dtype), "sum")
        super().update_state(values, sample_weight)

    def get_config(self) -> dict:
        return super().get_config() | {"fn": _objects.serialize(self.fn)} | self.options

    @classmethod
    def from_config(cls, config: dict) -> "Metric":
        from . import get_function
        return cls(**({**config, "fn": get_function(config["fn"])} if "fn" in config else config))


class Named(MeanMetricWrapper):
    """A metric of the library: its function is known by its class."""
    function = None

    def __init__(self, name, dtype, **options):
        super().__init__(self.function, name or self.function.__name__, dtype, **options)

    def get_config(self) -> dict:
        return Metric.get_config(self) | self.options


def named(name: str, function, direction: str = "down", order: str = "", /, **defaults) -> type:
    """The class of a function. Its arguments: name, dtype and the function's options, if not in another order or only
    some of them; their defaults: those of the function, but for those given here."""
    options = {p.name: p.default for p in list(signature(function).parameters.values())[2:]}
    known = {"name": function.__name__, "dtype": None, **options, **defaults}
    start = _objects.constructor(Named.__init__, {n: known[n] for n in order.split() or known})
    return type(name, (Named,), {"function": staticmethod(function), "_direction": direction, "__init__": start,
                                 "__doc__": f"The mean of {function.__name__}: {function.__doc__}"})
