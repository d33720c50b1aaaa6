from .optimizer import BASE, Momentum


class RMSprop(Momentum):
    """v = rho * v + (1 - rho) * g**2; p -= rate * g / sqrt(v + epsilon)"""
    options = {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False, **BASE}
    numbers = "rho", "epsilon"

    @property
    def slots(self):
        return "velocity", *["momentum"] * (self.momentum > 0), *["average_gradient"] * bool(self.centered)

    formula = property(lambda self: "rmsprop" + "_momentum" * (self.momentum > 0) + "_centered" * bool(self.centered))
