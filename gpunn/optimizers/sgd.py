from ..backend import kernels_of
from .optimizer import Optimizer
from .schedules import InverseTimeDecay


class SGD(Optimizer):
    """m = momentum * m - rate * g; p += m. `decay`: the rate falls as rate / (1 + decay * step)."""
    fields = ("momentum", "nesterov")

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, decay=0.0, **options):
        if not isinstance(momentum, int | float) or not 0 <= momentum <= 1:
            raise ValueError(f"SGD: momentum must be a number between 0 and 1, got {momentum!r}")
        self.momentum, self.nesterov = momentum, nesterov
        self.slots = ("momentum_slot",) if momentum else ()
        super().__init__(InverseTimeDecay(learning_rate, 1, decay) if decay else learning_rate, **options)

    def update(self, p, g):
        m = self.momentum_slot if self.slots else None
        kernels_of(p).sgd(p, g, m, self.hyper.data, float(self.momentum), self.nesterov)
