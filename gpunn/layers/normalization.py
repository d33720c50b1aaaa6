"""Layers that keep numbers near mean 0 and variance 1."""
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

    def _make_scaling(self, shape):
        self.gamma = self._weight("gamma", shape) if self.scale else None
        self.beta = self._weight("beta", shape) if self.center else None


class BatchNormalization(_Scaled):
    """Normalizes by the batch while training and by moving statistics otherwise; frozen (`trainable =
    False`) it does the latter."""

    def __init__(self, axis=-1, momentum=0.99, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros",
                 gamma_initializer="ones", moving_mean_initializer="zeros", moving_variance_initializer="ones",
                 beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None,
                 renorm=False, renorm_clipping=None, renorm_momentum=0.99, synchronized=False, **kwargs):
        self._keep(locals())
        self.axis, self.momentum, self.epsilon = int(axis), float(momentum), float(epsilon)
        self._require("renorm", not renorm, "False: batch renormalization is not supported", renorm)
        self._require("synchronized", not synchronized, "False: statistics are those of one device", synchronized)

    def build(self, input_shape):
        self._require("axis", -len(input_shape) <= self.axis < len(input_shape), f"an axis of {input_shape}", self.axis)
        shape = (input_shape[self.axis],)
        self._require(f"axis {self.axis} of the input", shape[0] is not None,
                      "known when the layer is built", input_shape)
        self._make_scaling(shape)
        self.moving_mean = self.add_weight(shape, self.moving_mean_initializer, trainable=False, name="moving_mean",
                                           autocast=False)
        self.moving_variance = self.add_weight(shape, self.moving_variance_initializer, trainable=False,
                                               name="moving_variance", autocast=False)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def call(self, inputs, training=False, mask=None):
        if not (training and self.trainable):
            return ops.batch_normalization(inputs, self.moving_mean, self.moving_variance, self.axis,
                                           self.beta, self.gamma, self.epsilon)
        if mask is not None:
            return self._masked(inputs, mask)
        return ops.batch_norm(inputs, self.gamma, self.beta, self.moving_mean, self.moving_variance,
                              self.axis, self.momentum, self.epsilon)

    def with_relu(self, inputs, residual=None):
        """relu(the training form of this layer + residual)"""
        return ops.batch_norm(inputs, self.gamma, self.beta, self.moving_mean, self.moving_variance, -1,
                              self.momentum, self.epsilon, residual=residual, activation="relu")

    def _masked(self, inputs, mask):
        """Only what the mask lets through counts in the statistics."""
        weight = ops.broadcast_to(ops.expand_dims(ops.cast(mask, inputs.dtype), -1), inputs.shape)
        axes = [i for i in range(inputs.ndim) if i != self.axis % inputs.ndim]
        count = ops.sum(weight, axis=axes, keepdims=True)
        mean = ops.sum(inputs * weight, axis=axes, keepdims=True) / count
        variance = ops.sum(ops.square(inputs - mean) * weight, axis=axes, keepdims=True) / count
        mean, variance = (ops.reshape(v, (inputs.shape[self.axis],)) for v in (mean, variance))
        with no_grad():
            for moving, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(moving * self.momentum + new * (1 - self.momentum))
        return ops.batch_normalization(inputs, mean, variance, self.axis, self.beta, self.gamma, self.epsilon)


class LayerNormalization(_Scaled):
    """Normalizes each sample along an axis, or several."""

    def __init__(self, axis=-1, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros",
                 gamma_initializer="ones", beta_regularizer=None, gamma_regularizer=None,
                 beta_constraint=None, gamma_constraint=None, rms_scaling=False, **kwargs):
        self._keep(locals())
        self.axis = sorted(axis) if isinstance(axis, list | tuple) else axis
        self._require("rms_scaling", not rms_scaling,
                      "False; RMSNormalization scales by the root mean square", rms_scaling)

    def build(self, input_shape):
        axes = self.axis if isinstance(self.axis, list) else [self.axis]
        self._make_scaling(tuple(input_shape[a] for a in axes))
        self.input_spec = InputSpec(ndim=len(input_shape), axes={a: input_shape[a] for a in axes})

    def call(self, inputs):
        return ops.layer_normalization(inputs, self.gamma, self.beta, self.axis, self.epsilon)


class RMSNormalization(_Elementwise):
    """x over its root mean square along an axis, times a learned scale."""
    wants_floats = True

    def __init__(self, axis=-1, epsilon=1e-6, **kwargs):
        self._keep(locals())

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
        x = ops.moveaxis(inputs, self.axis, -1)
        groups = ops.reshape(x, (*x.shape[:-1], self.groups, x.shape[-1] // self.groups))
        mean, variance = ops.moments(groups, axes=(*range(1, x.ndim - 1), x.ndim), keepdims=True)
        y = ops.reshape((groups - mean) * ops.rsqrt(variance + self.epsilon), x.shape)
        y = y if self.gamma is None else y * self.gamma
        return ops.moveaxis(y if self.beta is None else y + self.beta, -1, self.axis)


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
