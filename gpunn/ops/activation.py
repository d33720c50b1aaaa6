"""Activations made of other ops, and cross-entropies on probabilities and logits."""
from .._config import epsilon
from .arithmetic import add, divide, greater, less_equal, multiply, subtract, where
from .core import tensor
from .dense import log_softmax, one_hot, pick, softmax_cross_entropy
from .math import abs, clip, log, sigmoid, softplus, sqrt, square, tanh
from .reduce import max, sum
from .shape import moveaxis, ndim_of, split, squeeze


def glu(x, axis: int = -1):
    """The first half along an axis, gated by the sigmoid of the second."""
    a, b = split(x, 2, axis)
    return multiply(a, sigmoid(b))


def hard_tanh(x):
    """x between -1 and 1."""
    return clip(x, -1, 1)


def hard_shrink(x, threshold: float = 0.5):
    """x where |x| > threshold, 0 elsewhere."""
    return where(less_equal(abs(x), threshold), 0.0, x)


def soft_shrink(x, threshold: float = 0.5):
    """x moved towards 0 by threshold, 0 where it would pass it."""
    return subtract(x, clip(x, -threshold, threshold))


def tanh_shrink(x):
    """x - tanh(x)"""
    return subtract(x, tanh(x))


def squareplus(x, b: float = 4):
    """(x + sqrt(x**2 + b)) / 2"""
    return divide(add(x, sqrt(add(square(x), b))), 2.0)


def threshold(x, threshold, default_value):
    """x where it is above the threshold, a default value elsewhere."""
    return where(greater(x, threshold), x, default_value)


def multi_hot(inputs, num_classes: int, axis: int = -1, dtype=None, sparse: bool = False):
    """Several integer labels (..., n) as one row with ones at the labels (..., classes)."""
    rows = one_hot(inputs, num_classes, axis, dtype, sparse)
    return max(rows, 0 if ndim_of(inputs) == 1 else 1)


def binary_crossentropy(target, output, from_logits: bool = False):
    """-(t log(p) + (1 - t) log(1 - p)), element by element."""
    target, output = same("binary_crossentropy", target, output)
    if from_logits:
        return subtract(softplus(output), multiply(target, output))
    p = clip(output, epsilon(), 1.0 - epsilon())
    gain = add(multiply(target, log(p)), multiply(subtract(1.0, target), log(subtract(1.0, p))))
    return multiply(gain, -1.0)


def same(who, target, output):
    """Both as tensors, of one shape."""
    target, output = tensor(target), tensor(output)
    if tuple(target.shape) != tuple(output.shape):
        raise ValueError(f"{who}: target and output must have one shape, "
                         f"got {tuple(target.shape)} and {tuple(output.shape)}")
    return target, output


def categorical_crossentropy(target, output, from_logits: bool = False, axis: int = -1):
    """-sum(t log(p)) along an axis; probabilities are scaled to sum 1 first."""
    target, output = same("categorical_crossentropy", target, output)
    if from_logits:
        logs = log_softmax(output, axis)
    else:
        logs = log(clip(divide(output, sum(output, axis, keepdims=True)), epsilon(), 1.0 - epsilon()))
    return multiply(sum(multiply(target, logs), axis), -1.0)


def sparse_categorical_crossentropy(target, output, from_logits: bool = False, axis: int = -1):
    """Minus the logarithm of the probability at each integer label."""
    target, output = tensor(target), tensor(output)
    target, output = labels_of(target, output), output if axis == -1 else moveaxis(output, axis, -1)
    if tuple(target.shape) != tuple(output.shape[:-1]):
        raise ValueError("sparse_categorical_crossentropy: labels must have the output's shape without its classes: "
                         f"{tuple(output.shape[:-1])}, got {tuple(target.shape)}")
    if from_logits:
        return softmax_cross_entropy(output, target)[0]
    p = clip(divide(pick(output, target), sum(output, -1)), epsilon(), 1.0 - epsilon())
    return multiply(log(p), -1.0)


def labels_of(target, output):
    """Labels without a last axis of size 1."""
    if len(target.shape) == len(output.shape) and target.shape[-1] == 1:
        return squeeze(target, -1)
    return target
