"""Images that look a little different at every step of training, and as they are otherwise."""
import math

import numpy as np

from .. import ops
from ..ops import random
from ..ops.create import arange_constant, kept
from ..tensor import Tensor
from .activation import _Elementwise
from .images import ToSize
from .input_spec import InputSpec
from .windows import spatial

FLIPS = {"horizontal": (1,), "vertical": (0,), "horizontal_and_vertical": (0, 1)}
FILLS = ("reflect", "wrap", "constant", "nearest")


class _Random(_Elementwise):
    """(n, h, w, c) or one image (h, w, c); called on its own, it acts as in training, as Keras' layers do."""
    wants_floats = True
    input_spec = InputSpec(min_ndim=3, max_ndim=4)

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
        self._keep(locals())
        self._one_of("mode", mode, tuple(FLIPS))

    def vary(self, images):
        axes = spatial(self.data_format, 2)
        for direction in FLIPS[self.mode]:
            chosen = ops.reshape(self._draw(images.shape[0], 0.0, 1.0), (-1, 1, 1, 1)) < 0.5
            images = ops.where(chosen, ops.flip(images, axes[direction]), images)
        return images


class _Warp(_Random):
    """Images through an affine map of places, another for each."""

    def _keep(self, own: dict):
        super()._keep(own)
        self._one_of("fill_mode", self.fill_mode, FILLS)
        self._one_of("interpolation", self.interpolation, ("nearest", "bilinear"))

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
        self._keep(locals())
        self.factor = self._range("factor", factor)

    def places(self, n, height, width):
        angle = self._draw(n, *(2 * math.pi * f for f in self.factor))
        c, s, x, y = ops.cos(angle), ops.sin(angle), (width - 1) / 2, (height - 1) / 2
        return c, -s, x - c * x + s * y, s, c, y - s * x - c * y


class RandomTranslation(_Warp):
    """Shifts each image by random shares of its height and width; positive: down and to the right."""

    def __init__(self, height_factor, width_factor, fill_mode="reflect", interpolation="bilinear", seed=None,
                 fill_value=0.0, data_format=None, **kwargs):
        self._keep(locals())
        self._rows = self._range("height_factor", height_factor)
        self._columns = self._range("width_factor", width_factor)

    def places(self, n, height, width):
        right, down = self._draw(n, *self._columns) * width, self._draw(n, *self._rows) * height
        return 1.0, 0.0, -right, 0.0, 1.0, -down


class RandomZoom(_Warp):
    """Zooms each image out (positive factors) or in; one factor for both directions keeps proportions."""

    def __init__(self, height_factor, width_factor=None, fill_mode="reflect", interpolation="bilinear",
                 seed=None, fill_value=0.0, data_format=None, **kwargs):
        self._keep(locals())
        self._rows = self._range("height_factor", height_factor)
        self._columns = None if width_factor is None else self._range("width_factor", width_factor)

    def places(self, n, height, width):
        rows = self._draw(n, *self._rows) + 1
        columns = rows if self._columns is None else self._draw(n, *self._columns) + 1
        x, y = (width - 1) / 2, (height - 1) / 2
        return columns, 0.0, (1 - columns) * x, 0.0, rows, (1 - rows) * y


class RandomCrop(ToSize, _Random):
    """A window of each batch of images, at another place at each step; the middle otherwise."""

    def __init__(self, height, width, seed=None, data_format=None, **kwargs):
        self._keep(locals())

    def call(self, inputs, training=True):
        sizes = list(zip(self._axes(inputs.ndim), (self.height, self.width)))
        if not training or any(inputs.shape[axis] < size for axis, size in sizes):
            return self._filled(inputs)
        for axis, size in sizes:
            start = random.randint((1,), 0, inputs.shape[axis] - size + 1, seed=self._source)
            inputs = ops.take(inputs, Tensor(arange_constant(size)) + start, axis)
        return inputs


class _Recolor(_Random):
    """Pixels moved within `value_range`, each image in its own way."""

    def _keep(self, own: dict):
        super()._keep(own)
        right = isinstance(self.value_range, list | tuple) and len(self.value_range) == 2
        self._require("value_range", right, "two numbers", self.value_range)
        self.value_range = list(self.value_range)

    def vary(self, images):
        drawn = ops.reshape(self._draw(images.shape[0], *self._span), (-1, 1, 1, 1))
        return ops.clip(self.recolored(images, drawn), *self.value_range)


class RandomBrightness(_Recolor):
    """Adds a random share of the value range, `factor` at most."""

    def __init__(self, factor, value_range=(0, 255), seed=None, data_format=None, **kwargs):
        self._keep(locals())
        self.value_range.sort()
        self._span = self.factor = self._range("factor", factor)

    def recolored(self, images, drawn):
        return images + drawn * (self.value_range[1] - self.value_range[0])


class RandomContrast(_Recolor):
    """(x - mean) * a number from 1 - factor[0] to 1 + factor[1] + mean; one factor is the upper one."""

    def __init__(self, factor, value_range=(0, 255), seed=None, data_format=None, **kwargs):
        self._keep(locals())
        self.factor = tuple(factor) if isinstance(factor, list | tuple) else (0, factor)
        self._require("factor", all(0 <= f <= 1 for f in self.factor), "a number or two from 0 to 1", factor)
        self._span = 1 - self.factor[0], 1 + self.factor[1]

    def recolored(self, images, drawn):
        mean = ops.mean(images, tuple(spatial(self.data_format, 2)), keepdims=True)
        return (images - mean) * drawn + mean


class MixUp(_Random):
    """Each image blended with another one of the batch; {"images", "labels"}: labels (one-hot) blended alike."""
    input_spec = None

    def __init__(self, alpha=0.2, data_format=None, seed=None, **kwargs):
        self._keep(locals())
        self._require("alpha", alpha > 0, "a number > 0", alpha)

    def call(self, inputs, training=True):
        if not training:
            return inputs
        given = inputs if isinstance(inputs, dict) else {"images": inputs}
        n = given["images"].shape[0]
        order = _order(random.uniform((n,), seed=self._source))
        place = random.uniform((n,), 0.0, QUANTILES - 1.0, seed=self._source)
        table, left = Tensor(kept(_beta, self.alpha)), ops.floor(place)
        low, high = (ops.take(table, ops.cast(v, "int32")) for v in (left, left + 1.0))
        share = low + (high - low) * (place - left)

        def blended(x):
            part = ops.reshape(share, (n,) + (1,) * (x.ndim - 1))
            return part * x + (1.0 - part) * ops.take(x, order, 0)
        mixed = {name: blended(x) for name, x in given.items()}
        return mixed if isinstance(inputs, dict) else mixed["images"]


def _order(keys):
    """(n,): how many are smaller, or equal and before: a permutation."""
    mine, others = ops.expand_dims(keys, 1), ops.expand_dims(keys, 0)
    before = ops.tri(keys.shape[0], k=-1, dtype="bool")
    return ops.sum(ops.cast((others < mine) | ((others == mine) & before), "int32"), 1)


QUANTILES = 4097


def _beta(alpha: float):
    """The quantiles of the beta distribution (alpha, alpha): of each share i / (QUANTILES - 1) of the cases.
    With x = r**(1 / alpha) the density is smooth in r on the lower half; the upper half mirrors it."""
    r = np.linspace(0, 0.5 ** alpha, 1 << 16)
    density = (1 - r ** (1 / alpha)) ** (alpha - 1)
    below = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    half = np.interp(np.linspace(0, 0.5, QUANTILES // 2 + 1), below / below[-1] / 2, r) ** (1 / alpha)
    return np.concatenate([half, 1 - half[-2::-1]]).astype(np.float32)
