"""Back-propagation by hand, layer by layer."""
import numpy as np

from .regression import sigmoid


class Network:
    """Layers of sigmoid units, e.g. Network([2, 3, 1]); `weights` are (inputs, units), `biases` (units,)."""

    def __init__(self, sizes, seed=0):
        r = np.random.default_rng(seed)
        self.weights = [r.normal(size=pair) / np.sqrt(pair[0]) for pair in zip(sizes, sizes[1:])]
        self.biases = [np.zeros(n) for n in sizes[1:]]

    def forward(self, x):
        """(n, inputs) -> what every layer gives, x first"""
        activations = [np.asarray(x, float)]
        for w, b in zip(self.weights, self.biases):
            activations.append(sigmoid(activations[-1] @ w + b))
        return activations

    def deltas(self, activations, y):
        """Output: (y - a) g'(in). Hidden: g'(in) times the deltas of the next layer through its weights."""
        slopes = [a * (1 - a) for a in activations[1:]]
        deltas = [(y - activations[-1]) * slopes[-1]]
        for w, slope in zip(self.weights[:0:-1], slopes[-2::-1]):
            deltas.insert(0, slope * (deltas[0] @ w.T))
        return deltas

    def step(self, x, y, rate=0.5):
        """w_ji += rate a_j delta_i, summed over the examples -> the loss before, 1/2 sum (y - a)^2"""
        activations = self.forward(x)
        for w, b, a, delta in zip(self.weights, self.biases, activations, self.deltas(activations, y)):
            w += rate * a.T @ delta
            b += rate * delta.sum(axis=0)
        return 0.5 * float(np.sum((y - activations[-1]) ** 2))
