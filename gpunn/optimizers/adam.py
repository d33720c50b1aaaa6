from ..backend import kernels_of
from .optimizer import Optimizer


class Adam(Optimizer):
    """Running means of g and g**2, both corrected for their start at zero."""
    fields = ("beta_1", "beta_2", "epsilon", "amsgrad")

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, **options):
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad
        self.slots = ("momentum", "velocity", *(["velocity_hat"] if amsgrad else []))
        super().__init__(learning_rate, **options)

    def update(self, p, g):
        kernels_of(p).adam(p, g, self.momentum, self.velocity, self.velocity_hat if self.amsgrad else None,
                           self.hyper.data, float(self.beta_1), float(self.beta_2), float(self.epsilon))


class AdamW(Adam):
    """Adam with weight decay that does not pass through the running means."""

    def __init__(self, learning_rate=0.001, weight_decay=0.004, **options):
        if weight_decay is None:
            raise ValueError("AdamW: weight_decay must be a number, got None; use Adam to train without decay")
        super().__init__(learning_rate, weight_decay=weight_decay, **options)
