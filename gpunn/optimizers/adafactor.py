from .optimizer import BASE, Optimizer, norm


class Adafactor(Optimizer):
    """Adam without momentum; of a matrix' running mean of g**2 it keeps the means of rows and columns."""
    options = {"learning_rate": 0.001, "beta_2_decay": -0.8, "epsilon_1": 1e-30, "epsilon_2": 1e-3,
               "clip_threshold": 1.0, "relative_step": True, **BASE}
    numbers = "beta_2_decay", "epsilon_1"

    def build(self, variables):
        super().build(variables)
        self.rows, self.columns, self.velocities = {}, {}, {}
        for v in self.flat.variables:
            matrix = len(v.shape) >= 2
            self.rows[id(v)] = self.add_variable(v.shape[:-1] if matrix else (), dtype=v.data.dtype, name=v.name)
            self.columns[id(v)] = self.add_variable(v.shape[:-2] + v.shape[-1:] if matrix else (), dtype=v.data.dtype,
                                                    name=v.name)
            self.velocities[id(v)] = self.add_variable_from_reference(v, "velocity")

    def update(self, k, p, g):
        self.decay_weights(k)
        for v in self.flat.variables:
            velocity = self.velocities[id(v)].data
            if len(v.shape) >= 2:
                self.factor(k, v, self.rows[id(v)].data, self.columns[id(v)].data, velocity)
                k.binary("divide", v.grad, k.unary("sqrt", velocity), out=v.grad)
            else:
                k.optimize("adafactor", *self.parts(v), (velocity.reshape(-1),), self.hyper.data, self.values())
            self.scale(k, v)
        k.optimize("adafactor_step", p, g, (), self.hyper.data)

    def factor(self, k, v, rows, columns, velocity):
        """velocity = rows x columns / the mean of the rows"""
        square = k.unary("square", v.grad)
        for mean, axis in ((rows, -1), (columns, -2)):
            k.optimize("adafactor_mean", mean.reshape(-1), k.reduce("mean", square, axis).reshape(-1), (),
                       self.hyper.data, self.values())
        share = k.binary("divide", rows, k.reduce("mean", rows, -1, keepdims=True))
        k.binary("multiply", share[..., None], columns[..., None, :], out=velocity)

    def scale(self, k, v):
        """The step's root mean square is at most `clip_threshold` times that of the weight."""
        root = float(v.size) ** 0.5
        weight = k.binary("maximum", k.binary("divide", norm(k, v.data), root), float(self.epsilon_2))
        step = k.binary("divide", norm(k, v.grad), root * float(self.clip_threshold))
        k.binary("multiply", v.grad, k.binary("divide", weight, k.binary("maximum", step, 1.0)), out=v.grad)
