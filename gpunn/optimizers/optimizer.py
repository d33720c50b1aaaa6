"""What all optimizers share: flat buffers, the learning rate on the device, clipping, decay, averages, constraints."""
import numpy as np

from .._names import auto_name, refuse_unknown
from ..backend import kernels_of
from ..tensor import Tensor, Variable
from .flat import FlatParams
from .schedules import LearningRateSchedule, deserialize, serialize

BASE = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum",
        "ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps", "name")


class Optimizer:
    """Subclasses name their `slots` (one flat buffer each) and define `update(p, g)` on flat arrays."""
    slots: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()                # constructor arguments of the subclass, for get_config

    def __init__(self, learning_rate=0.001, weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None,
                 use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
                 gradient_accumulation_steps=None, name=None, **kwargs):
        refuse_unknown(type(self).__name__, kwargs, (*BASE, *self.fields, "learning_rate"))
        self.name = name or auto_name(type(self))
        self.weight_decay, self.use_ema = weight_decay, use_ema
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.ema_momentum, self.ema_overwrite_frequency = ema_momentum, ema_overwrite_frequency
        self.loss_scale_factor, self.gradient_accumulation_steps = loss_scale_factor, gradient_accumulation_steps
        self.check()
        self.calls = Variable(np.zeros((), np.int32), "iterations", trainable=False)
        self.hyper = Variable(np.zeros(4, np.float32), "hyper", trainable=False)
        self._rate = Variable(np.zeros((), np.float32), "learning_rate", trainable=False)
        self._rate.data = self.hyper.data[0:1].reshape(())
        self.schedule, self.flat, self.driven, self.updates = None, None, False, True
        self.learning_rate = learning_rate
        self.kept_out = set()

    def check(self):
        if sum(c is not None for c in (self.clipnorm, self.clipvalue, self.global_clipnorm)) > 1:
            raise ValueError(f"{self.name}: give only one of clipnorm, clipvalue and global_clipnorm; "
                             f"got clipnorm={self.clipnorm}, "
                             f"clipvalue={self.clipvalue}, global_clipnorm={self.global_clipnorm}")
        steps = self.gradient_accumulation_steps
        if steps is not None and (not isinstance(steps, int) or steps < 2):
            raise ValueError(f"{self.name}: gradient_accumulation_steps must be an integer >= 2, got {steps!r}")

    @property
    def iterations(self):
        """How many updates were made; `calls` counts each batch, also where several make one update."""
        every, calls = self.gradient_accumulation_steps, self.calls.data
        return self.calls if every is None else Tensor(kernels_of(calls).binary("floor_divide", calls, every))

    @property
    def learning_rate(self):
        """The rate of the next step, as a variable (or, with a schedule, its present value)."""
        if self.schedule is not None:
            self.refresh()
        return self._rate

    @learning_rate.setter
    def learning_rate(self, value):
        if isinstance(value, dict):
            value = deserialize(value)
        varies = isinstance(value, LearningRateSchedule) or callable(value) and not isinstance(value, Tensor)
        self.schedule = value if varies else None
        if self.schedule is None:
            self._rate.assign(float(value))

    def refresh(self, step: int | None = None):
        """Before step number `step`: what the host decides. The rate goes to the device if a schedule sets it."""
        every = self.gradient_accumulation_steps
        if self.schedule is None and every is None:
            return
        step = int(self.calls) if step is None else step
        if self.schedule is not None:
            self._rate.assign(float(self.schedule(step // (every or 1))))
        self.updates = every is None or (step + 1) % every == 0

    def build(self, variables):
        """Move the variables into flat buffers and make the slots; what the slots hold survives a second build."""
        if self.flat is not None and self.flat.holds(variables):
            return
        self.flat = FlatParams(variables)
        for name in self.buffers():
            setattr(self, name, self.flat.slot())
        if self.use_ema:
            kernels_of(self.average).copy(self.flat.data, out=self.average)

    def buffers(self) -> tuple[str, ...]:
        """The names of all that is kept for each weight."""
        return (*self.slots, *(["average"] if self.use_ema else []),
                *(["accumulated"] if self.gradient_accumulation_steps else []))

    @property
    def variables(self) -> list:
        """Counters, then one entry a slot and variable."""
        return [self.calls, self._rate, *self.slot_variables()]

    def slot_variables(self) -> list[Variable]:
        views = []
        for v in self.flat.variables if self.flat else ():
            for name in self.buffers():
                if getattr(self, name) is not None:
                    view = Variable(np.zeros(v.shape, v.dtype), f"{v.path}_{name}".replace("/", "_"), trainable=False)
                    view.data = self.flat.view(getattr(self, name), v)
                    views.append(view)
        return views

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """These variables, or those whose name contains one of the words, do not decay."""
        self.kept_out |= {id(v) for v in var_list or ()} | set(var_names or ())

    def apply_gradients(self, grads_and_vars):
        """[(gradient, variable), ...], as Keras has it."""
        grads, variables = zip(*grads_and_vars, strict=True)
        self.apply(grads, variables)

    def apply(self, grads=None, trainable_variables=None):
        """One step. `grads` None: the gradients already lie in the flat buffer, where `backward` writes them."""
        variables = list(trainable_variables) if trainable_variables is not None else self.flat.variables
        self.build(variables)
        if not self.driven:
            self.refresh()
        if grads is not None:
            self.take(grads, variables)
        k = kernels_of(self.flat.data)
        k.tick(self.calls.data.reshape(1))
        if self.accumulate(k):
            self.step(k)

    def take(self, grads, variables):
        for g, v in zip(grads, variables, strict=True):
            k = kernels_of(v.data)
            if g is None:
                k.fill(0, v.grad)
            elif (array := g.data if isinstance(g, Tensor) else g) is not v.grad:
                k.copy(array, out=v.grad)

    def accumulate(self, k) -> bool:
        """Collect the gradients of several steps; True when their mean is ready to be used."""
        steps = self.gradient_accumulation_steps
        if steps is None:
            return True
        k.binary("add", self.accumulated, self.flat.grad, out=self.accumulated)
        if self.updates:
            k.binary("divide", self.accumulated, float(steps), out=self.flat.grad)
            k.fill(0, self.accumulated)
        return self.updates

    def step(self, k):
        p, g, count = self.flat.data, self.flat.grad, self.hyper.data[1:2]
        k.copy(self.calls.data.reshape(1), out=count)
        if self.gradient_accumulation_steps:            # several batches make one step
            k.binary("divide", count, float(self.gradient_accumulation_steps), out=count)
        if self.loss_scale_factor:
            k.binary("divide", g, float(self.loss_scale_factor), out=g)
        self.clip(k, g)
        if self.weight_decay:
            self.decay(k)
        self.update(p, g)
        if self.use_ema:
            self.track_average(k, p)
        for v in self.flat.variables:
            if v.constraint is not None:
                v.assign(v.constraint(v))

    def update(self, p, g):
        raise NotImplementedError

    def clip(self, k, g):
        if self.clipvalue is not None:
            k.unary("clip", g, -float(self.clipvalue), float(self.clipvalue), out=g)
        limit = self.clipnorm if self.global_clipnorm is None else self.global_clipnorm
        parts = [g] if self.global_clipnorm is not None else [v.grad for v in self.flat.variables]
        for part in () if limit is None else parts:
            norm = k.unary("sqrt", k.reduce("sum", k.unary("square", part)))
            k.binary("multiply", part, k.binary("divide", float(limit), k.binary("maximum", norm, float(limit))),
                     out=part)

    def decays(self, variable) -> bool:
        return not any(id(variable) == e if isinstance(e, int) else e in variable.path for e in self.kept_out)

    def decay(self, k):
        """Decoupled: p -= p * decay * rate."""
        keep = k.binary("subtract", 1.0, k.binary("multiply", self._rate.data, float(self.weight_decay)))
        for part in [v.data for v in self.flat.variables if self.decays(v)] if self.kept_out else [self.flat.data]:
            k.binary("multiply", part, keep, out=part)

    def track_average(self, k, p):
        """average = m * average + (1 - m) * p, where m is 0 at the first step."""
        later = k.copy(k.binary("greater", self.calls.data, 1), dtype=p.dtype)
        m = k.binary("multiply", later, float(self.ema_momentum))
        change = k.binary("multiply", k.binary("subtract", 1.0, m), k.binary("subtract", p, self.average))
        k.binary("add", self.average, change, out=self.average)
        if self.ema_overwrite_frequency:
            due = k.binary("equal", k.binary("mod", self.calls.data, int(self.ema_overwrite_frequency)), 0)
            k.where(due, self.average, p, out=p)

    def finalize_variable_values(self, trainable_variables=None):
        """After training with use_ema: the weights become their running average."""
        if self.use_ema and self.flat is not None:
            kernels_of(self.flat.data).copy(self.average, out=self.flat.data)

    def scale_loss(self, loss):
        return loss * float(self.loss_scale_factor) if self.loss_scale_factor else loss

    def get_config(self) -> dict:
        rate = serialize(self.schedule) if isinstance(self.schedule, LearningRateSchedule) else float(self._rate)
        base = {name: getattr(self, name) for name in BASE}
        return {"name": base.pop("name"), "learning_rate": rate, **base, **{f: getattr(self, f) for f in self.fields}}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**config)

