"""Convolution as an implicit matrix product whose tiles gather windows; depthwise has kernels of its own."""
from math import prod

import numpy as np

from .launch import ACTIVATIONS, blocks, empty, launch, launch_table
from .window import window, windows

TILE = 64


def _tiles(n):
    return -(-n // TILE)


def im2col(x, size, strides, padding, dilation, groups=1, out=None):
    """(n, h, w, c) -> (n, oh, ow, groups, kh, kw, c / groups), zeros outside the image."""
    n, c = x.shape[0], x.shape[3] // groups
    if out is None:
        out = empty(x, (n, *windows(x.shape, size, strides, padding, dilation), groups, *size, c))
    g = window(x.shape, groups, size, strides, padding, dilation, groups)
    launch_table("conv", "im2col", prod(out.shape[:3]), prod(out.shape[3:]), (x, out, g), T=x.dtype)
    return out


def col2im(cols, shape, size, strides, padding, dilation, groups=1, out=None):
    """The transpose of im2col: -> shape = (n, h, w, c), windows that overlap are summed."""
    out = empty(cols, shape) if out is None else out
    g = window(tuple(shape), groups, size, strides, padding, dilation, groups)
    launch_table("conv", "col2im", prod(shape[:3]), shape[3], (cols, out, g), T=cols.dtype)
    return out


def conv(x, w, b, strides, padding, dilation, groups=1, activation="linear", out=None):
    """-> (n, oh, ow, f): bias and activation are applied on the way out."""
    f, size = w.shape[3], w.shape[:2]
    out = empty(x, (x.shape[0], *windows(x.shape, size, strides, padding, dilation), f)) if out is None else out
    g = window(x.shape, f, size, strides, padding, dilation, groups)
    bias, biased = (x, 0) if b is None else (b, 1)
    _run("forward", (x, w, bias, out, g, biased, ACTIVATIONS[activation]), out, groups, w.shape[2])
    return out


def conv_input_grad(dz, w, shape, strides, padding, dilation, groups=1, out=None):
    """dx; also the forward pass of a transposed convolution."""
    out = empty(dz, shape) if out is None else out
    g = window(tuple(shape), w.shape[3], w.shape[:2], strides, padding, dilation, groups)
    _run("backward", (dz, w, out, g), out, groups, w.shape[2])
    return out


def _run(direction, args, out, groups, channels):
    """A grid over the pixels and filters of the result."""
    pixels, filters = prod(out.shape[:3]), out.shape[3]
    if channels == 1 and groups > 1:
        launch_table("conv", f"depthwise_{direction}", pixels, filters, args, T=out.dtype)
    else:
        grid = _tiles(pixels), _tiles(filters // groups), groups
        launch("conv", f"conv_{direction}", grid, args, T=out.dtype)


def conv_weight_grad(x, dz, size, strides, padding, dilation, groups=1, out=None):
    """dw (kh, kw, c / groups, f): slices of the pixels are summed apart, then added up in order."""
    f, c = dz.shape[3], x.shape[3] // groups
    out = empty(x, (*size, c, f)) if out is None else out
    if not out.size:
        return out
    thin = c == 1 and groups > 1
    taps = size[0] * size[1]
    tiles, depth = (-(-f // 32), taps) if thin else (_tiles(taps * c) * _tiles(f // groups), groups)
    slices, length = _slices(prod(dz.shape[:3]), tiles * depth)
    parts = out if slices == 1 else empty(x, (slices, *out.shape))
    g = window(x.shape, f, size, strides, padding, dilation, groups)
    name = "depthwise_weight" if thin else "conv_weight"
    launch("conv", name, (tiles, slices, depth), (x, dz, parts, g, length), T=x.dtype)
    if slices > 1:
        launch("conv", "add_slices", blocks(out.size), (parts, out, slices, np.int64(out.size)), T=x.dtype)
    return out


def _slices(pixels, tiles):
    """Enough slices for 1024 blocks, each of 256 to 4096 pixels: (how many, of how many pixels)."""
    slices = max(-(-pixels // 4096), min(pixels // 256, 1024 // tiles), 1)
    length = max(1, -(-pixels // slices))
    return max(1, -(-pixels // length)), length
