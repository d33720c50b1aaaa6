"""Layers that move numbers without changing them."""
from math import prod

from .. import ops
from .input_spec import InputSpec
from .layer import LibraryLayer
from .windows import channel_format, doubled, one_of, pair, spatial


class Flatten(LibraryLayer):
    """(n, ...) -> (n, product)"""

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format, self.input_spec = channel_format(self, data_format), InputSpec(min_ndim=1)

    def call(self, inputs):
        if self.data_format == "channels_first" and inputs.ndim > 2:
            inputs = ops.moveaxis(inputs, 1, -1)
        return ops.reshape(inputs, (inputs.shape[0], prod(inputs.shape[1:])))

    def compute_output_shape(self, input_shape):
        rest = input_shape[1:]
        return input_shape[0], None if None in rest else prod(rest)


class Reshape(LibraryLayer):
    """(n, ...) -> (n, *target_shape); one -1 is worked out."""

    def __init__(self, target_shape, **kwargs):
        super().__init__(**kwargs)
        self.target_shape = tuple(target_shape) if isinstance(target_shape, list | tuple) else (target_shape,)

    def _resolved(self, rest) -> tuple:
        size, known = prod(rest), prod(n for n in self.target_shape if n != -1)
        fits = size % known == 0 if -1 in self.target_shape and known else size == known
        if not fits:
            raise ValueError(f"Reshape '{self.name}': argument 'inputs' has {size} numbers a sample (shape "
                             f"{tuple(rest)}), expected {known} for target_shape={self.target_shape}. Fix: choose one "
                             f"with {size} numbers, or -1 in one place")
        return tuple(size // known if n == -1 else n for n in self.target_shape)

    def call(self, inputs):
        return ops.reshape(inputs, (inputs.shape[0], *self._resolved(inputs.shape[1:])))

    def compute_output_shape(self, input_shape):
        if None in input_shape[1:]:
            return input_shape[0], *(None if n == -1 else n for n in self.target_shape)
        return input_shape[0], *self._resolved(input_shape[1:])


class Permute(LibraryLayer):
    """Axes in another order; `dims` counts from 1, the batch axis stays."""

    def __init__(self, dims, **kwargs):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        self._require("dims", sorted(dims) == list(range(1, len(dims) + 1)), "a permutation of 1, 2, ...", dims)
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs):
        return ops.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape):
        return input_shape[0], *(input_shape[d] for d in self.dims)


class RepeatVector(LibraryLayer):
    """(n, c) -> (n, times, c)"""

    def __init__(self, n, **kwargs):
        super().__init__(**kwargs)
        self.n, self.input_spec = self._count("n", n), InputSpec(ndim=2)

    def call(self, inputs):
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, axis=1)

    def compute_output_shape(self, input_shape):
        return input_shape[0], self.n, input_shape[1]


class ZeroPadding2D(LibraryLayer):
    """Zeros around images; `padding` is one number, (rows, columns) or ((top, bottom), (left, right))."""

    def __init__(self, padding=(1, 1), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.padding, self.input_spec = doubled(self, "padding", padding), InputSpec(ndim=4)
        self.data_format = channel_format(self, data_format)

    def call(self, inputs):
        widths = [(0, 0)] * 4
        for axis, pads in zip(spatial(self.data_format, 2), self.padding):
            widths[axis] = pads
        return ops.pad(inputs, widths)

    def compute_output_shape(self, input_shape):
        shape = list(input_shape)
        for axis, pads in zip(spatial(self.data_format, 2), self.padding):
            shape[axis] = None if shape[axis] is None else shape[axis] + sum(pads)
        return tuple(shape)


class Cropping2D(LibraryLayer):
    """Images without their borders; `cropping` as ZeroPadding2D's padding."""

    def __init__(self, cropping=((0, 0), (0, 0)), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.cropping, self.input_spec = doubled(self, "cropping", cropping), InputSpec(ndim=4)
        self.data_format = channel_format(self, data_format)

    def call(self, inputs):
        self.compute_output_shape(inputs.shape)
        index = [slice(None)] * 4
        for axis, (before, after) in zip(spatial(self.data_format, 2), self.cropping):
            index[axis] = slice(before, inputs.shape[axis] - after)
        return inputs[tuple(index)]

    def compute_output_shape(self, input_shape):
        shape = list(input_shape)
        for axis, cut in zip(spatial(self.data_format, 2), self.cropping):
            self._require("cropping", shape[axis] is None or shape[axis] > sum(cut),
                          f"smaller than the image {input_shape}", self.cropping)
            shape[axis] = None if shape[axis] is None else shape[axis] - sum(cut)
        return tuple(shape)


class UpSampling2D(LibraryLayer):
    """Rows and columns repeated (nearest), or images resized by another interpolation."""

    def __init__(self, size=(2, 2), data_format=None, interpolation="nearest", **kwargs):
        super().__init__(**kwargs)
        self.size = pair(self, "size", size, 2)
        self.interpolation = one_of(self, "interpolation", interpolation, ("nearest", "bilinear"))
        self.data_format, self.input_spec = channel_format(self, data_format), InputSpec(ndim=4)

    def call(self, inputs):
        axes = spatial(self.data_format, 2)
        if self.interpolation == "bilinear":
            sizes = tuple(inputs.shape[a] * n for a, n in zip(axes, self.size))
            return ops.image.resize(inputs, sizes, interpolation="bilinear", data_format=self.data_format)
        for axis, n in zip(axes, self.size):
            inputs = ops.repeat(inputs, n, axis=axis)
        return inputs

    def compute_output_shape(self, input_shape):
        shape = list(input_shape)
        for axis, n in zip(spatial(self.data_format, 2), self.size):
            shape[axis] = None if shape[axis] is None else shape[axis] * n
        return tuple(shape)
