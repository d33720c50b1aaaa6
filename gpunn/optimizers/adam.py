"""Adam and its kin: running means of g and of its size."""
from .optimizer import BASE, Optimizer, norm

ADAM = {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}


class Adam(Optimizer):
    """Running means of g and g**2, both corrected for their start at zero."""
    options = {**ADAM, "amsgrad": False, **BASE}
    numbers = "beta_1", "beta_2", "epsilon"
    slots = property(lambda self: ("momentum velocity", *["velocity_hat"] * bool(self.amsgrad)))
    formula = property(lambda self: "adam_amsgrad" if self.amsgrad else "adam")


class AdamW(Adam):
    """Adam with weight decay that does not pass through the running means."""
    options = {"learning_rate": 0.001, "weight_decay": 0.004, **Adam.options} | {"weight_decay": 0.004}

    def start(self, weight_decay, **options):
        if weight_decay is None:
            raise ValueError("AdamW: weight_decay must be a number, got None; use Adam to train without decay")
        super().start(weight_decay=weight_decay, **options)


class Adamax(Optimizer):
    """Adam with the largest |g| of late in the place of the root of the mean g**2."""
    options = {**ADAM, **BASE}
    slots, formula, numbers = ("momentum norm",), "adamax", Adam.numbers


class Nadam(Optimizer):
    """Adam that looks ahead as Nesterov's momentum does."""
    options = {**ADAM, **BASE}
    slots, formula, numbers = ("momentum velocity",), "nadam", Adam.numbers

    def build(self, variables):
        super().build(variables)
        self.u_product = self.add_variable((), "ones")              # of all momenta so far

    def update(self, k, p, g, *parts):
        product = self.u_product.data.reshape(1)
        k.optimize("nadam_momentum", product, product, (), self.hyper.data, (float(self.beta_1),))
        k.copy(product, out=self.hyper.data[2:3])
        super().update(k, p, g, *parts)


class ScheduleFreeAdamW(Optimizer):
    """Adam without momentum on z (the slot `momentum`); the weights lie between z and the mean of all z."""
    options = {"learning_rate": 0.0025, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "warmup_steps": 0, **BASE}
    slots, formula, numbers = ("momentum velocity",), "schedule_free", (*Adam.numbers, "warmup_steps")

    def first(self, slot):
        return self.flat.data if slot == "momentum" else super().first(slot)


class Lamb(Optimizer):
    """Adam whose step, for each weight, is as long as the weight is."""
    options = {**ADAM, **BASE}
    slots, numbers = ("momentum velocity",), Adam.numbers

    def update(self, k, p, g):
        self.decay_weights(k)
        k.optimize("lamb", p, g, (self.state["momentum"], self.state["velocity"]), self.hyper.data, self.values())
        for v in self.flat.variables:
            weight, step = (norm(k, x) for x in self.parts(v))
            both = k.binary("logical_and", k.binary("greater", weight, 0.0), k.binary("greater", step, 0.0))
            k.binary("multiply", v.grad, k.where(both, k.binary("divide", weight, step), 1.0), out=v.grad)
        k.optimize("sgd", p, g, (), self.hyper.data)
