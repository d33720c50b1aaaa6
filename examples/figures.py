"""The figures of a lecture on networks, drawn by gpunn: activations, losses, softmax, gradient descent.

    python examples/figures.py [folder]
"""
import sys
import tempfile
from pathlib import Path

import numpy as np

import gpunn
from gpunn import activations, losses, ops, optimizers
from gpunn.viz import save_lines

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
X = np.linspace(-4, 4, 161, dtype=np.float32)


def line(x, y) -> dict:
    """x -> y, both rounded so that every machine draws the same picture"""
    return {round(float(a), 4): round(float(b), 4) for a, b in zip(x, y)}


def slope(f):
    """The derivative of a function of single numbers, at all places of X at once."""
    return gpunn.grad(lambda x: ops.sum(f(x)))(X)


def activation_figure():
    named = {name: getattr(activations, name) for name in ("sigmoid", "tanh", "relu", "elu")}
    save_lines({"outputs": {name: line(X, f(X)) for name, f in named.items()},
                "slopes": {name: line(X, slope(f)) for name, f in named.items()}},
               FOLDER / "activations.svg", "Activations")


def loss_figure():
    p, zero = np.linspace(0.02, 1, 99, dtype=np.float32)[:, None], np.zeros((161, 1), np.float32)
    probability = {"cross-entropy": losses.binary_crossentropy(np.ones_like(p), p),
                   "squared": losses.mean_squared_error(np.ones_like(p), p)}
    error = {"squared": losses.mean_squared_error, "absolute": losses.mean_absolute_error, "Huber": losses.huber}
    save_lines({"the label is 1": {name: line(p[:, 0], y) for name, y in probability.items()},
                "by the error": {name: line(X[40:121], f(zero, X[:, None])[40:121]) for name, f in error.items()}},
               FOLDER / "losses.svg", "Losses, by the output")


def softmax_figure():
    scores = np.stack([X, np.ones_like(X), np.zeros_like(X)], -1)
    shares = ops.softmax(scores).numpy()
    names = ("score x", "score 1", "score 0")
    truth = np.zeros(len(X), np.int32)
    entropy = losses.sparse_categorical_crossentropy(truth, scores, from_logits=True)
    save_lines({"softmax": {name: line(X, share) for name, share in zip(names, shares.T)},
                "cross-entropy, x is right": {"loss": line(X, entropy)}},
               FOLDER / "softmax.svg", "Softmax of the scores x, 1 and 0")
    assert abs(shares.sum(-1) - 1).max() < 1e-6


def path(optimizer, start, f, steps: int) -> list:
    """The values of f on the way down."""
    place, values = gpunn.Variable(np.array(start, np.float32)), []
    for _ in range(steps):
        value, gradient = gpunn.value_and_grad(f)(place)
        values.append(float(value))
        optimizer.apply_gradients([(gradient, place)])
    return values


def descent_figure() -> dict:
    rates = {f"rate {rate}": path(optimizers.SGD(rate), [-1.5], lambda x: ops.sum(ops.exp(-x) + x * x), 30)
             for rate in (0.02, 0.1, 0.55)}
    ways = {"plain": optimizers.SGD(0.01), "momentum": optimizers.SGD(0.01, momentum=0.9),
            "Nesterov": optimizers.SGD(0.01, momentum=0.9, nesterov=True)}
    ravine = {name: path(way, [8.0, 2.0], lambda x: ops.sum(np.array([1, 20], np.float32) * x * x), 60)
              for name, way in ways.items()}
    save_lines({"e^-x + x^2": {n: line(range(30), v) for n, v in rates.items()},
                "x^2 + 20 y^2": {n: line(range(60), v) for n, v in ravine.items()}},
               FOLDER / "descent.svg", "Gradient descent, step by step", unit="step")
    return ravine


for figure in (activation_figure, loss_figure, softmax_figure):
    figure()
ravine = descent_figure()
print("drawn:", *sorted(str(path) for path in FOLDER.glob("*.svg")))
assert ravine["plain"][-1] > ravine["momentum"][-1] > ravine["Nesterov"][-1]
