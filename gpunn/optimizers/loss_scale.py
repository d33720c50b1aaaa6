import numpy as np

from .. import _objects
from ..tensor import Variable
from .optimizer import BASE, Optimizer

LARGEST = 2.0 ** 127            # twice that is infinite, and half of infinity too


class LossScaleOptimizer(Optimizer):
    """Another optimizer's steps on gradients of a loss that was made larger, so that float16 does not lose small ones.

    A step whose gradients are not all finite changes nothing but the scale, which is halved; after
    `dynamic_growth_steps` good ones in a row it doubles. All of this is decided on the device.
    """

    def __init__(self, inner_optimizer, initial_scale=2.0 ** 15, dynamic_growth_steps=2000, name=None, **kwargs):
        if not kwargs.pop("dynamic", True):
            raise ValueError("LossScaleOptimizer: dynamic=False is not served; give the inner optimizer a "
                             "loss_scale_factor instead")
        for option, value in kwargs.items():
            if option in BASE and value != BASE[option]:
                raise ValueError(f"LossScaleOptimizer: set {option} on the inner optimizer, not here; got {value!r}")
        self.inner_optimizer = inner_optimizer
        super().__init__(inner_optimizer.schedule or float(inner_optimizer.learning_rate), name=name, **kwargs)
        if type(inner_optimizer).update_step is not Optimizer.update_step:
            raise ValueError(f"LossScaleOptimizer: {type(inner_optimizer).__name__} steps by an update_step of its "
                             "own, which cannot be skipped on the device; define `update` with kernels instead, or "
                             "compile(..., auto_scale_loss=False)")
        self.calls, self.use_ema = inner_optimizer.calls, inner_optimizer.use_ema
        self.kept_out = inner_optimizer.kept_out        # the same set
        self.initial_scale, self.dynamic_growth_steps = initial_scale, dynamic_growth_steps
        self.step_counter = Variable(np.zeros((), np.int32), name="step_counter", trainable=False)
        self.dynamic_scale = Variable(np.float32(initial_scale), name="dynamic_scale", trainable=False)
        self.own_calls = Variable(np.zeros((), np.int32), name="iteration", trainable=False)
        inner_optimizer.loss_scale_factor = None        # or the gradients were divided twice

    updates = property(lambda self: self.inner_optimizer.updates)
    steady = property(lambda self: self.inner_optimizer.steady)
    schedule = property(lambda self: self.inner_optimizer.schedule)
    iterations = property(lambda self: self.inner_optimizer.iterations)
    learning_rate = property(lambda self: self.inner_optimizer.learning_rate,
                             lambda self, value: setattr(self.inner_optimizer, "learning_rate", value))

    @property
    def variables(self):
        return [self.own_calls, self._rate, self.step_counter, self.dynamic_scale, *self.inner_optimizer.variables]

    def refresh(self, step=None):
        """The host's count would include skipped steps."""
        self.inner_optimizer.refresh()

    def build(self, variables):
        self.inner_optimizer.prepare(variables)
        self.flat, self.state = self.inner_optimizer.flat, self.inner_optimizer.state

    def scale_loss(self, loss):
        return loss * self.dynamic_scale

    def step(self, k):
        g, scale, good = self.flat.grad, self.dynamic_scale.data, self.step_counter.data
        finite = k.reduce("all", k.unary("isfinite", g))
        go = k.copy(finite, out=self.inner_optimizer.hyper.data[3:4].reshape(()))
        k.binary("divide", g, k.copy(scale, dtype=g.dtype), out=g)
        self.inner_optimizer.step(k)
        skipped = k.copy(k.unary("logical_not", finite), dtype="int32")
        k.binary("subtract", self.calls.data, skipped, out=self.calls.data)
        k.where(finite, k.binary("add", good, 1), 0, out=good)
        grows = k.binary("equal", good, int(self.dynamic_growth_steps))
        k.where(grows, 0, good, out=good)
        factor = k.where(grows, 2.0, k.binary("add", k.binary("multiply", go, 0.5), 0.5))
        k.binary("minimum", k.binary("multiply", scale, factor), LARGEST, out=scale)

    def finalize_variable_values(self, trainable_variables=None):
        self.inner_optimizer.finalize_variable_values(trainable_variables)

    def get_config(self):
        return {"name": self.name, "inner_optimizer": _objects.serialize(self.inner_optimizer),
                "initial_scale": self.initial_scale, "dynamic_growth_steps": self.dynamic_growth_steps}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        from . import deserialize
        return cls(**{**config, "inner_optimizer": deserialize(config["inner_optimizer"], custom_objects)})
