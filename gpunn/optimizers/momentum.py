"""Steps along the gradient, or along a running mean of it."""
from .._names import require
from .optimizer import BASE, Optimizer
from .schedules import InverseTimeDecay


class Momentum(Optimizer):
    """Its momentum lies on the device: it may change from step to step."""

    @property
    def momentum(self):
        return self._momentum

    @momentum.setter
    def momentum(self, value):
        right = isinstance(value, int | float) and 0 <= value <= 1
        require(type(self).__name__, "momentum", right, "a number between 0 and 1", value)
        self._momentum = value
        self.set_momentum(value)


class SGD(Momentum):
    """m = momentum * m - rate * g; p += m. `decay`: the rate falls as rate / (1 + decay * step)."""
    options = {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False, **BASE, "decay": 0.0}
    slots = property(lambda self: ("momentum",) if self.momentum else ())

    def start(self, learning_rate, decay, **options):
        super().start(InverseTimeDecay(learning_rate, 1, decay) if decay else learning_rate, **options)

    formula = property(lambda self: "sgd" if not self.momentum else "sgd_nesterov" if self.nesterov else "sgd_momentum")


class RMSprop(Momentum):
    """v = rho * v + (1 - rho) * g**2; p -= rate * g / sqrt(v + epsilon)"""
    options = {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False, **BASE}
    numbers = "rho", "epsilon"

    @property
    def slots(self):
        return "velocity", *["momentum"] * (self.momentum > 0), *["average_gradient"] * bool(self.centered)

    formula = property(lambda self: "rmsprop" + "_momentum" * (self.momentum > 0) + "_centered" * bool(self.centered))


class Lion(Optimizer):
    """p -= rate * sign(beta_1 * m + (1 - beta_1) * g): every weight moves by the rate."""
    options = {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.99, **BASE}
    slots, formula, numbers = ("momentum",), "lion", ("beta_1", "beta_2")

    def check(self):
        super().check()
        right = 0 < self.beta_1 <= 1            # without it only the sign of the gradient is left
        require("Lion", "beta_1", right, "above 0 and at most 1", self.beta_1)
