"""Pooling: windows, or everything at once."""
from .. import ops
from .layer import LibraryLayer
from .windows import of_rank, pair, spatial, window_shape

KINDS = {1: "a sequence", 2: "an image", 3: "a volume"}


class _Pool(LibraryLayer):
    """One number for each window."""
    wants_floats = True
    reduce = None               # what makes one number of a window

    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, **kwargs):
        self._keep(locals())
        self.pool_size = pair(self, "pool_size", pool_size, self.rank)
        self.strides = self.pool_size if strides is None else pair(self, "strides", strides, self.rank)
        self.padding = self._one_of("padding", padding.lower(), ("valid", "same"))

    def call(self, inputs):
        return self.reduce(inputs, self.pool_size, self.strides, self.padding, self.data_format)

    def compute_output_shape(self, input_shape):
        channels = input_shape[1 if self.data_format == "channels_first" else -1]
        return window_shape(self, input_shape, channels, self.pool_size, self.strides, (1,) * self.rank)


class _GlobalPool(LibraryLayer):
    """One number for each channel."""
    wants_floats = True
    reduce = None               # what makes one number of an axis

    def __init__(self, data_format=None, keepdims=False, **kwargs):
        self._keep(locals())

    def call(self, inputs):
        return self.reduce(inputs, axis=tuple(spatial(self.data_format, self.rank)), keepdims=self.keepdims)

    def compute_output_shape(self, input_shape):
        axes = spatial(self.data_format, self.rank)
        if self.keepdims:
            return tuple(1 if i in axes else n for i, n in enumerate(input_shape))
        return tuple(n for i, n in enumerate(input_shape) if i not in axes)


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D = [
    of_rank(_Pool, f"MaxPooling{rank}D", rank, f"The largest value of each window of {what}.", reduce=ops.max_pool,
            wants_floats=False)
    for rank, what in KINDS.items()]
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D = [
    of_rank(_Pool, f"AveragePooling{rank}D", rank, f"The mean of each window of {what}, without padding.",
            reduce=ops.average_pool) for rank, what in KINDS.items()]
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D = [
    of_rank(_GlobalPool, f"GlobalMaxPooling{rank}D", rank, f"The largest value of {what}.", reduce=ops.max,
            wants_floats=False)
    for rank, what in KINDS.items()]
GlobalAvgPool2D, GlobalAvgPool3D = GlobalAveragePooling2D, GlobalAveragePooling3D = [
    of_rank(_GlobalPool, f"GlobalAveragePooling{rank}D", rank, f"The mean of {KINDS[rank]}.", reduce=ops.mean)
    for rank in (2, 3)]


class _AdaptivePool(LibraryLayer):
    """So many numbers along each axis."""
    reduce = None

    def __init__(self, output_size, data_format=None, **kwargs):
        self._keep(locals())
        self.output_size = pair(self, "output_size", output_size, self.rank)

    def call(self, inputs):
        return self.reduce(inputs, self.output_size, self.data_format)

    def compute_output_shape(self, input_shape):
        sizes = dict(zip(spatial(self.data_format, self.rank), self.output_size))
        return tuple(sizes.get(i, n) for i, n in enumerate(input_shape))


AdaptiveMaxPooling1D, AdaptiveMaxPooling2D, AdaptiveMaxPooling3D = [
    of_rank(_AdaptivePool, f"AdaptiveMaxPooling{rank}D", rank, f"The largest value of each part of {what}.",
            reduce=ops.adaptive_max_pool) for rank, what in KINDS.items()]
AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D = [
    of_rank(_AdaptivePool, f"AdaptiveAveragePooling{rank}D", rank, f"The mean of each part of {what}.",
            reduce=ops.adaptive_average_pool) for rank, what in KINDS.items()]


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


GlobalAvgPool1D = GlobalAveragePooling1D
