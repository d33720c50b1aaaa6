"""Learning rates that change with the step. A schedule runs on the host before each step: any Python will do."""
import math
from inspect import Parameter

from .. import _objects


def arguments(required: str, **defaults) -> dict:
    return dict.fromkeys(required.split(), Parameter.empty) | defaults


class LearningRateSchedule(_objects.Configured):
    """Subclass and define `__call__(step) -> rate`."""

    def __call__(self, step):
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, step)")

    def get_config(self) -> dict:
        raise NotImplementedError(f"{type(self).__name__} must define get_config(self)")


class _Declared(_objects.Declared, LearningRateSchedule):
    """A schedule whose arguments are its `options`."""

    def start(self, **values):
        self.__dict__.update(values)

    def get_config(self) -> dict:
        return {name: getattr(self, name) for name in self.options}


class ExponentialDecay(_Declared):
    """initial * rate ** (step / steps)"""
    options = arguments("initial_learning_rate decay_steps decay_rate", staircase=False, name="ExponentialDecay")

    def __call__(self, step):
        p = step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (math.floor(p) if self.staircase else p)


class InverseTimeDecay(_Declared):
    """initial / (1 + rate * step / steps)"""
    options = arguments("initial_learning_rate decay_steps decay_rate", staircase=False, name="InverseTimeDecay")

    def __call__(self, step):
        p = step / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * (math.floor(p) if self.staircase else p))


class PiecewiseConstantDecay(_Declared):
    """values[i] up to and including step boundaries[i]"""
    options = arguments("boundaries values", name="PiecewiseConstant")

    def start(self, **values):
        super().start(**values)
        if len(self.boundaries) != len(self.values) - 1:
            raise ValueError(f"PiecewiseConstantDecay: expected one more value than boundaries, "
                             f"got {len(self.values)} values and {len(self.boundaries)} boundaries")

    def __call__(self, step):
        return self.values[sum(step > b for b in self.boundaries)]


class PolynomialDecay(_Declared):
    """(initial - end) * (1 - step / steps) ** power + end"""
    options = arguments("initial_learning_rate decay_steps", end_learning_rate=0.0001, power=1.0, cycle=False,
                        name="PolynomialDecay")

    def __call__(self, step):
        steps = self.decay_steps * (max(1, math.ceil(step / self.decay_steps)) if self.cycle else 1)
        left = 1 - min(step, steps) / steps
        return (self.initial_learning_rate - self.end_learning_rate) * left ** self.power + self.end_learning_rate


class CosineDecay(_Declared):
    """A linear warm-up to `warmup_target`, if given, then half a cosine down to alpha * initial."""
    options = arguments("initial_learning_rate decay_steps", alpha=0.0, name="CosineDecay", warmup_target=None,
                        warmup_steps=0)

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
    options = arguments("initial_learning_rate first_decay_steps", t_mul=2.0, m_mul=1.0, alpha=0.0, name="SGDRDecay")

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


class PowerDecay(_Declared):
    """initial / (1 + step / steps) ** power: after `decay_steps` the rate is half, if the power is 1."""
    options = arguments("initial_learning_rate decay_steps", power=1.0, name="PowerDecay")

    def __call__(self, step):
        return self.initial_learning_rate / (1 + step / self.decay_steps) ** self.power


class OneCycle(_Declared):
    """From a tenth of the maximum up to it and back, in straight lines; what is left of `steps`, the final fraction,
    leads on to a hundredth of the start. The momentum, if the optimizer has one, is low where the rate is high.
    """
    options = arguments("maximal_learning_rate steps", initial_learning_rate=None, final_fraction=0.0,
                        max_momentum=0.95, min_momentum=0.85, name="OneCycle")

    def height(self, step) -> float:
        """0 at the start, 1 at the top, 0 when the cycle is over."""
        half = self.steps * (1 - self.final_fraction) / 2
        return max(0.0, 1 - abs(step - half) / half)

    def __call__(self, step):
        low = self.maximal_learning_rate / 10 if self.initial_learning_rate is None else self.initial_learning_rate
        over, tail = step - self.steps * (1 - self.final_fraction), self.steps * self.final_fraction
        if over > 0:
            return low * (1 - 0.99 * min(over / tail, 1) if tail else 1)
        return low + (self.maximal_learning_rate - low) * self.height(step)

    def momentum(self, step):
        return self.max_momentum - (self.max_momentum - self.min_momentum) * self.height(step)


SCHEDULES = {c.__name__: c for c in (ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay,
                                     CosineDecay, CosineDecayRestarts, PowerDecay, OneCycle)}
_, deserialize = _objects.lookups("learning-rate schedule", SCHEDULES)
serialize = _objects.serialize
