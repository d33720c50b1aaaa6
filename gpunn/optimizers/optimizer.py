"""What all optimizers share: flat buffers, the learning rate on the device, clipping, decay, averages, constraints."""
import inspect

import numpy as np

from .. import _objects
from .._names import auto_name, require
from ..backend import asarray, kernels_of, rng
from ..tensor import Tensor, Variable
from .flat import FlatParams
from .schedules import LearningRateSchedule, deserialize, serialize

BASE = {"weight_decay": None, "clipnorm": None, "clipvalue": None, "global_clipnorm": None, "use_ema": False,
        "ema_momentum": 0.99, "ema_overwrite_frequency": None, "loss_scale_factor": None,
        "gradient_accumulation_steps": None, "name": None}


class Optimizer(_objects.Declared):
    """A subclass lists its `options`, its `slots` (a flat buffer each) and names its formula (kernels/README.md) and
    the `numbers` that the formula takes; or it defines `update(k, p, g)`; or Keras' `update_step`.
    """
    options = {"learning_rate": inspect.Parameter.empty, **BASE}
    slots: tuple[str, ...] = ()                 # groups of names: "momentum velocity" lie together among the variables
    formula = ""
    numbers: tuple[str, ...] = ()
    flat, schedule, driven, updates = None, None, False, True

    def start(self, learning_rate, name, **options):
        self.name = name or auto_name(type(self))
        # rate; how many batches there were, an int32; momentum; whether the step is to change anything; batches a step;
        # and what `measure` knows: the factor of gradients, the loss scale, the good steps with it, its own count
        every = options["gradient_accumulation_steps"] or 1
        self.hyper = Variable(np.array([0, 0, 0, 1, every, 1, 1, 0, 0], np.float32), name="hyper", trainable=False)
        self._rate = Variable(np.zeros((), np.float32), name="learning_rate", trainable=False)
        self._rate.data = self.hyper.data[0:1].reshape(())
        self.calls = Variable(np.zeros((), np.int32), name="iteration", trainable=False)
        self.calls.data = self.hyper.data[1:2].view("int32").reshape(())
        self.learning_rate, self.kept_out, self.state, self.own_variables = learning_rate, set(), {}, []
        for option, value in options.items():
            setattr(self, option, value)
        self.check()

    def check(self):
        if sum(c is not None for c in (self.clipnorm, self.clipvalue, self.global_clipnorm)) > 1:
            raise ValueError(f"{self.name}: give only one of clipnorm, clipvalue and global_clipnorm; "
                             f"got clipnorm={self.clipnorm}, "
                             f"clipvalue={self.clipvalue}, global_clipnorm={self.global_clipnorm}")
        require(self.name, "ema_momentum", 0 <= self.ema_momentum <= 1, "between 0 and 1", self.ema_momentum)
        for name, least in (("gradient_accumulation_steps", 2), ("ema_overwrite_frequency", 1)):
            steps = getattr(self, name)
            right = steps is None or isinstance(steps, int) and steps >= least
            require(self.name, name, right, f"an integer >= {least}", steps)

    @property
    def iterations(self):
        """How many updates were made; `calls` counts each batch, also where several make one update."""
        rng.settle()
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
        self.schedule = value if callable(value) and not isinstance(value, Tensor) else None
        if isinstance(value, str) or self.schedule is None and float(value) != float(value):
            raise ValueError(f"{self.name}: learning_rate must be a number or a schedule, got {value!r}")
        if self.schedule is None:
            self._rate.assign(float(value))

    @property
    def steady(self) -> bool:
        """Whether the host has nothing to decide before a step."""
        return self.schedule is None and self.gradient_accumulation_steps is None

    def refresh(self, step: int | None = None):
        """Before step number `step`: what the host decides. The rate goes to the device if a schedule sets it."""
        if self.steady:
            return
        every, schedule = self.gradient_accumulation_steps, self.schedule
        step = int(self.calls) if step is None else step
        if schedule is not None:
            self._rate.assign(float(schedule(step) if isinstance(schedule, LearningRateSchedule) else schedule()))
            if hasattr(schedule, "momentum") and hasattr(self, "momentum"):
                self.set_momentum(schedule.momentum(step))
        self.updates = every is None or (step + 1) % every == 0

    def set_momentum(self, value):
        kernels_of(self.hyper.data).fill(float(value), self.hyper.data[2:3])

    # ---- variables ------------------------------------------------------------------------------------------------

    def prepare(self, variables):
        """Build, if these are not the variables that it was built for; what the slots hold stays."""
        if self.flat is None or not self.flat.holds(variables):
            try:
                self.build(variables)
            except BaseException:
                self.flat = None                # half built: from the start, the next time
                raise

    def build(self, variables):
        """Move the variables into flat buffers and make the slots."""
        self.flat, self.own_variables = FlatParams(variables), []
        for group in (*["average"] * self.use_ema, *["gradient_accumulator"] * bool(self.gradient_accumulation_steps),
                      *self.slots):
            for name in group.split():
                self.state[name] = self.flat.slot()
                first = asarray(self.first(name)) if isinstance(self.first(name), float) else self.first(name)
                kernels_of(first).copy(first, out=self.state[name])
            for v in self.flat.variables:
                for name in group.split():
                    self.own_variables.append(self.named(v, name, self.flat.view(self.state[name], v)))

    def first(self, slot: str):
        """What a slot holds before the first step."""
        return self.flat.data if slot == "average" else 0.0

    @staticmethod
    def named(reference, name, data) -> Variable:
        """An array as a variable that belongs to a weight."""
        made = Variable(0.0, name=f"{reference.path}_{name}".replace("/", "_"), trainable=False)
        made.data = data
        return made

    @property
    def variables(self) -> list[Variable]:
        """The count of batches, the rate if no schedule sets it, then one entry a slot and weight."""
        own = [self.calls, *[self._rate] * (self.schedule is None), *self.own_variables]
        for v in own:
            v.path = f"{self.name}/{v.name}"
        return own

    def add_variable(self, shape, initializer="zeros", dtype="float32", name=None) -> Variable:
        """More to remember than slots hold, for subclasses; initializer: "zeros", "ones" or a function of the shape."""
        value = initializer(shape) if callable(initializer) else np.full(shape, initializer == "ones")
        self.own_variables.append(Variable(value, name=name, trainable=False, dtype=dtype))
        return self.own_variables[-1]

    def add_variable_from_reference(self, reference_variable, name="var", initializer="zeros") -> Variable:
        v = reference_variable
        return self.add_variable(v.shape, initializer, v.data.dtype, f"{v.path}_{name}".replace("/", "_"))

    def save_own_variables(self, store):
        """Put all that is remembered into `store`, named "0", "1", ..."""
        _objects.save_arrays(store, self.variables)

    def load_own_variables(self, store):
        _objects.load_arrays(store, self.variables, self.name)

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """These variables, or those whose name contains one of the words, do not decay."""
        self.kept_out |= {id(v) for v in var_list or ()} | set(var_names or ())

    # ---- one step -------------------------------------------------------------------------------------------------

    def apply_gradients(self, grads_and_vars):
        """[(gradient, variable), ...], as Keras has it."""
        grads, variables = zip(*grads_and_vars, strict=True)
        self.apply(grads, variables)
        return self.calls

    def apply(self, grads=None, trainable_variables=None):
        """One step. `grads` None: the gradients already lie in the flat buffer, where `backward` writes them."""
        grads = None if grads is None else list(grads)
        if grads is not None and all(g is None for g in grads):
            raise ValueError(f"{self.name}: no gradient for any variable; is the loss computed from them?")
        variables = list(trainable_variables) if trainable_variables is not None else self.flat.variables
        self.prepare(variables)
        rng.settle(self.calls.data)
        if not self.driven:
            self.refresh()
        if grads is not None:
            self.take(grads, variables)
        self.step(kernels_of(self.flat.data))

    def stateless_apply(self, optimizer_variables, grads, trainable_variables):
        """The weights and the own state after a step from these ones, without taking it."""
        weights = self.flat.variables
        _, after = _objects.with_values([*weights, *self.variables], [*trainable_variables, *optimizer_variables],
                                        lambda: self.apply(grads, weights))
        after = list(map(Tensor, after))
        return after[:len(weights)], after[len(weights):]

    def take(self, grads, variables):
        for g, v in zip(grads, variables, strict=True):
            k = kernels_of(v.data)
            if g is None:
                k.fill(0, v.grad)
            elif (array := g.data if isinstance(g, Tensor) else asarray(g)) is not v.grad:
                k.copy(array, out=v.grad)

    def step(self, k, growth=None):
        """In one kernel of several parts, (name, *options) each. `growth`: of a loss scale that the device knows."""
        p, g, scale, often = self.flat.data, self.flat.grad, self.loss_scale_factor, self.ema_overwrite_frequency
        # tracked at every batch, as Keras does, though several may make one update
        average = ("average_overwrite", self.ema_momentum, often) if often else ("average", self.ema_momentum)
        after = [average] * self.use_ema
        if every := self.gradient_accumulation_steps:
            last = ("accumulated", every) if self.updates else ("accumulate",)
            self.run(k, [*self.unscale(k, g, scale, growth), last], self.state["gradient_accumulator"], g)
            scale = growth = None
        if self.updates:
            before = self.clip(k, p, g, scale, growth)
            if self.formula:
                self.update(k, p, g, before, after)
                after = []
            else:
                self.run(k, before, p, g)
                self.update(k, p, g)
                self.flat.follow()
        self.run(k, after, p, g, ["average"], shadow=self.flat.shadow if often else None)
        for v in self.flat.variables:
            if v.constraint is not None:
                v.assign(v.constraint(v))
        rng.later(self.calls.data)

    def run(self, k, parts, p, g, slots=(), decay=0.0, shadow=None):
        if parts:
            k.optimize(" ".join([name for name, *_ in parts]), p, g, tuple([self.state[s] for s in slots]),
                       self.hyper.data, tuple([float(x) for _, *options in parts for x in options]), decay, shadow)

    def unscale(self, k, g, scale, growth, limit=None):
        """-> parts that undo the loss scale and keep the norm of g within the limit."""
        if limit is None and growth is None:
            return [("divided", scale)] * bool(scale)
        k.measure(g, self.hyper.data, limit, scale or 1.0, growth)
        return [("scaled",)]

    def clip(self, k, p, g, scale, growth):
        """The same, and what else there is to clip. The norm of one weight is known when the next one is measured."""
        if self.clipnorm is None:
            clipped = [] if self.clipvalue is None else [("clipped", self.clipvalue)]
            return self.unscale(k, g, scale, growth, self.global_clipnorm) + clipped
        self.run(k, self.unscale(k, g, scale, growth), p, g)
        for p, g in map(self.parts, self.flat.variables):
            self.run(k, self.unscale(k, g, None, None, self.clipnorm), p, g)
        return []

    def update(self, k, p, g, before=(), after=()):
        """All weights at once, by the formula and what goes before and after it; or one by one."""
        if self.formula and not self.kept_out:
            decay = float(self.weight_decay or 0)
        else:
            decay = self.decay_weights(k)
        if self.formula:
            slots = [*" ".join(self.slots).split(), *["average"] * bool(after)]
            self.run(k, [*before, (self.formula, *self.values()), *after], p, g, slots, decay, self.flat.shadow)
        else:
            for v in self.flat.variables:
                self.update_step(Tensor(v.grad), v, self._rate)

    def update_step(self, gradient, variable, learning_rate):
        raise NotImplementedError(f"{type(self).__name__} must define update_step(gradient, variable, learning_rate)")

    def _get_variable_index(self, variable) -> int:
        return [id(v) for v in self.flat.variables].index(id(variable))

    assign, assign_add, assign_sub = map(staticmethod, (Variable.assign, Variable.assign_add, Variable.assign_sub))

    def values(self) -> tuple[float, ...]:
        return tuple([float(getattr(self, name)) for name in self.numbers])

    def decays(self, variable) -> bool:
        return not any(id(variable) == e if isinstance(e, int) else e in variable.path for e in self.kept_out)

    def decay_of(self, variable) -> float:
        return float(self.weight_decay or 0)

    def decay_weights(self, k) -> float:
        """Decoupled: p -= p * decay * rate. Returns how much is left to decay."""
        for v in self.flat.variables:
            if self.decays(v) and (decay := self.decay_of(v)):
                k.optimize("decay", *self.parts(v), (), self.hyper.data, (), decay)
        return 0.0

    def parts(self, v, *slots: str):
        """What belongs to a variable, flat: the weight, the gradient, slots."""
        return tuple([self.flat.part(b, v)
                      for b in (self.flat.data, self.flat.grad, *[self.state[name] for name in slots])])

    def finalize_variable_values(self, trainable_variables=None):
        """After training with use_ema: the weights become their running average."""
        if self.use_ema and self.flat is not None:
            self.flat.write(self.state["average"])

    def scale_loss(self, loss):
        return loss * float(self.loss_scale_factor) if self.loss_scale_factor else loss

    def get_config(self) -> dict:
        rate = serialize(self.schedule) if isinstance(self.schedule, LearningRateSchedule) else float(self._rate)
        own = {name: getattr(self, name) for name in (*BASE, *self.options) if hasattr(self, name)}
        return {"name": self.name, **own, "learning_rate": rate}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**config)


def norm(k, x):
    """Of an array, a number on the device."""
    return k.unary("sqrt", k.reduce("sum", k.unary("square", x)))
