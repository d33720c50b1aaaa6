from ..backend import kernels_of
from .optimizer import Optimizer


class RMSprop(Optimizer):
    """v = rho * v + (1 - rho) * g**2; p -= rate * g / sqrt(v + epsilon)"""
    fields = ("rho", "momentum", "epsilon", "centered")

    def __init__(self, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False, **options):
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered
        self.slots = ("velocity", *(["momentum_slot"] if momentum > 0 else []),
                      *(["average_gradient"] if centered else []))
        super().__init__(learning_rate, **options)

    def update(self, p, g):
        kernels_of(p).rmsprop(p, g, self.velocity, self.momentum_slot if self.momentum > 0 else None,
                              self.average_gradient if self.centered else None, self.hyper.data,
                              float(self.rho), float(self.momentum), float(self.epsilon))
