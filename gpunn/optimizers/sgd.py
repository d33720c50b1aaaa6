from .optimizer import BASE, Momentum
from .schedules import InverseTimeDecay


class SGD(Momentum):
    """m = momentum * m - rate * g; p += m. `decay`: the rate falls as rate / (1 + decay * step)."""
    options = {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False, **BASE, "decay": 0.0}
    slots = property(lambda self: ("momentum",) if self.momentum else ())

    def start(self, learning_rate, decay, **options):
        super().start(InverseTimeDecay(learning_rate, 1, decay) if decay else learning_rate, **options)

    formula = property(lambda self: "sgd" if not self.momentum else "sgd_nesterov" if self.nesterov else "sgd_momentum")
