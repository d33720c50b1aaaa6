"""Learning rates that change with the step. A schedule runs on the host before each step: any Python will do."""
import math

from .. import _objects
from .._names import refuse_unknown


class LearningRateSchedule(_objects.Configured):
    """Subclass and define `__call__(step) -> rate`."""

    def __call__(self, step):
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, step)")

    def get_config(self) -> dict:
        raise NotImplementedError(f"{type(self).__name__} must define get_config(self)")


class _Declared(LearningRateSchedule):
    """A schedule whose arguments are its fields, in the order of `fields`."""
    fields: tuple = ()
    defaults: dict = {}

    def __init__(self, *args, **options):
        refuse_unknown(type(self).__name__, {k: v for k, v in options.items() if k not in self.fields}, self.fields)
        values = {**self.defaults, **dict(zip(self.fields, args, strict=False)), **options}
        missing = [f for f in self.fields if f not in values]
        if missing or len(args) > len(self.fields):
            raise TypeError(f"{type(self).__name__}: expected the arguments {', '.join(self.fields)}; "
                            f"missing {missing}")
        self.__dict__.update(values)
        self.name = values.get("name") or type(self).__name__

    def get_config(self) -> dict:
        return {f: getattr(self, f) for f in self.fields}


class ExponentialDecay(_Declared):
    """initial * rate ** (step / steps)"""
    fields = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")
    defaults = {"staircase": False, "name": "ExponentialDecay"}

    def __call__(self, step):
        p = step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (math.floor(p) if self.staircase else p)


class InverseTimeDecay(_Declared):
    """initial / (1 + rate * step / steps)"""
    fields = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")
    defaults = {"staircase": False, "name": "InverseTimeDecay"}

    def __call__(self, step):
        p = step / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * (math.floor(p) if self.staircase else p))


class PiecewiseConstantDecay(_Declared):
    """values[i] up to and including step boundaries[i]"""
    fields = ("boundaries", "values", "name")
    defaults = {"name": "PiecewiseConstant"}

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        if len(self.boundaries) != len(self.values) - 1:
            raise ValueError(f"PiecewiseConstantDecay: expected one more value than boundaries, "
                             f"got {len(self.values)} values and {len(self.boundaries)} boundaries")

    def __call__(self, step):
        return self.values[sum(step > b for b in self.boundaries)]


class PolynomialDecay(_Declared):
    """(initial - end) * (1 - step / steps) ** power + end"""
    fields = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name")
    defaults = {"end_learning_rate": 0.0001, "power": 1.0, "cycle": False, "name": "PolynomialDecay"}

    def __call__(self, step):
        steps = self.decay_steps * (max(1, math.ceil(step / self.decay_steps)) if self.cycle else 1)
        left = 1 - min(step, steps) / steps
        return (self.initial_learning_rate - self.end_learning_rate) * left ** self.power + self.end_learning_rate


class CosineDecay(_Declared):
    """A linear warm-up to `warmup_target`, if given, then half a cosine down to alpha * initial."""
    fields = ("initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps")
    defaults = {"alpha": 0.0, "name": "CosineDecay", "warmup_target": None, "warmup_steps": 0}

    def __call__(self, step):
        top, start = self.initial_learning_rate, step
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return top + (self.warmup_target - top) * step / self.warmup_steps
            top, start = self.warmup_target, step - self.warmup_steps
        cosine = 0.5 * (1 + math.cos(math.pi * min(start, self.decay_steps) / self.decay_steps))
        return top * ((1 - self.alpha) * cosine + self.alpha)


class CosineDecayRestarts(_Declared):
    """Cosine decays, each `t_mul` times longer and `m_mul` times lower than the one before."""
    fields = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")
    defaults = {"t_mul": 2.0, "m_mul": 1.0, "alpha": 0.0, "name": "SGDRDecay"}

    def __call__(self, step):
        p = step / self.first_decay_steps
        if self.t_mul == 1.0:
            restart = math.floor(p)
            p -= restart
        else:
            restart = math.floor(math.log(1 - p * (1 - self.t_mul)) / math.log(self.t_mul))
            p = (p - (1 - self.t_mul ** restart) / (1 - self.t_mul)) / self.t_mul ** restart
        cosine = 0.5 * self.m_mul ** restart * (1 + math.cos(math.pi * p))
        return self.initial_learning_rate * ((1 - self.alpha) * cosine + self.alpha)


SCHEDULES = {c.__name__: c for c in (ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay,
                                     CosineDecay, CosineDecayRestarts)}
_, deserialize = _objects.lookups("learning-rate schedule", SCHEDULES)
serialize = _objects.serialize
