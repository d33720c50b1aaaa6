"""Images that look a little different at every step of training, and as they are otherwise."""
import math

from .. import ops
from ..ops import random
from .activation import _Elementwise
from .windows import channel_format, one_of, spatial

FLIPS = {"horizontal": (1,), "vertical": (0,), "horizontal_and_vertical": (0, 1)}
FILLS = ("reflect", "wrap", "constant", "nearest")


class _Random(_Elementwise):
    """(n, h, w, c) or one image (h, w, c); called on its own, it acts as in training, as Keras' layers do."""
    wants_floats = True

    def _options(self, seed, data_format):
        self._seeded(seed)
        self.data_format = channel_format(self, data_format)

    def _range(self, name: str, factor, least=-1.0) -> tuple:
        """A number as (-number, number), a pair in order; within [least, 1]."""
        low, high = sorted(factor) if isinstance(factor, list | tuple) else (-abs(factor), abs(factor))
        self._require(name, least <= low <= high <= 1, f"a number or two from {least} to 1", factor)
        return low, high

    def _draw(self, n: int, low: float, high: float):
        """(n, 1) numbers, each image its own."""
        return random.uniform((n, 1), low, high, seed=self._source)

    def call(self, inputs, training=True):
        if not training:
            return inputs
        y = self.vary(inputs if inputs.ndim == 4 else ops.expand_dims(inputs, 0))
        return y if inputs.ndim == 4 else ops.squeeze(y, 0)


class RandomFlip(_Random):
    """Mirrors half of the images, in each direction of `mode`."""

    def __init__(self, mode="horizontal_and_vertical", seed=None, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.mode = one_of(self, "mode", mode, tuple(FLIPS))
        self._options(seed, data_format)

    def vary(self, images):
        axes = spatial(self.data_format, 2)
        for direction in FLIPS[self.mode]:
            chosen = ops.reshape(self._draw(images.shape[0], 0.0, 1.0), (-1, 1, 1, 1)) < 0.5
            images = ops.where(chosen, ops.flip(images, axes[direction]), images)
        return images


class _Warp(_Random):
    """Images through an affine map of places, another for each."""

    def _warping(self, fill_mode, interpolation, seed, fill_value, data_format):
        self.fill_mode = one_of(self, "fill_mode", fill_mode, FILLS)
        self.interpolation = one_of(self, "interpolation", interpolation, ("nearest", "bilinear"))
        self.fill_value = fill_value
        self._options(seed, data_format)

    def vary(self, images):
        n, (height, width) = images.shape[0], (images.shape[a] for a in spatial(self.data_format, 2))
        columns = [c if hasattr(c, "shape") else ops.full((n, 1), c) for c in self.places(n, height, width)]
        matrix = ops.concatenate([*columns, ops.zeros((n, 2))], axis=1)
        return ops.image.affine_transform(images, matrix, self.interpolation, self.fill_mode, self.fill_value,
                                          data_format=self.data_format)


class RandomRotation(_Warp):
    """Turns each image by a random share of a full turn, `factor` at most; positive: counter-clockwise."""

    def __init__(self, factor, fill_mode="reflect", interpolation="bilinear", seed=None, fill_value=0.0,
                 data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.factor = self._range("factor", factor)
        self._warping(fill_mode, interpolation, seed, fill_value, data_format)

    def places(self, n, height, width):
        angle = self._draw(n, *(2 * math.pi * f for f in self.factor))
        c, s, x, y = ops.cos(angle), ops.sin(angle), (width - 1) / 2, (height - 1) / 2
        return c, -s, x - c * x + s * y, s, c, y - s * x - c * y


class RandomTranslation(_Warp):
    """Shifts each image by random shares of its height and width; positive: down and to the right."""

    def __init__(self, height_factor, width_factor, fill_mode="reflect", interpolation="bilinear", seed=None,
                 fill_value=0.0, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._rows = self._range("height_factor", height_factor)
        self._columns = self._range("width_factor", width_factor)
        self._warping(fill_mode, interpolation, seed, fill_value, data_format)

    def places(self, n, height, width):
        right, down = self._draw(n, *self._columns) * width, self._draw(n, *self._rows) * height
        return 1.0, 0.0, -right, 0.0, 1.0, -down


class RandomZoom(_Warp):
    """Zooms each image out (positive factors) or in; one factor for both directions keeps proportions."""

    def __init__(self, height_factor, width_factor=None, fill_mode="reflect", interpolation="bilinear",
                 seed=None, fill_value=0.0, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._rows = self._range("height_factor", height_factor)
        self._columns = None if width_factor is None else self._range("width_factor", width_factor)
        self._warping(fill_mode, interpolation, seed, fill_value, data_format)

    def places(self, n, height, width):
        rows = self._draw(n, *self._rows) + 1
        columns = rows if self._columns is None else self._draw(n, *self._columns) + 1
        x, y = (width - 1) / 2, (height - 1) / 2
        return columns, 0.0, (1 - columns) * x, 0.0, rows, (1 - rows) * y
