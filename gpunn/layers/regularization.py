"""Layers that only act while training, and penalties on activity."""
from .. import ops, regularizers
from ..ops import random
from .activation import _Elementwise
from .windows import of_rank, spatial


class _Noise(_Elementwise):
    """Disturbs the inputs while training, unless the strength is 0; `seed` makes the numbers independent of the
    process' seed."""
    wants_floats, _strength = True, "rate"

    def _keep(self, own: dict):
        super()._keep(own)
        if "rate" in own:
            right = isinstance(self.rate, int | float) and 0 <= self.rate <= 1
            self._require("rate", right, "a number from 0 to 1", self.rate)

    def call(self, inputs, training=False):
        return self.disturbed(inputs) if training and getattr(self, self._strength) else inputs


class Dropout(_Noise):
    """Zeroes a share `rate` of the inputs while training, and scales the others up; equal along axes of
    `noise_shape` that are 1."""

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        self._keep(locals())
        self.noise_shape = noise_shape and tuple(noise_shape)

    def _noise(self, shape):
        return self.noise_shape

    def disturbed(self, inputs):
        return random.dropout(inputs, self.rate, self._noise(inputs.shape), self._source)


class _SpatialDropout(Dropout):
    """Drops whole channels."""

    def __init__(self, rate, data_format=None, seed=None, **kwargs):
        self._keep(locals())
        self.noise_shape = None

    def _noise(self, shape):
        axes = spatial(self.data_format, self.rank)
        return tuple(1 if i in axes else n for i, n in enumerate(shape))


class SpatialDropout1D(_SpatialDropout):
    """(n, t, c): drops channels for all times."""
    rank = 1

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(rate, "channels_last", seed, **kwargs)


SpatialDropout2D = of_rank(_SpatialDropout, "SpatialDropout2D", 2, "(n, h, w, c): drops channels for the whole image.")
SpatialDropout3D = of_rank(_SpatialDropout, "SpatialDropout3D", 3, "Drops channels for the whole volume.")


class GaussianNoise(_Noise):
    """Adds normal noise while training."""
    _strength = "stddev"

    def __init__(self, stddev, seed=None, **kwargs):
        self._keep(locals())
        self._require("stddev", 0 <= stddev, "a number >= 0", stddev)

    def disturbed(self, inputs):
        return inputs + random.normal(inputs.shape, 0.0, self.stddev, inputs.dtype, self._source)


class GaussianDropout(_Noise):
    """Multiplies by normal noise around 1 while training, as strong as Dropout(rate)."""

    def __init__(self, rate, seed=None, **kwargs):
        self._keep(locals())

    def disturbed(self, inputs):
        stddev = (self.rate / (1 - self.rate)) ** 0.5
        return inputs * random.normal(inputs.shape, 1.0, stddev, inputs.dtype, self._source)


class AlphaDropout(Dropout):
    """Dropout that keeps mean and variance of what SELU gives."""

    def disturbed(self, inputs):
        floor = -1.6732632423543772 * 1.0507009873554805       # what SELU gives far to the left
        shape = self.noise_shape or inputs.shape
        shape = tuple(n if s is None else s for s, n in zip(shape, inputs.shape))
        kept = random.uniform(shape, 0.0, 1.0, inputs.dtype, self._source) >= self.rate
        a = ((1 - self.rate) * (1 + self.rate * floor ** 2)) ** -0.5
        return ops.where(kept, inputs, floor) * a + -a * floor * self.rate


class ActivityRegularization(_Elementwise):
    """Passes on; adds l1 * sum(|x|) + l2 * sum(x^2), per sample, to the losses."""

    def __init__(self, l1=0.0, l2=0.0, **kwargs):
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **kwargs)
        self.l1, self.l2 = l1, l2

    def call(self, inputs):
        return inputs

    def _base_config(self):
        return {k: v for k, v in super()._base_config().items() if k != "activity_regularizer"}
