"""Pooling: windows, or everything at once."""
from .. import ops
from .input_spec import InputSpec
from .layer import LibraryLayer
from .windows import channel_format, of_rank, one_of, pair, spatial, window_shape


class _Pool(LibraryLayer):
    """One number for each window."""
    wants_floats = True
    rank: int
    reduce = None               # what makes one number of a window

    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.pool_size = pair(self, "pool_size", pool_size, self.rank)
        self.strides = self.pool_size if strides is None else pair(self, "strides", strides, self.rank)
        self.padding = one_of(self, "padding", padding.lower(), ("valid", "same"))
        self.data_format, self.input_spec = channel_format(self, data_format), InputSpec(ndim=self.rank + 2)

    def call(self, inputs):
        return self.reduce(inputs, self.pool_size, self.strides, self.padding, self.data_format)

    def compute_output_shape(self, input_shape):
        channels = input_shape[1 if self.data_format == "channels_first" else -1]
        return window_shape(self, input_shape, channels, self.pool_size, self.strides, (1,) * self.rank)


class _GlobalPool(LibraryLayer):
    """One number for each channel."""
    wants_floats = True
    rank: int
    reduce = None               # what makes one number of an axis

    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(**kwargs)
        self.data_format, self.keepdims = channel_format(self, data_format), keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs):
        return self.reduce(inputs, axis=tuple(spatial(self.data_format, self.rank)), keepdims=self.keepdims)

    def compute_output_shape(self, input_shape):
        axes = spatial(self.data_format, self.rank)
        if self.keepdims:
            return tuple(1 if i in axes else n for i, n in enumerate(input_shape))
        return tuple(n for i, n in enumerate(input_shape) if i not in axes)


MaxPooling1D = of_rank(_Pool, "MaxPooling1D", 1, "The largest value of each window of a sequence.",
                       reduce=ops.max_pool)
MaxPooling2D = of_rank(_Pool, "MaxPooling2D", 2, "The largest value of each window of an image.", reduce=ops.max_pool)
AveragePooling1D = of_rank(_Pool, "AveragePooling1D", 1, "The mean of each window of a sequence, without padding.",
                           reduce=ops.average_pool)
AveragePooling2D = of_rank(_Pool, "AveragePooling2D", 2, "The mean of each window of an image, without padding.",
                           reduce=ops.average_pool)
GlobalMaxPooling1D = of_rank(_GlobalPool, "GlobalMaxPooling1D", 1, "The largest value over time.", reduce=ops.max)
GlobalMaxPooling2D = of_rank(_GlobalPool, "GlobalMaxPooling2D", 2, "The largest value over the image.", reduce=ops.max)
GlobalAveragePooling2D = of_rank(_GlobalPool, "GlobalAveragePooling2D", 2, "The mean over the image.", reduce=ops.mean)


class GlobalAveragePooling1D(_GlobalPool):
    """The mean over time; masked steps do not count."""
    rank, reduce, supports_masking = 1, staticmethod(ops.mean), True

    def call(self, inputs, mask=None):
        if mask is None:
            return super().call(inputs)
        axis = spatial(self.data_format, 1)[0]
        weight = ops.expand_dims(ops.cast(mask, inputs.dtype), 2 if axis == 1 else 1)
        total = ops.sum(inputs * weight, axis=axis, keepdims=self.keepdims)
        return total / ops.sum(weight, axis=axis, keepdims=self.keepdims)

    def compute_mask(self, inputs, previous_mask):
        return None


MaxPool1D, MaxPool2D, AvgPool1D, AvgPool2D = MaxPooling1D, MaxPooling2D, AveragePooling1D, AveragePooling2D
GlobalMaxPool1D, GlobalMaxPool2D = GlobalMaxPooling1D, GlobalMaxPooling2D
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
