"""Layers that keep numbers near mean 0 and variance 1."""
from math import prod

import numpy as np

from .. import ops
from .._config import epsilon
from ..backend import constant
from ..tensor import Tensor, no_grad
from .activation import _Elementwise
from .input_spec import InputSpec


class _Scaled(_Elementwise):
    """A learned scale `gamma` and shift `beta`, where `scale` and `center` ask for them."""
    wants_floats = True

    def _make_scaling(self, shape, scale_only=False):
        self.gamma = self._weight("gamma", shape) if self.scale or scale_only else None
        self.beta = self._weight("beta", shape) if self.center and not scale_only else None


class BatchNormalization(_Scaled):
    """Normalizes by the batch while training and by moving statistics otherwise; frozen (`trainable =
    False`) it does the latter."""

    def __init__(self, axis=-1, momentum=0.99, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros",
                 gamma_initializer="ones", moving_mean_initializer="zeros", moving_variance_initializer="ones",
                 beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None,
                 renorm=False, renorm_clipping=None, renorm_momentum=0.99, synchronized=False, **kwargs):
        self._keep(locals())
        self.axis, self.momentum, self.epsilon = int(axis), float(momentum), float(epsilon)
        self.renorm_clipping = clip = (renorm_clipping or {}) if renorm else renorm_clipping
        self._require("renorm_clipping", not renorm or clip.keys() <= {"rmin", "rmax", "dmax"},
                      "a dictionary of rmin, rmax and dmax", clip)

    def build(self, input_shape):
        self._require("axis", -len(input_shape) <= self.axis < len(input_shape), f"an axis of {input_shape}", self.axis)
        shape = (input_shape[self.axis],)
        self._require(f"axis {self.axis} of the input", shape[0] is not None,
                      "known when the layer is built", input_shape)
        self._make_scaling(shape)
        for name in ("moving_mean", "moving_variance"):
            setattr(self, name, self._statistic(name, shape, getattr(self, f"{name}_initializer")))
        if self.renorm:
            self.moving_stddev = self._statistic("moving_stddev", shape, self._first_stddev)
            self.renorm_mean = self._statistic("renorm_mean", shape, self.moving_mean_initializer)
            self.renorm_stddev = self._statistic("renorm_stddev", shape, self._first_stddev)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def _statistic(self, name, shape, initializer):
        return self.add_weight(shape, initializer, trainable=False, name=name, autocast=False)

    def _first_stddev(self, shape, dtype=None):
        return ops.sqrt(self.moving_variance_initializer(shape, dtype=dtype))

    def call(self, inputs, training=False, mask=None):
        if not (training and self.trainable):
            return ops.batch_normalization(inputs, self.moving_mean, self.moving_variance, self.axis,
                                           self.beta, self.gamma, self.epsilon)
        if mask is not None or self.renorm:
            return self._by_moments(inputs, mask)
        return ops.batch_norm(inputs, self.gamma, self.beta, self.moving_mean, self.moving_variance,
                              self.axis, self.momentum, self.epsilon)

    def with_relu(self, inputs, residual=None):
        """relu(the training form of this layer + residual)"""
        return ops.batch_norm(inputs, self.gamma, self.beta, self.moving_mean, self.moving_variance, -1,
                              self.momentum, self.epsilon, residual=residual, activation="relu")

    def _by_moments(self, inputs, mask):
        """Only what the mask lets through counts in the statistics."""
        weight = ops.ones_like(inputs) if mask is None else ops.broadcast_to(
            ops.expand_dims(ops.cast(mask, inputs.dtype), -1), inputs.shape)
        axes = [i for i in range(inputs.ndim) if i != self.axis % inputs.ndim]
        count = ops.sum(weight, axis=axes, keepdims=True) + (0.0 if mask is None else epsilon())
        mean = ops.sum(inputs * weight, axis=axes, keepdims=True) / count
        variance = ops.sum(ops.square(inputs - mean) * weight, axis=axes, keepdims=True) / count
        mean, variance = (ops.reshape(v, (inputs.shape[self.axis],)) for v in (mean, variance))
        gamma, beta = self._renormed(mean, variance) if self.renorm else (self.gamma, self.beta)
        if not self.renorm:
            _move(self.momentum, (self.moving_mean, mean), (self.moving_variance, variance))
        return ops.batch_normalization(inputs, mean, variance, self.axis, beta, gamma, self.epsilon)

    def _renormed(self, mean, variance):
        """Scale and shift that also lead from the statistics of the batch to the moving ones, as far as the clipping
        allows (batch renormalization)."""
        rmin, rmax, dmax = (self.renorm_clipping.get(name) for name in ("rmin", "rmax", "dmax"))
        with no_grad():
            stddev, least = ops.sqrt(variance + self.epsilon), self.epsilon ** 0.5
            near = ops.maximum(self.renorm_stddev, least)
            scale, shift = stddev / near, (mean - self.renorm_mean) / near
            scale = scale if rmin is None else ops.maximum(scale, rmin)
            scale = scale if rmax is None else ops.minimum(scale, rmax)
            shift = shift if dmax is None else ops.clip(shift, -dmax, dmax)
            _move(self.renorm_momentum, (self.renorm_mean, mean), (self.renorm_stddev, stddev))
            _move(self.momentum, (self.moving_mean, mean), (self.moving_stddev, stddev))
            self.moving_variance.assign(ops.relu(ops.square(self.moving_stddev) - self.epsilon))
        gamma, shift = (scale, shift) if self.gamma is None else (scale * self.gamma, shift * self.gamma)
        return gamma, shift if self.beta is None else shift + self.beta


@no_grad()
def _move(momentum, *pairs):
    for moving, new in pairs:
        moving.assign(moving * momentum + new * (1 - momentum))


class LayerNormalization(_Scaled):
    """Normalizes each sample along an axis, or several."""

    def __init__(self, axis=-1, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros",
                 gamma_initializer="ones", beta_regularizer=None, gamma_regularizer=None,
                 beta_constraint=None, gamma_constraint=None, rms_scaling=False, **kwargs):
        self._keep(locals())
        self.axis = sorted(axis) if isinstance(axis, list | tuple) else axis

    def build(self, input_shape):
        axes = self.axis if isinstance(self.axis, list) else [self.axis]
        self._make_scaling(tuple(input_shape[a] for a in axes), self.rms_scaling)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={a: input_shape[a] for a in axes})

    def call(self, inputs):
        if not self.rms_scaling:
            return ops.layer_normalization(inputs, self.gamma, self.beta, self.axis, self.epsilon)
        variance = ops.var(inputs, axis=self.axis, keepdims=True)
        axes = [a % inputs.ndim for a in (self.axis if isinstance(self.axis, list) else [self.axis])]
        shape = [n if i in axes else 1 for i, n in enumerate(inputs.shape)]
        return inputs * ops.rsqrt(variance + self.epsilon) * ops.reshape(self.gamma, shape)


class RMSNormalization(_Elementwise):
    """x over its root mean square along an axis, times a learned scale."""
    wants_floats = True

    def __init__(self, axis=-1, epsilon=1e-6, **kwargs):
        self._keep(locals())
        self.supports_masking = False

    def build(self, input_shape):
        axes = self.axis if isinstance(self.axis, list | tuple) else [self.axis]
        self.scale = self.add_weight(tuple(input_shape[a] for a in axes), "ones", name="scale")

    def call(self, inputs):
        return ops.rms_normalization(inputs, self.scale, self.axis, self.epsilon)


class UnitNormalization(_Elementwise):
    """x over its length along an axis, or several."""
    wants_floats = True

    def __init__(self, axis=-1, **kwargs):
        self._keep(locals())
        self.axis = list(axis) if isinstance(axis, list | tuple) else axis

    def call(self, inputs):
        return ops.normalize(inputs, self.axis, epsilon=1e-12)


class GroupNormalization(_Scaled):
    """Normalizes each sample by groups of channels; groups=-1: one for each channel."""

    def __init__(self, groups=32, axis=-1, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros",
                 gamma_initializer="ones", beta_regularizer=None, gamma_regularizer=None,
                 beta_constraint=None, gamma_constraint=None, **kwargs):
        self._keep(locals())

    def build(self, input_shape):
        channels = input_shape[self.axis]
        self.groups = channels if self.groups == -1 else self.groups
        self._require("groups", channels is not None and channels % self.groups == 0,
                      f"a divisor of the {channels} channels", self.groups)
        self._make_scaling((channels,))
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})

    def call(self, inputs):
        moved = ops.moveaxis(inputs, self.axis, -1)
        x = ops.reshape(moved, (moved.shape[0], prod(moved.shape[1:-1]), moved.shape[-1]))
        centered = x - self._of_group(ops.mean(x, 1, keepdims=True))
        scale = ops.rsqrt(self._of_group(ops.mean(ops.square(centered), 1, keepdims=True)) + self.epsilon)
        y = centered * (scale if self.gamma is None else scale * self.gamma)
        y = ops.reshape(y if self.beta is None else y + self.beta, moved.shape)
        return ops.moveaxis(y, -1, self.axis)

    def _of_group(self, v):
        """(n, 1, c): each channel's number becomes the mean of its group"""
        groups = ops.reshape(v, (len(v), self.groups, v.shape[-1] // self.groups))
        return ops.reshape(ops.broadcast_to(ops.mean(groups, -1, keepdims=True), groups.shape), v.shape)


class Normalization(_Elementwise):
    """(x - mean) / standard deviation, with fixed numbers: given, or measured by `adapt(data)`."""
    wants_floats = True

    def __init__(self, axis=-1, mean=None, variance=None, invert=False, **kwargs):
        super().__init__(**kwargs)
        self._require("mean and variance", (mean is None) == (variance is None), "given together", (mean, variance))
        self.axis = axis if axis is None or isinstance(axis, int) else tuple(axis)
        self.input_mean, self.input_variance, self.invert = _plain(mean), _plain(variance), invert

    def build(self, input_shape):
        axes = () if self.axis is None else (self.axis,) if isinstance(self.axis, int) else self.axis
        rank = len(input_shape)
        self._require("axis", all(-rank <= a < rank for a in axes), f"from {-rank} to {rank - 1}", self.axis)
        kept = [a % rank for a in axes]
        self._shape = tuple(n if i in kept else 1 for i, n in enumerate(input_shape))
        self._require("the kept axes", None not in self._shape, "known when the layer is built", input_shape)
        if self.input_mean is not None:
            to = tuple(n for i, n in enumerate(input_shape) if i in kept)
            values = (np.broadcast_to(np.asarray(v, self.dtype), to) for v in (self.input_mean, self.input_variance))
            self._mean, self._variance = (Tensor(constant(np.ascontiguousarray(v))) for v in values)
            return
        shape = tuple(input_shape[a] for a in kept)
        self.adapt_mean = self._mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
        self.adapt_variance = self._variance = self.add_weight(shape, "ones", trainable=False, name="variance")
        self.count = self.add_weight((), "zeros", "int32", trainable=False, name="count")

    def adapt(self, data):
        """Measure mean and variance of the data: an array, or an iterable of batches."""
        self._require("mean", self.input_mean is None, "None: adapt() measures it", self.input_mean)
        batches = [data] if hasattr(data, "shape") or isinstance(data, list) else data
        total, count = None, 0
        for batch in batches:
            x = np.asarray(batch, "float64")
            if not self.built:
                self.build((None, *x.shape[1:]) if self.axis != 0 else x.shape)
            axes = tuple(i for i in range(x.ndim) if self.axis is None
                         or i not in {a % x.ndim for a in np.atleast_1d(self.axis)})
            n = int(np.prod([x.shape[a] for a in axes]))
            part = np.array([x.mean(axes), x.var(axes)])
            total, count = (part, n) if total is None else (_joined(total, count, part, n), count + n)
        self._require("data", count > 0, "an array or batches with samples in them", data)
        self.adapt_mean.assign(total[0].reshape(self.adapt_mean.shape))
        self.adapt_variance.assign(total[1].reshape(self.adapt_variance.shape))

    mean: Tensor = property(lambda self: ops.reshape(self._mean, self._shape))
    variance: Tensor = property(lambda self: ops.reshape(self._variance, self._shape))

    def get_config(self):
        return {**self._base_config(), "axis": self.axis, "mean": self.input_mean, "variance": self.input_variance,
                "invert": self.invert}

    def call(self, inputs):
        mean, variance = self.mean, self.variance
        deviation = ops.maximum(ops.sqrt(variance), epsilon())
        return inputs * deviation + mean if self.invert else (inputs - mean) / deviation


def _plain(value):
    return value.tolist() if hasattr(value, "tolist") else value


def _joined(a, n, b, m):
    """Mean and variance of two samples taken together."""
    mean = (a[0] * n + b[0] * m) / (n + m)
    variance = (a[1] * n + b[1] * m + (a[0] - mean) ** 2 * n + (b[0] - mean) ** 2 * m) / (n + m)
    return np.array([mean, variance])
