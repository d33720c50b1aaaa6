"""Images (n, h, w, c) or (h, w, c): resizing, cropping, warping."""
from functools import wraps

import numpy as np

from .._config import storage
from .._names import one_of, require
from ..tensor import op
from .arithmetic import add, divide, greater, less_equal, logical_and, mod, multiply, subtract, where
from .core import array, kernels_of, pair, tensor
from .create import cast, kept, saturate_cast
from .index import _steps, embedding
from .linalg import _matmul
from .math import clip, floor, is_integer, round
from .reduce import sum
from .shape import _slice, expand_dims, pad, reshape, squeeze, transpose
from .window import channels_first, resolve


def batched(f):
    """A function of (n, h, w, c), also for single images and for channels first."""
    @wraps(f)
    def apply(images, *args, data_format=None, **options):
        require(f.__name__, "images", images.ndim in (3, 4), "of shape (n, h, w, c) or (h, w, c)", images.shape)
        x = images if images.ndim == 4 else expand_dims(images, 0)
        first = channels_first(data_format, f.__name__)
        y = f(transpose(x, (0, 2, 3, 1)) if first else x, *args, **options)
        y = transpose(y, (0, 3, 1, 2)) if first else y
        return y if images.ndim == 4 else squeeze(y, 0)
    return apply


CUBIC = -0.5


def _cubic(d):
    near = ((CUBIC + 2) * d - (CUBIC + 3)) * d * d + 1
    far = ((CUBIC * d - 5 * CUBIC) * d + 8 * CUBIC) * d - 4 * CUBIC
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _lanczos(radius):
    return lambda d: np.where(d < radius, np.sinc(d) * np.sinc(d / radius), 0.0)


KERNELS = {"bilinear": lambda d: np.maximum(1 - d, 0.0), "bicubic": _cubic,
           "lanczos3": _lanczos(3), "lanczos5": _lanczos(5)}


def _weights(old: int, new: int, how: str, antialias: bool, dtype: str) -> np.ndarray:
    """(new, old): what each old pixel gives to each new one; rows have sum 1."""
    scale = old / new
    centers = (np.arange(new) + 0.5) * scale
    if how == "nearest":
        return np.eye(old)[np.minimum(np.floor(centers).astype(int), old - 1)].astype(dtype)
    wide = max(scale, 1.0) if antialias else 1.0
    w = KERNELS[how](np.abs(centers[:, None] - 0.5 - np.arange(old)) / wide)
    return (w / w.sum(1, keepdims=True)).astype(dtype)


@batched
def resize(images, size, interpolation: str = "bilinear", antialias: bool = False, crop_to_aspect_ratio: bool = False,
           pad_to_aspect_ratio: bool = False, fill_mode: str = "constant", fill_value: float = 0.0):
    """Images of another size: along each axis a product with a small matrix of weights."""
    one_of("resize", "interpolation", interpolation, ("nearest", *KERNELS))
    height, width = size
    x = cast(images, "float32") if is_integer(images) else images
    if crop_to_aspect_ratio or pad_to_aspect_ratio:
        x = _fit_ratio(x, height / width, crop_to_aspect_ratio, fill_value)
    (_, h, w, c), dtype = x.shape, storage(str(x.dtype))
    y = _matmul(kept(_weights, h, height, interpolation, antialias, dtype), reshape(x, (-1, h, w * c)))
    y = _matmul(kept(_weights, w, width, interpolation, antialias, dtype), reshape(y, (-1, height, w, c)))
    if is_integer(images):
        return saturate_cast(round(y), images.dtype)
    return y if y.dtype == x.dtype else cast(y, x.dtype)


def _fit_ratio(x, ratio, crop, fill_value):
    """The middle of the image, or the image in the middle, with this ratio of height to width."""
    h, w = x.shape[1:3]
    high, wide = ((min(h, int(w * ratio)), min(w, int(h / ratio))) if crop
                  else (max(h, int(w * ratio)), max(w, int(h / ratio))))
    top, left = abs(h - high) // 2, abs(w - wide) // 2
    if crop:
        return _slice(x, index=(slice(None), slice(top, top + high), slice(left, left + wide)))
    return pad(x, ((0, 0), (top, top), (left, left), (0, 0)), constant_values=fill_value)


def _edges(who, old, before, after, target, sign):
    """The two of before, after and target that are given fix the third."""
    require(who, "exactly two of the amount before, the amount after and the target along each axis",
            [before, after, target].count(None) == 1, "given", (before, after, target))
    if target is None:
        return before, after
    rest = sign * (target - old)
    return (rest - after, after) if before is None else (before, rest - before)


@batched
def crop_images(images, top_cropping=None, left_cropping=None, bottom_cropping=None, right_cropping=None,
                target_height=None, target_width=None):
    """Images without some rows and columns at the edges."""
    h, w = images.shape[1:3]
    top, bottom = _edges("crop_images", h, top_cropping, bottom_cropping, target_height, -1)
    left, right = _edges("crop_images", w, left_cropping, right_cropping, target_width, -1)
    require("crop_images", "the target", min(top, bottom, left, right) >= 0, f"at most the images' {h} x {w}",
            f"{target_height} x {target_width}")
    return _slice(images, index=(slice(None), slice(top, h - bottom), slice(left, w - right)))


@batched
def pad_images(images, top_padding=None, left_padding=None, bottom_padding=None, right_padding=None, target_height=None,
               target_width=None):
    """Images with zeros added at the edges."""
    h, w = images.shape[1:3]
    rows = _edges("pad_images", h, top_padding, bottom_padding, target_height, 1)
    columns = _edges("pad_images", w, left_padding, right_padding, target_width, 1)
    require("pad_images", "the target", min(*rows, *columns) >= 0, f"at least the images' {h} x {w}",
            f"{target_height} x {target_width}")
    return pad(images, ((0, 0), rows, columns, (0, 0)))


@batched
def rgb_to_grayscale(images):
    """(n, h, w, 3) -> (n, h, w, 1): 0.2989 red + 0.587 green + 0.114 blue"""
    images = tensor(images)
    weights = kept(np.array, (0.2989, 0.587, 0.114), "float32")
    return cast(sum(multiply(images, weights), -1, keepdims=True), images.dtype)


@op
def _patches(x, *, size, strides, dilation, padding):
    """(n, h, w, c) -> (n, oh, ow, kh * kw * c)"""
    x = array(x)
    k, pads = kernels_of(x), resolve(padding, x.shape[1:3], size, strides, dilation, "extract_patches")
    y = k.im2col(x, size, strides, pads, dilation)
    return y.reshape(*y.shape[:3], -1), lambda dy, need: (
        k.col2im(dy.reshape(y.shape), x.shape, size, strides, pads, dilation),)


@batched
def extract_patches(images, size, strides=None, dilation_rate=1, padding: str = "valid"):
    """Every window of the image, its pixels along the last axis."""
    size = pair(size, 2, "extract_patches: size")
    return _patches(images, size=size,
                    strides=size if strides is None else pair(strides, 2, "extract_patches: strides"),
                    dilation=pair(dilation_rate, 2, "extract_patches: dilation_rate"), padding=padding)


def _fold(i, n: int, mode: str):
    """Places outside [0, n) brought inside."""
    if mode == "wrap":
        return mod(i, float(n))
    if mode in ("reflect", "mirror") and n > 1:
        period = 2.0 * n if mode == "reflect" else 2.0 * n - 2.0
        m = mod(i, period)
        return where(less_equal(m, n - 1.0), m, subtract(period - (mode == "reflect"), m))
    return clip(i, 0.0, n - 1.0)


def _sample(images, x, y, mode, fill_value):
    """The pixels at whole places x, y (n, h, w) of images (n, h, w, c)."""
    n, h, w, c = images.shape
    inside = logical_and(logical_and(greater(x, -0.5), greater(w - 0.5, x)),
                         logical_and(greater(y, -0.5), greater(h - 0.5, y)))
    first = kept(_steps, n, h * w, 2)
    place = add(cast(add(multiply(_fold(y, h, mode), float(w)), _fold(x, w, mode)), "int32"), first)
    found = embedding(reshape(images, (n * h * w, c)), place)
    return where(expand_dims(inside, -1), found, fill_value) if mode == "constant" else found


def _grid(h, w, axis):
    return np.indices((h, w))[axis].astype(np.float32)


@batched
def affine_transform(images, transform, interpolation: str = "bilinear", fill_mode: str = "constant",
                     fill_value: float = 0):
    """The pixel (x, y) comes from ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k), k = c0 x + c1 y + 1."""
    one_of("affine_transform", "interpolation", interpolation, ("nearest", "bilinear"))
    one_of("affine_transform", "fill_mode", fill_mode, ("constant", "nearest", "wrap", "reflect", "mirror"))
    n, h, w, _ = images.shape
    images = images if "float" in str(images.dtype) else cast(images, "float32")
    t = reshape(cast(transform, "float32"), (-1, 8, 1, 1))
    a0, a1, a2, b0, b1, b2, c0, c1 = (_slice(t, index=(slice(None), i)) for i in range(8))
    x, y = kept(_grid, h, w, 1), kept(_grid, h, w, 0)
    k = add(add(multiply(c0, x), multiply(c1, y)), 1.0)
    u = divide(add(add(multiply(a0, x), multiply(a1, y)), a2), k)
    v = divide(add(add(multiply(b0, x), multiply(b1, y)), b2), k)
    if interpolation == "nearest":
        return _sample(images, round(u), round(v), fill_mode, fill_value)
    left, top = floor(u), floor(v)
    right_share, low_share = expand_dims(subtract(u, left), -1), expand_dims(subtract(v, top), -1)
    rows = []
    for row in (top, add(top, 1.0)):
        a, b = (_sample(images, column, row, fill_mode, fill_value) for column in (left, add(left, 1.0)))
        rows.append(add(a, multiply(subtract(b, a), right_share)))
    return add(rows[0], multiply(subtract(rows[1], rows[0]), low_share))
