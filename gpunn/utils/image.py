"""Images in files: by Pillow where it is installed, PNG also without it."""
import io
from pathlib import Path

import numpy as np

from .. import ops
from .._names import one_of, require
from ..ops.window import channels_first
from . import png

MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}


def pillow():
    """Pillow's Image module, or None."""
    try:
        from PIL import Image
    except ImportError:
        return None
    return Image


def decode(raw: bytes, color_mode: str) -> np.ndarray:
    """A file's bytes -> (h, w, 1, 3 or 4) uint8"""
    one_of("decode", "color_mode", color_mode, MODES)
    if pillow() is not None:
        pixels = np.asarray(pillow().open(io.BytesIO(raw)).convert(MODES[color_mode]))
        return pixels.reshape(*pixels.shape[:2], -1)
    if not raw.startswith(png.MAGIC):
        raise ImportError("without Pillow only PNG files can be read, and this is none. Fix: pip install pillow")
    pixels = png.read(raw)
    channels = pixels.shape[-1]
    color, alpha = pixels[..., :channels - (channels in (2, 4))], pixels[..., channels - 1:]
    if color_mode == "grayscale" and channels > 2:
        weighed = color @ np.array([19595, 38470, 7471], np.uint32) + (1 << 15)
        return (weighed >> 16).astype(np.uint8)[..., None]
    color = np.repeat(color, 3, -1) if color_mode != "grayscale" and channels < 3 else color
    if color_mode != "rgba":
        return color
    return np.concatenate([color, alpha if channels in (2, 4) else np.full_like(color[..., :1], 255)], -1)


def load_img(path, color_mode="rgb", target_size=None, interpolation="nearest", keep_aspect_ratio=False):
    """An image file (a path or an open file) as a Pillow image; as a uint8 array (h, w, c) without Pillow."""
    pixels = decode(path.read() if hasattr(path, "read") else Path(path).read_bytes(), color_mode)
    if target_size is not None and pixels.shape[:2] != tuple(target_size):
        pixels = ops.image.resize(pixels, target_size, interpolation, antialias=interpolation != "nearest",
                                  crop_to_aspect_ratio=keep_aspect_ratio, data_format="channels_last").numpy()
    return pixels if pillow() is None else array_to_img(pixels, "channels_last", scale=False)


def img_to_array(img, data_format=None, dtype=None) -> np.ndarray:
    """A Pillow image or an array (h, w) or (h, w, c) -> (h, w, c) float32, or (c, h, w)"""
    x = np.asarray(img, dtype=dtype or "float32")
    require("img_to_array", "the image", x.ndim in (2, 3), "of shape (h, w) or (h, w, c)", x.shape)
    x = x if x.ndim == 3 else x[..., None]
    return x.transpose(2, 0, 1) if channels_first(data_format, "img_to_array") else x


def _pixels(x, data_format, scale) -> np.ndarray:
    """Numbers as uint8 (h, w, c), stretched to 0 .. 255 if wanted."""
    x = img_to_array(x, "channels_last")
    x = x.transpose(1, 2, 0) if channels_first(data_format, "array_to_img") else x
    require("array_to_img", "the image", x.shape[-1] in (1, 3, 4), "of 1, 3 or 4 channels", x.shape)
    if scale:
        x = x - x.min()
        x = x * (255 / (x.max() or 1))
    return x.astype(np.uint8)


def array_to_img(x, data_format=None, scale=True, dtype=None):
    """An array (h, w, c) as a Pillow image, stretched to 0 .. 255 if wanted."""
    if pillow() is None:
        raise ImportError("array_to_img needs Pillow. Fix: pip install pillow (save_img writes PNG without it)")
    pixels = _pixels(x, data_format, scale)
    return pillow().fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def save_img(path, x, data_format=None, file_format=None, scale=True, **kwargs):
    """Write an array (h, w, c) to an image file; PNG without Pillow, else what Pillow can."""
    kind = (file_format or Path(str(path)).suffix[1:]).lower().replace("jpg", "jpeg")
    pixels = _pixels(x, data_format, scale)
    if kind == "png" and not kwargs:
        path.write(png.write(pixels)) if hasattr(path, "write") else Path(path).write_bytes(png.write(pixels))
        return
    image = array_to_img(pixels, "channels_last", scale=False)
    image.convert("RGB" if kind == "jpeg" and pixels.shape[-1] == 4 else image.mode).save(path, format=kind, **kwargs)


def smart_resize(x, size, interpolation="bilinear", data_format="channels_last"):
    """The largest window in the middle with the right proportions, resized; an array for an array."""
    y = ops.image.resize(x, size, interpolation, crop_to_aspect_ratio=True, data_format=data_format)
    return y.numpy() if isinstance(x, np.ndarray) else y
