"""Convolution as an implicit matrix product whose tiles gather windows; depthwise has kernels of its own."""
from math import gcd, prod

import numpy as np

from .launch import ACTIVATIONS, blocks, empty, launch, launch_table
from .matmul import TILES, fours, matmul, matrix, multiplied, tiled
from .window import window, windows


def im2col(x, size, strides, padding, dilation, groups=1, out=None):
    """(n, h, w, c) -> (n, oh, ow, groups, kh, kw, c / groups), zeros outside the image."""
    n, c = x.shape[0], x.shape[3] // groups
    if out is None:
        out = empty(x, (n, *windows(x.shape, size, strides, padding, dilation), groups, *size, c))
    g = window(x.shape, groups, size, strides, padding, dilation, groups)
    launch_table("windows", "im2col", prod(out.shape[:3]), prod(out.shape[3:]), (x, out, g), T=x.dtype)
    return out


def col2im(cols, shape, size, strides, padding, dilation, groups=1, out=None):
    """The transpose of im2col: -> shape = (n, h, w, c), windows that overlap are summed."""
    out = empty(cols, shape) if out is None else out
    g = window(tuple(shape), groups, size, strides, padding, dilation, groups)
    launch_table("windows", "col2im", prod(shape[:3]), shape[3], (cols, out, g), T=cols.dtype)
    return out


def conv(x, w, b, strides, padding, dilation, groups=1, activation="linear", out=None):
    """-> (n, oh, ow, f): bias and activation are applied on the way out."""
    (*size, c, total), f = w.shape, w.shape[3] // groups
    out = empty(x, (x.shape[0], *windows(x.shape, size, strides, padding, dilation), total)) if out is None else out
    if _plain(size, strides, padding, groups):
        multiplied(_pixels(x), _pixels(w), _pixels(out), b, activation=activation)
        return out
    g = window(x.shape, total, tuple(size), strides, padding, dilation, groups)
    if _thin(c, groups):
        bias, biased = (x, 0) if b is None else (b, 1)
        launch_table("windows", "depthwise_forward", prod(out.shape[:3]), total,
                     (x, w, bias, out, g, biased, ACTIVATIONS[activation]), T=out.dtype)
        return out
    sizes = prod(out.shape[:3]), f, prod(size) * c
    return _gathered("Images", x, c, w, out, g, sizes, ((c, 0, 0), (f, total, 1), (f, total, 1)),
                     matrix("TILE_N", w, f, sizes[2], (f, 1, total)), bias=b, activation=activation)


def conv_input_grad(dz, w, shape, strides, padding, dilation, groups=1, out=None):
    """dx; also the forward pass of a transposed convolution."""
    (*size, c, total), f = w.shape, w.shape[3] // groups
    out = empty(dz, shape) if out is None else out
    if _plain(size, strides, padding, groups):
        matmul(_pixels(dz), _pixels(w), transpose_b=True, out=_pixels(out))
        return out
    g = window(tuple(shape), total, tuple(size), strides, padding, dilation, groups)
    if _thin(c, groups):
        launch_table("windows", "depthwise_backward", prod(shape[:3]), shape[3], (dz, w, out, g), T=out.dtype)
        return out
    (_, rows, columns), (sh, sw) = (-(-length // step) for length, step in zip(shape, (1, *strides))), strides
    taps = prod(-(-taps * gcd(step, gap) // step) for taps, step, gap in zip(size, strides, dilation))
    return _gathered("Windows", dz, f, w, out, g, (prod(shape[:3]), c, taps * f),
                     ((f, 0, 0), (f, 1, total), (c, shape[3], 1)), f"Turned<{4 if fours(w, f, total) else 1}>",
                     kernel="conv_input", phases=(shape[0] * rows * columns, sh * sw))


def conv_weight_grad(x, dz, size, strides, padding, dilation, groups=1, out=None):
    """dw (kh, kw, c / groups, f)"""
    total, c = dz.shape[3], x.shape[3] // groups
    f, pixels = total // groups, prod(dz.shape[:3])
    out = empty(x, (*size, c, total)) if out is None else out
    if _plain(size, strides, padding, groups):
        matmul(_pixels(x), _pixels(dz), transpose_a=True, out=_pixels(out))
        return out
    g = window(x.shape, total, tuple(size), strides, padding, dilation, groups)
    if _thin(c, groups):
        return _depthwise_weight_grad(x, dz, g, prod(size), out)
    walks = (c, 0, 0), (f, total, 1), (f, total, 1)
    return _gathered("Patches", x, c, dz, out, g, (prod(size) * c, f, pixels), walks,
                     matrix("TILE_N", dz, f, pixels, (f, 1, total)))


def _plain(size, strides, padding, groups) -> bool:
    """Is a pixel of the result made of one pixel, by the same matrix everywhere?"""
    return (*size, *strides, groups) == (1, 1, 1, 1, 1) and not any(map(any, padding))


def _pixels(x):
    return x.reshape(-1, x.shape[-1])


def _thin(channels, groups):
    return channels == 1 and groups > 1


def _gathered(left, x, channels, right, out, g, sizes, walks, kind, kernel="conv", **options):
    """The product of what `left` gathers from x and the matrix `right`; groups are its batch."""
    width = 4 if fours(x, channels) else 1
    return tiled(kernel, (x, right, out), sizes, (int(g["groups"][0]),), walks, f"{left}<{width}>", kind, more=(g,),
                 shapes=TILES if width == 4 else TILES[-1:], **options)


def _depthwise_weight_grad(x, dz, g, taps, out):
    """Slices of the pixels are summed apart, then added up in order."""
    if not out.size:
        return out
    tiles = -(-dz.shape[3] // 32)
    slices, length = _slices(prod(dz.shape[:3]), tiles * taps)
    parts = out if slices == 1 else empty(x, (slices, *out.shape))
    launch("windows", "depthwise_weight", (tiles, slices, taps), (x, dz, parts, g, length), T=x.dtype)
    if slices > 1:
        launch("windows", "add_slices", blocks(out.size), (parts, out, slices, np.int64(out.size)), T=x.dtype)
    return out


def _slices(pixels, tiles):
    """Enough slices for 1024 blocks, each of 256 to 4096 pixels: (how many, of how many pixels)."""
    slices = max(-(-pixels // 4096), min(pixels // 256, 1024 // tiles), 1)
    length = max(1, -(-pixels // slices))
    return max(1, -(-pixels // length)), length
