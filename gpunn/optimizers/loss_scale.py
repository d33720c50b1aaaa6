import numpy as np

from .. import _objects
from ..tensor import Variable
from .optimizer import BASE, Optimizer


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
        self.dynamic_scale = Variable(np.zeros((), np.float32), name="dynamic_scale", trainable=False)
        hyper = inner_optimizer.hyper.data
        self.dynamic_scale.data = hyper[6:7].reshape(())
        self.step_counter.data = hyper[7:8].view("int32").reshape(())
        self.dynamic_scale.assign(initial_scale)
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
        """Of a loss of 1.0, whose gradient any other begins with, nothing is computed."""
        return self.dynamic_scale if isinstance(loss, float) and loss == 1 else loss * self.dynamic_scale

    def step(self, k):
        self.inner_optimizer.step(k, max(0, int(self.dynamic_growth_steps)))

    def finalize_variable_values(self, trainable_variables=None):
        self.inner_optimizer.finalize_variable_values(trainable_variables)

    def get_config(self):
        return {"name": self.name, "inner_optimizer": _objects.serialize(self.inner_optimizer),
                "initial_scale": self.initial_scale, "dynamic_growth_steps": self.dynamic_growth_steps}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        from . import deserialize
        return cls(**{**config, "inner_optimizer": deserialize(config["inner_optimizer"], custom_objects)})
