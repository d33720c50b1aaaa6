"""Steps divided by what the gradients were like since the start."""
from .._names import require
from .optimizer import BASE, Optimizer


class Adagrad(Optimizer):
    """s += g**2; p -= rate * g / sqrt(s + epsilon)"""
    options = {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7, **BASE}
    slots, formula, numbers = ("accumulator",), "adagrad", ("epsilon",)

    def first(self, slot):
        return float(self.initial_accumulator_value) if slot == "accumulator" else Optimizer.first(self, slot)


class Adadelta(Optimizer):
    """As RMSprop, with steps in the size of the steps of late."""
    options = {"learning_rate": 0.001, "rho": 0.95, "epsilon": 1e-7, **BASE}
    slots, formula, numbers = ("accumulated_grad accumulated_delta_var",), "adadelta", ("rho", "epsilon")


class Ftrl(Optimizer):
    """Follow the regularized leader: the weights that minimise all earlier gradients' sum with l1 and l2."""
    strengths = "l1_regularization_strength", "l2_regularization_strength", "l2_shrinkage_regularization_strength"
    options = {"learning_rate": 0.001, "learning_rate_power": -0.5, "initial_accumulator_value": 0.1,
               **dict.fromkeys(strengths, 0.0), "beta": 0.0, **BASE}
    slots, first = ("accumulator linear",), Adagrad.first
    formula = property(lambda self: "ftrl" if self.learning_rate_power == -0.5 else "ftrl_power")

    def check(self):
        super().check()
        for name in ("initial_accumulator_value", *self.strengths):
            require("Ftrl", name, getattr(self, name) >= 0, "0 or more", getattr(self, name))
        require("Ftrl", "learning_rate_power", self.learning_rate_power <= 0, "0 or less", self.learning_rate_power)

    def values(self):
        power = [-float(self.learning_rate_power)] * (self.formula == "ftrl_power")
        return *[float(getattr(self, name)) for name in (*self.strengths, "beta")], *power
