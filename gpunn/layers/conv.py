"""Convolution layers over sequences (n, t, c), images (n, h, w, c) and volumes (n, d, h, w, c)."""
from .. import activations, ops
from ..ops.conv import transposed
from .input_spec import InputSpec
from .layer import LibraryLayer
from .windows import of_rank, pair, spatial, window_shape


class _Conv(LibraryLayer):
    """What all convolutions share: options, the bias, and the activation in the same pass."""
    wants_floats = True
    paddings = ("valid", "same")

    def _keep(self, own: dict):
        super()._keep(own)
        for name in ("kernel_size", "strides", "dilation_rate"):
            setattr(self, name, pair(self, name, own[name], self.rank))
        for name in [n for n in ("filters", "groups", "depth_multiplier") if n in own]:
            setattr(self, name, self._count(name, own[name]))
        self.padding = self._one_of("padding", own["padding"].lower(), self.paddings)

    def _channels(self, input_shape) -> int:
        """The input's channels; from now on no other number is accepted."""
        axis = 1 if self.data_format == "channels_first" else -1
        channels = input_shape[axis]
        self._require("the number of channels", channels is not None, "known when the layer is built", input_shape)
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels})
        return channels

    def call(self, inputs):
        fused = activations.fused(self.activation)
        y = self.convolved(inputs, fused or "linear")
        return y if fused else self.activation(y)

    def compute_output_shape(self, input_shape):
        return window_shape(self, input_shape, self.filters, self.kernel_size, self.strides, self.dilation_rate)

    def _convolved(self, f, inputs, activation, *options):
        return f(inputs, self.kernel, self.strides, self.padding, *options, self.data_format, self.dilation_rate,
                 bias=self.bias, activation=activation)


class _FullConv(_Conv):
    """Every filter sees all channels of its group."""

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1,
                 groups=1, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None, **kwargs):
        self._keep(locals())
        self._require("filters", filters % groups == 0, f"a multiple of groups={groups}", filters)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        self._require("the number of channels", channels % self.groups == 0,
                      f"a multiple of groups={self.groups}", channels)
        self.compute_output_shape(input_shape)
        self.kernel = self._weight("kernel", (*self.kernel_size, channels // self.groups, self.filters))
        self.bias = self._weight("bias", (self.filters,)) if self.use_bias else None

    def convolved(self, inputs, activation):
        return self._convolved(ops.conv, inputs, activation)


Conv1D = of_rank(_FullConv, "Conv1D", 1, '(n, t, c) -> (n, ot, filters); padding may also be "causal".',
                 paddings=("valid", "same", "causal"))
Conv2D = of_rank(_FullConv, "Conv2D", 2, "(n, h, w, c) -> (n, oh, ow, filters)")
Conv3D = of_rank(_FullConv, "Conv3D", 3, "(n, d, h, w, c) -> (n, od, oh, ow, filters)")


class _DepthwiseConv(_Conv):
    """Each channel is convolved on its own, with `depth_multiplier` kernels."""

    def __init__(self, kernel_size, strides=1, padding="valid", depth_multiplier=1, data_format=None,
                 dilation_rate=1, activation=None, use_bias=True, depthwise_initializer="glorot_uniform",
                 bias_initializer="zeros", depthwise_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, depthwise_constraint=None, bias_constraint=None, **kwargs):
        self._keep(locals())

    def build(self, input_shape):
        channels = self._channels(input_shape)
        self.kernel = self._weight("kernel", (*self.kernel_size, channels, self.depth_multiplier), like="depthwise")
        self.bias = self._weight("bias", (channels * self.depth_multiplier,)) if self.use_bias else None

    def convolved(self, inputs, activation):
        return self._convolved(ops.depthwise_conv, inputs, activation)

    def compute_output_shape(self, input_shape):
        channels = input_shape[1 if self.data_format == "channels_first" else -1]
        return window_shape(self, input_shape, channels * self.depth_multiplier, self.kernel_size,
                            self.strides, self.dilation_rate)


DepthwiseConv1D = of_rank(_DepthwiseConv, "DepthwiseConv1D", 1, "(n, t, c) -> (n, ot, c * depth_multiplier)")
DepthwiseConv2D = of_rank(_DepthwiseConv, "DepthwiseConv2D", 2, "(n, h, w, c) -> (n, oh, ow, c * depth_multiplier)")


class _SeparableConv(_Conv):
    """A depthwise convolution, then one of size 1 across the channels."""

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1,
                 depth_multiplier=1, activation=None, use_bias=True, depthwise_initializer="glorot_uniform",
                 pointwise_initializer="glorot_uniform", bias_initializer="zeros", depthwise_regularizer=None,
                 pointwise_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 depthwise_constraint=None, pointwise_constraint=None, bias_constraint=None, **kwargs):
        self._keep(locals())

    def build(self, input_shape):
        channels, multiplier = self._channels(input_shape), self.depth_multiplier
        self.depthwise_kernel = self._weight("depthwise_kernel", (*self.kernel_size, channels, multiplier),
                                             like="depthwise")
        point = (*(1,) * self.rank, channels * multiplier, self.filters)
        self.pointwise_kernel = self._weight("pointwise_kernel", point, like="pointwise")
        self.bias = self._weight("bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs):
        y = ops.depthwise_conv(inputs, self.depthwise_kernel, self.strides, self.padding, self.data_format,
                               self.dilation_rate)
        y = ops.conv(y, self.pointwise_kernel, 1, "valid", self.data_format, bias=self.bias)
        return self.activation(y)


SeparableConv1D = of_rank(_SeparableConv, "SeparableConv1D", 1, "(n, t, c) -> (n, ot, filters)")
SeparableConv2D = of_rank(_SeparableConv, "SeparableConv2D", 2, "(n, h, w, c) -> (n, oh, ow, filters)")


class _ConvTranspose(_Conv):
    """The transpose of a convolution: a larger image from a smaller one."""

    def __init__(self, filters, kernel_size, strides=1, padding="valid", output_padding=None,
                 data_format=None, dilation_rate=1, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, bias_constraint=None, **kwargs):
        self._keep(locals())

    def _keep(self, own: dict):
        super()._keep(own)
        if self.output_padding is not None:
            self.output_padding = pair(self, "output_padding", self.output_padding, self.rank, 0)

    def build(self, input_shape):
        self.kernel = self._weight("kernel", (*self.kernel_size, self.filters, self._channels(input_shape)))
        self.bias = self._weight("bias", (self.filters,)) if self.use_bias else None

    def convolved(self, inputs, activation):
        return self._convolved(ops.conv_transpose, inputs, activation, self.output_padding)

    def compute_output_shape(self, input_shape):
        first = self.data_format == "channels_first"
        sizes = [self._length(input_shape[a], i) for i, a in enumerate(spatial(self.data_format, self.rank))]
        return (input_shape[0], self.filters, *sizes) if first else (input_shape[0], *sizes, self.filters)

    def _length(self, n, i):
        extra = self.output_padding and self.output_padding[i]
        return None if n is None else transposed(n, self.kernel_size[i], self.strides[i], self.padding,
                                                 extra, self.dilation_rate[i])[0]


Conv1DTranspose = of_rank(_ConvTranspose, "Conv1DTranspose", 1, "(n, t, c) -> (n, about t * stride, filters)")
Conv2DTranspose = of_rank(_ConvTranspose, "Conv2DTranspose", 2,
                          "(n, h, w, c) -> (n, about h * stride, about w * stride, filters)")


class Conv3DTranspose(_ConvTranspose):
    """As Conv2DTranspose, with depth: (n, d, h, w, c). Keras has the arguments of this one in another order."""
    rank = 3

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, output_padding=None,
                 dilation_rate=1, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, bias_constraint=None, **kwargs):
        self._keep(locals())


Convolution1D, Convolution2D, Convolution3D, Convolution3DTranspose = Conv1D, Conv2D, Conv3D, Conv3DTranspose
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
