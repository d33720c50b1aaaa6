from .optimizer import BASE, Optimizer


class Lion(Optimizer):
    """p -= rate * sign(beta_1 * m + (1 - beta_1) * g): every weight moves by the rate."""
    options = {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.99, **BASE}
    slots, formula, numbers = ("momentum",), "lion", ("beta_1", "beta_2")

    def check(self):
        super().check()
        if not 0 < self.beta_1 <= 1:
            raise ValueError(f"Lion: beta_1 must be above 0 and at most 1, got {self.beta_1!r}; "
                             "without it only the sign of the gradient is left")
