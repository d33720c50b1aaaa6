"""Activations as layers."""
from .. import activations, ops
from .input_spec import InputSpec
from .layer import LibraryLayer


class _Elementwise(LibraryLayer):
    """The shape stays, and so does the mask."""
    supports_masking = True

    def compute_output_shape(self, input_shape):
        return input_shape


class Activation(_Elementwise):
    """A function by name, or any function of a tensor."""

    def __init__(self, activation, **kwargs):
        self._keep(locals())

    def call(self, inputs):
        return self.activation(inputs)


class ReLU(_Elementwise):
    """max(x, 0); with a slope below `threshold` and a ceiling `max_value` if wanted."""

    def __init__(self, max_value=None, negative_slope=0.0, threshold=0.0, **kwargs):
        self._keep(locals())
        self._require("max_value", max_value is None or max_value >= 0, "None or a number >= 0", max_value)
        self._require("negative_slope", negative_slope is not None and negative_slope >= 0, "a number >= 0",
                      negative_slope)
        self._require("threshold", threshold is not None and threshold >= 0, "a number >= 0", threshold)

    def call(self, inputs):
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(_Elementwise):
    """x where x > 0, else negative_slope * x."""
    wants_floats = True

    def __init__(self, negative_slope=0.3, **kwargs):
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
        self._keep(locals())
        self._require("negative_slope", negative_slope is not None and negative_slope >= 0, "a number >= 0",
                      negative_slope)

    def call(self, inputs):
        return ops.leaky_relu(inputs, self.negative_slope)


class ELU(_Elementwise):
    """x where x > 0, else alpha * (exp(x) - 1)."""
    wants_floats = True

    def __init__(self, alpha=1.0, **kwargs):
        self._keep(locals())

    def call(self, inputs):
        return ops.elu(inputs, self.alpha)


class PReLU(_Elementwise):
    """LeakyReLU with learned slopes, shared along `shared_axes`."""
    wants_floats = True

    def __init__(self, alpha_initializer="Zeros", alpha_regularizer=None, alpha_constraint=None,
                 shared_axes=None, **kwargs):
        self._keep(locals())
        shared_axes = [shared_axes] if isinstance(shared_axes, int) else shared_axes
        self.shared_axes = shared_axes and list(shared_axes)

    def build(self, input_shape):
        shared = self.shared_axes or ()
        shape = [1 if i in shared else n for i, n in enumerate(input_shape)][1:]
        self._require("the axes that are not shared", None not in shape, "known when the layer is built", input_shape)
        self.alpha = self._weight("alpha", shape)
        own = {i: n for i, n in enumerate(input_shape) if i and i not in shared}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=own)

    def call(self, inputs):
        return ops.relu(inputs) - self.alpha * ops.relu(-inputs)


class Softmax(_Elementwise):
    """Numbers > 0 with sum 1 along an axis; masked places get none."""
    wants_floats = True

    def __init__(self, axis=-1, **kwargs):
        self._keep(locals())

    def call(self, inputs, mask=None):
        if mask is not None:
            return ops.where(mask, ops.softmax(ops.where(mask, inputs, -3e38), axis=self.axis), 0.0)
        return ops.softmax(inputs, axis=self.axis)
