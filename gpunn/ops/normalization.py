"""Batch, layer and RMS normalization, moments."""
from math import prod

from .. import _config
from ..tensor import op
from .arithmetic import add, divide, maximum, multiply, subtract
from .core import axes_of, axis_index, floating, kernels_of, laid_out, shaped, tensor
from .math import rsqrt, square
from .reduce import mean, norm, sum
from .shape import moveaxis, reshape


def batch_norm(x, gamma, beta, moving_mean, moving_var, axis: int = -1, momentum: float = 0.99, epsilon: float = 1e-3,
               *, residual=None, activation: str = "linear"):
    """Training form: by the statistics of the batch, along all axes but one; moving ones follow in place.

    A `residual` of x's shape is added, then comes the activation, linear or relu, in the same pass.
    """
    options = {"momentum": momentum, "epsilon": epsilon, "activation": activation}
    if axis_index(axis, x.ndim, "batch_norm") == x.ndim - 1:
        return _batch_norm(x, gamma, beta, moving_mean, moving_var, residual, **options)
    x, residual = (None if v is None else moveaxis(v, axis, -1) for v in (x, residual))
    return moveaxis(_batch_norm(x, gamma, beta, moving_mean, moving_var, residual, **options), -1, axis)


@op(full=("gamma", "beta", "moving_mean", "moving_var"))
def _batch_norm(x, gamma, beta, moving_mean, moving_var, residual, *, momentum, epsilon, activation):
    """(..., c) -> (..., c)"""
    k, rows = kernels_of(x), x.reshape(prod(x.shape[:-1]), x.shape[-1])
    more = None if residual is None else residual.reshape(rows.shape)
    y, mean, rstd = k.batch_norm(rows, gamma, beta, moving_mean, moving_var, momentum, epsilon, more, activation)

    def backward(dy, need):
        wanted = (need[0] is not None or None, need[1], need[2], *([True] if need[5] is not None else []))
        dx, dgamma, dbeta, *dz = k.batch_norm_backward(dy.reshape(rows.shape), rows, gamma, mean, rstd, wanted, y,
                                                       activation)
        return shaped(dx, x.shape), dgamma, dbeta, None, None, shaped(dz[0], x.shape) if dz else None
    return y.reshape(x.shape), backward


def batch_normalization(x, mean, variance, axis, offset=None, scale=None, epsilon: float = 1e-3):
    """Inference form: (x - mean) / sqrt(variance + epsilon) * scale + offset."""
    x, factor = tensor(x), rsqrt(add(variance, epsilon))
    if scale is not None:
        factor = multiply(factor, scale)
    shift = multiply(mean, factor)
    shift = subtract(offset if offset is not None else 0.0, shift)
    after = (1,) * (x.ndim - 1 - axis_index(axis, x.ndim, "batch_normalization"))
    if after:
        factor, shift = (reshape(v, (*v.shape, *after)) for v in (factor, shift))
    return add(multiply(x, factor), shift)


def layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon: float | None = None):
    """Normalizes each sample along an axis or several, then scales by gamma and shifts by beta."""
    epsilon = small(epsilon)
    axes = axes_of(axis, x.ndim, "layer_normalization")
    if axes == tuple(range(x.ndim - len(axes), x.ndim)):
        return _layer_norm(x, gamma, beta, axes=len(axes), epsilon=epsilon)
    ends = tuple(range(x.ndim - len(axes), x.ndim))
    return moveaxis(_layer_norm(moveaxis(x, axes, ends), gamma, beta, axes=len(axes), epsilon=epsilon), ends, axes)


@op(full=("gamma", "beta"))
def _layer_norm(x, gamma, beta, *, axes, epsilon):
    """(..., c) -> (..., c), c being the last `axes` axes as one"""
    x = floating(x)
    k, cut = kernels_of(x), x.ndim - axes
    rows = x.reshape(prod(x.shape[:cut]), prod(x.shape[cut:]))
    flat = [None if v is None else v.reshape(rows.shape[1]) for v in (gamma, beta)]
    y, mean, rstd = k.layer_norm(rows, *flat, epsilon)

    def backward(dy, need):
        wanted = (need[0] is not None or None, *[laid_out(n, rows.shape[1:]) for n in need[1:]])
        dx, dgamma, dbeta = k.layer_norm_backward(dy.reshape(rows.shape), rows, flat[0], mean, rstd, wanted)
        return tuple(d if d is None else shaped(d, v.shape) for d, v in ((dx, x), (dgamma, gamma), (dbeta, beta)))
    return y.reshape(x.shape), backward


def rms_normalization(x, scale=None, axis=-1, epsilon: float | None = None):
    """x / sqrt(mean(x**2) + epsilon), times scale."""
    y = multiply(x, rsqrt(add(mean(square(x), axis, keepdims=True), small(epsilon))))
    return y if scale is None else multiply(y, scale)


def small(epsilon: float | None) -> float:
    return _config.epsilon() if epsilon is None else epsilon


def moments(x, axes, keepdims: bool = False, synchronized: bool = False):
    """Mean and variance along axes."""
    if synchronized:
        raise ValueError("moments: synchronized=True is not supported here; use a data-parallel BatchNormalization")
    center = mean(x, axes, keepdims=True)
    variance = mean(square(subtract(x, center)), axes, keepdims=keepdims)
    return center if keepdims else reshape(center, variance.shape), variance


def normalize(x, axis=-1, order: int | float = 2, epsilon: float | None = None):
    """x over its norm along an axis; a norm below epsilon counts as epsilon."""
    epsilon = small(epsilon)
    if order == 2:
        return multiply(x, rsqrt(maximum(sum(square(x), axis, keepdims=True), epsilon * epsilon)))
    return divide(x, maximum(norm(x, order, axis, keepdims=True), epsilon))
