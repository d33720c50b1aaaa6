import re

from .momentum import Momentum
from .optimizer import BASE, norm


class Muon(Momentum):
    """Momentum made orthogonal, for matrices; Adam for all else, and for what is named to be left out."""
    options = {"learning_rate": 0.001, "adam_beta_1": 0.9, "adam_beta_2": 0.999, "adam_weight_decay": 0.004,
               "epsilon": 1e-7, **BASE, "weight_decay": 0.004, "exclude_layers": None, "exclude_embeddings": True,
               "muon_a": 3.4445, "muon_b": -4.7750, "muon_c": 2.0315, "adam_lr_ratio": 1, "momentum": 0.95,
               "ns_steps": 5, "nesterov": True, "rms_rate": 0.2}
    numbers = "adam_beta_1", "adam_beta_2", "epsilon"

    def start(self, exclude_layers, **options):
        super().start(exclude_layers=exclude_layers or [], **options)

    def build(self, variables):
        super().build(variables)
        self.momenta, self.velocities = {}, {}
        for v in self.flat.variables:
            self.momenta[id(v)] = self.add_variable_from_reference(v, "momentum").data.reshape(-1)
            if not self.orthogonal(v):
                self.velocities[id(v)] = self.add_variable_from_reference(v, "velocity").data.reshape(-1)

    def orthogonal(self, v) -> bool:
        return (len(v.shape) == 2 and not (self.exclude_embeddings and "embedding" in v.path.lower())
                and not any(re.search(word, v.path) for word in self.exclude_layers))

    def decay_of(self, variable):
        return float((self.weight_decay if self.orthogonal(variable) else self.adam_weight_decay) or 0)

    def update(self, k, p, g):
        self.decay_weights(k)
        hyper, slower = self.hyper.data, k.copy(self.hyper.data)
        k.binary("multiply", slower[0:1], float(self.adam_lr_ratio), out=slower[0:1])
        for v in self.flat.variables:
            momentum = self.momenta[id(v)]
            if self.orthogonal(v):
                name = "muon_nesterov" if self.nesterov else "muon"
                k.optimize(name, *self.parts(v), (momentum,), hyper)
                self.orthogonalise(k, v.grad)
                k.optimize("sgd", *self.parts(v), (), hyper)
            else:
                k.optimize("adam", *self.parts(v), (momentum, self.velocities[id(v)]), slower, self.values())

    def orthogonalise(self, k, g):
        """Newton and Schulz' iteration: all singular values of g become about 1."""
        tall, a, b, c = g.shape[0] > g.shape[1], float(self.muon_a), float(self.muon_b), float(self.muon_c)
        x = k.binary("divide", g.T if tall else g, k.binary("add", norm(k, g), 1e-7))
        for _ in range(self.ns_steps):
            square = k.matmul(x, x, transpose_b=True)
            inner = k.binary("add", k.binary("multiply", square, b),
                             k.binary("multiply", k.matmul(square, square), c))
            x = k.binary("add", k.binary("multiply", x, a), k.matmul(inner, x))
        size = 1.0 if self.rms_rate is None else max(g.shape) ** 0.5 * self.rms_rate
        k.binary("multiply", x.T if tall else x, float(size), out=g)
