"""Gradients: by the tape, for gradient descent in its own words, and by their definition, as a check."""
import numpy as np

from ..tensor import grad


def evaluate_gradient(loss_fun, data, weights):
    """The gradient of loss_fun(data, weights), a function of gpunn.ops, with respect to the weights: an array"""
    return grad(lambda w: loss_fun(data, w))(weights).numpy()


def sample_training_data(data, n, seed=None):
    """n rows, no row twice; of arrays in a tuple the same rows."""
    arrays = data if isinstance(data, tuple) else (data,)
    if n > len(arrays[0]):
        raise ValueError(f"sample_training_data: n must be at most {len(arrays[0])}, the number of examples, got {n}")
    rows = np.random.default_rng(seed).choice(len(arrays[0]), n, replace=False)
    return tuple(a[rows] for a in arrays) if isinstance(data, tuple) else data[rows]


def numerical_gradient(f, x, h=1e-5, central=True):
    """(f(x + h) - f(x - h)) / 2h, or (f(x + h) - f(x)) / h, one number of the array x at a time; f gives a number."""
    x = np.array(x, float)
    gradient, here = np.zeros_like(x), float(f(x))
    for i in np.ndindex(x.shape):
        kept = x[i]
        x[i] = kept + h
        ahead = float(f(x))
        x[i] = kept - h
        gradient[i] = (ahead - float(f(x))) / (2 * h) if central else (ahead - here) / h
        x[i] = kept
    return gradient


def check_gradient(f, x, gradient, h=1e-5) -> float:
    """The largest difference to the numerical gradient, relative to the largest number of both: 1e-7 is good."""
    numerical, gradient = numerical_gradient(f, x, h), np.asarray(gradient, float)
    size = max(np.abs(numerical).max(), np.abs(gradient).max())
    return float(np.abs(numerical - gradient).max() / size) if size else 0.0
