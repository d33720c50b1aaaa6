"""Layers that move numbers without changing them."""
from math import prod

from .. import ops
from .input_spec import InputSpec
from .layer import LibraryLayer
from .windows import doubled, of_rank, pair, spatial


class Flatten(LibraryLayer):
    """(n, ...) -> (n, product)"""

    def __init__(self, data_format=None, **kwargs):
        self._keep(locals())
        self.input_spec = InputSpec(min_ndim=1)

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
        self._keep(locals())
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
        self._keep(locals())
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
        self._keep(locals())
        self.n, self.input_spec = self._count("n", n), InputSpec(ndim=2)

    def call(self, inputs):
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, axis=1)

    def compute_output_shape(self, input_shape):
        return input_shape[0], self.n, input_shape[1]


class _Sized(LibraryLayer):
    """Time, rows and columns, or depth too get another length."""

    def __init__(self, data_format=None, **kwargs):
        self._keep(locals())

    def compute_output_shape(self, input_shape):
        shape = list(input_shape)
        for axis, how in zip(spatial(self.data_format, self.rank), self._how):
            shape[axis] = None if shape[axis] is None else self.length(shape[axis], how)
        return tuple(shape)


class _ZeroPadding(_Sized):
    """Zeros around; `padding` is one number, one for each axis, or (before, after) for each."""

    def __init__(self, padding=1, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.padding = self._how = doubled(self, "padding", padding)

    def length(self, n, pads):
        return n + sum(pads)

    def call(self, inputs):
        widths = [(0, 0)] * inputs.ndim
        for axis, pads in zip(spatial(self.data_format, self.rank), self.padding):
            widths[axis] = pads
        return ops.pad(inputs, widths)


class _Cropping(_Sized):
    """Without the borders; `cropping` is one number, one for each axis, or (before, after) for each."""

    def __init__(self, cropping=1, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.cropping = self._how = doubled(self, "cropping", cropping)

    def length(self, n, cut):
        self._require("cropping", n > sum(cut), f"smaller than the input, here {n}", self.cropping)
        return n - sum(cut)

    def call(self, inputs):
        self.compute_output_shape(inputs.shape)
        index = [slice(None)] * inputs.ndim
        for axis, (before, after) in zip(spatial(self.data_format, self.rank), self.cropping):
            index[axis] = slice(before, inputs.shape[axis] - after)
        return inputs[tuple(index)]


class _UpSampling(_Sized):
    """Every step, row or column repeated."""

    def __init__(self, size=2, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.size = self._how = pair(self, "size", size, self.rank)

    def length(self, n, times):
        return n * times

    def call(self, inputs):
        for axis, n in zip(spatial(self.data_format, self.rank), self.size):
            inputs = ops.repeat(inputs, n, axis=axis)
        return inputs


ZeroPadding1D, ZeroPadding2D, ZeroPadding3D = [
    of_rank(_ZeroPadding, f"ZeroPadding{rank}D", rank, _ZeroPadding.__doc__) for rank in (1, 2, 3)]
Cropping1D = of_rank(_Cropping, "Cropping1D", 1, "(n, t, c) without the first and the last steps; `cropping` is one "
                     "number or (before, after).", {"cropping": (1, 1)})
Cropping2D = of_rank(_Cropping, "Cropping2D", 2, "Images without their borders; `cropping` as ZeroPadding2D's padding.",
                     {"cropping": ((0, 0), (0, 0)), "data_format": None})
Cropping3D = of_rank(_Cropping, "Cropping3D", 3, _Cropping.__doc__)
UpSampling1D = of_rank(_UpSampling, "UpSampling1D", 1, "Every step repeated.", {"size": 2})
UpSampling3D = of_rank(_UpSampling, "UpSampling3D", 3, _UpSampling.__doc__)


class UpSampling2D(_UpSampling):
    """Rows and columns repeated (nearest), or images resized by another interpolation."""
    rank = 2

    def __init__(self, size=(2, 2), data_format=None, interpolation="nearest", **kwargs):
        super().__init__(size, data_format, **kwargs)
        self.interpolation = self._one_of("interpolation", interpolation,
                                          ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"))

    def call(self, inputs):
        if self.interpolation == "nearest":
            return super().call(inputs)
        sizes = tuple(inputs.shape[a] * n for a, n in zip(spatial(self.data_format, 2), self.size))
        return ops.image.resize(inputs, sizes, interpolation=self.interpolation, data_format=self.data_format)
