"""Images (n, h, w, c), or one (h, w, c), of another size."""
from .. import ops
from .layer import LibraryLayer
from .windows import spatial


class ToSize(LibraryLayer):
    """Every image gets `height` rows and `width` columns."""

    def _keep(self, own: dict):
        super()._keep(own)
        self.height, self.width = self._count("height", self.height), self._count("width", self.width)

    def _axes(self, rank: int) -> tuple:
        """Of rows and columns."""
        self._require("the input", rank in (3, 4), "images (n, h, w, c) or one image (h, w, c)", f"{rank} axes")
        return tuple(a - (rank == 3) for a in spatial(self.data_format, 2))

    def compute_output_shape(self, input_shape):
        sizes = dict(zip(self._axes(len(input_shape)), (self.height, self.width)))
        return tuple(sizes.get(i, n) for i, n in enumerate(input_shape))

    def _filled(self, images):
        """The largest window in the middle with the right proportions, resized."""
        return ops.image.resize(images, (self.height, self.width), crop_to_aspect_ratio=True,
                                data_format=self.data_format)


class Resizing(ToSize):
    """Images resized; where the proportions differ they are stretched, cropped or padded."""

    def __init__(self, height, width, interpolation="bilinear", crop_to_aspect_ratio=False, pad_to_aspect_ratio=False,
                 fill_mode="constant", fill_value=0.0, antialias=False, data_format=None, **kwargs):
        self._keep(locals())
        self._require("crop_to_aspect_ratio", not (crop_to_aspect_ratio and pad_to_aspect_ratio),
                      "False where pad_to_aspect_ratio is True", True)

    def call(self, inputs):
        return ops.image.resize(inputs, (self.height, self.width), self.interpolation, self.antialias,
                                self.crop_to_aspect_ratio, self.pad_to_aspect_ratio, self.fill_mode, self.fill_value,
                                data_format=self.data_format)


class CenterCrop(ToSize):
    """The middle of the images; smaller images are enlarged first."""
    wants_floats = True

    def __init__(self, height, width, data_format=None, **kwargs):
        self._keep(locals())

    def call(self, inputs):
        index = [slice(None)] * inputs.ndim
        for axis, size in zip(self._axes(inputs.ndim), (self.height, self.width)):
            start = (inputs.shape[axis] - size) // 2
            if start < 0:
                return self._filled(inputs)
            index[axis] = slice(start, start + size)
        return inputs[tuple(index)]
