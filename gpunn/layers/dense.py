"""Dense: every input feeds every unit."""
from .. import activations
from ..ops.dense import _dense
from .input_spec import InputSpec
from .layer import LibraryLayer


class Dense(LibraryLayer):
    """activation(x @ kernel + bias) over the last axis."""
    wants_floats = supports_masking = True

    def __init__(self, units, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units, self.use_bias = self._count("units", units), use_bias
        self.activation = activations.get(activation)
        self._describe(locals(), "kernel", "bias")
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape):
        features = input_shape[-1]
        self._require("the input's last axis", features is not None, "known when the layer is built", input_shape)
        self.kernel = self._weight("kernel", (features, self.units))
        self.bias = self._weight("bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})

    def call(self, inputs):
        fused = activations.fused(self.activation)
        y = _dense(inputs, self.kernel, self.bias, activation=fused or "linear")
        return y if fused else self.activation(y)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)
