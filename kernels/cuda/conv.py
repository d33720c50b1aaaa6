"""Convolution as an implicit matrix product whose tiles gather windows; depthwise has kernels of its own. Where a GPU
has more to offer, the first run of a problem chooses among all that can make it."""
from functools import partial
from math import gcd, prod
from typing import NamedTuple

import numpy as np

from ..served import maker, note, options
from . import cublaslt, cudnn
from .choosing import Refused
from .launch import ACTIVATIONS, blocks, empty, launch, launch_table, real_type, settings
from .matmul import TILES, matmul, matrix, multiplied, tile_for, tiled, together
from .window import window, windows

WRITTEN_OUT = 1 << 28           # bytes of windows that may be written out for a matrix product


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


class Problem(NamedTuple):
    """A convolution: all that the choice of who makes it depends on."""
    kernel: str             # conv, conv_input_grad or conv_weight_grad
    dtype: str
    precision: str
    image: tuple            # (n, h, w, c)
    weights: tuple          # (kh, kw, c / groups, f)
    result: tuple           # (n, oh, ow, f)
    strides: tuple
    padding: tuple
    dilation: tuple
    groups: int
    aligned: bool           # to 16 bytes
    biased: bool
    activation: str

    def __str__(self):
        return f"{self.kernel} of {self.image} with {self.weights} in {self.dtype}"

    @property
    def plain(self) -> bool:
        """Is a pixel of the result made of one pixel, by the same matrix everywhere?"""
        return (*self.weights[:2], *self.strides, self.groups) == (1,) * 5 and not any(map(any, self.padding))

    @property
    def walk(self) -> tuple:
        return self.weights[:2], self.strides, self.padding, self.dilation

    @property
    def window(self):
        return window(self.image, self.result[3], *self.walk, self.groups)

    @property
    def sizes(self) -> tuple:
        """(taps, channels and filters of a group)"""
        return prod(self.weights[:2]), self.weights[2], self.weights[3] // self.groups

    @property
    def phases(self) -> tuple:
        """Of an input gradient: (pixels of the largest, how many)"""
        n, *lines = (-(-length // step) for length, step in zip(self.image, (1, *self.strides)))
        return n * prod(lines), prod(self.strides)


def conv(x, w, b, strides, padding, dilation, groups=1, activation="linear", out=None):
    """-> (n, oh, ow, f): bias and activation are applied on the way out."""
    fits = windows(x.shape, w.shape[:2], strides, padding, dilation)
    out = empty(x, (x.shape[0], *fits, w.shape[3])) if out is None else out
    return _made("conv", out, (x, w, out, b), strides, padding, dilation, groups, activation)


def conv_input_grad(dz, w, shape, strides, padding, dilation, groups=1, out=None):
    """dx; also the forward pass of a transposed convolution."""
    out = empty(dz, shape) if out is None else out
    return _made("conv_input_grad", out, (out, w, dz, None), strides, padding, dilation, groups)


def conv_weight_grad(x, dz, size, strides, padding, dilation, groups=1, out=None):
    """dw (kh, kw, c / groups, f)"""
    shape = *size, x.shape[3] // groups, dz.shape[3]
    out = empty(x, shape, real_type(x.dtype)) if out is None else out
    return _made("conv_weight_grad", out, (x, out, dz, None), strides, padding, dilation, groups)


def _made(kernel, out, arrays, strides, padding, dilation, groups, activation="linear"):
    """By whom the first run of the problem found the quickest; by the first who can where nothing is timed."""
    x, w, z, b = arrays
    p = Problem(kernel, "bfloat16" if x.dtype.kind == "V" else x.dtype.name, settings["matmul_precision"],
                *(tuple(a.shape) for a in arrays[:3]), tuple(strides), tuple(padding), tuple(dilation), groups,
                not any(a.data.ptr % 16 for a in arrays if a is not None), b is not None, activation)
    real = min(a.size for a in arrays[:3]) and not options["deterministic"]
    chooser = cudnn.chooser_for(out) if real else None
    ways = _ways(p, type(out) in cublaslt.engines, chooser is not None and chooser.cudnn is not None)
    who = chooser.pick(p, ways, arrays) if chooser else next(iter(ways))
    try:
        ways[who](p, *arrays)
    except Refused:
        who = chooser.picked[p] = next(iter(ways))
        ways[who](p, *arrays)
    note(w, w.data.ptr, kernel, who.replace("product", maker["product"]))
    return out


def _ways(p: Problem, multiplies: bool, offered: bool) -> dict:
    """Who can make this convolution, as functions of (p, x, w, z, b); is there a cuBLASLt, and a cuDNN?"""
    (taps, c, f), pixels = p.sizes, prod(p.result[:3])
    if p.plain:
        ways = {"product": _by_product}
    elif c == 1 and p.groups > 1:
        ways = {"depthwise": DEPTHWISE[p.kernel]}
    else:
        rows, n, copies = {"conv": (pixels, f, p.groups), "conv_weight_grad": (taps * c, f, p.groups),
                           "conv_input_grad": (p.phases[0], c, p.groups * p.phases[1])}[p.kernel]
        several = {"float32": 4, "float64": 0}.get(p.dtype, 8)
        wide = p.aligned and several and (f if p.kernel == "conv_input_grad" else c) % several == 0
        first = tile_for(rows, n, copies, TILES) if wide else len(TILES) - 1
        ways = {"own tiles {}x{}".format(*tile): partial(TILED[p.kernel], tile=tile)
                for tile in TILES[first:first + 2]}
        if multiplies and p.groups == 1 and 4 * pixels * taps * c <= WRITTEN_OUT:
            ways["im2col + product"] = _by_product
    return ways | ({"cuDNN": _by_cudnn} if offered and p.aligned and p.dtype in cudnn.TYPES else {})


def _by_cudnn(p, *arrays):
    cudnn.chooser_for(arrays[0]).run(p, *arrays)


def _by_product(p, x, w, z, b):
    """One large matrix product: of the pixels, or of windows that are written out"""
    w, z, (taps, c, _) = _pixels(w).reshape(-1, p.weights[3]), _pixels(z), p.sizes
    if p.kernel == "conv_input_grad":
        if p.plain:
            return matmul(z, w, transpose_b=True, out=_pixels(x))
        return col2im(matmul(z, w, transpose_b=True).reshape(*p.result[:3], 1, *p.weights[:3]), p.image, *p.walk, out=x)
    seen = (x if p.plain else im2col(x, *p.walk)).reshape(-1, taps * c)
    if p.kernel == "conv_weight_grad":
        return matmul(seen, z, transpose_a=True, out=w)
    return multiplied(seen, w, z, b, activation=p.activation)


def _pixels(x):
    return x.reshape(-1, x.shape[-1])


def _tiled(p, x, w, z, b, tile):
    (taps, c, f), total = p.sizes, p.weights[3]
    return _gathered("conv", "Images", x, c, (x, w, z), p, (prod(p.result[:3]), f, taps * c),
                     ((c, 0, 0), (f, total, 1), (f, total, 1)), matrix("TILE_N", w, f, taps * c, (f, 1, total)),
                     tile, bias=b, activation=p.activation)


def _tiled_input_grad(p, x, w, z, b, tile):
    (_, c, f), total = p.sizes, p.weights[3]
    taps = prod(-(-taps * gcd(step, gap) // step) for taps, step, gap in zip(p.weights, p.strides, p.dilation))
    return _gathered("conv_input", "Windows", z, f, (z, w, x), p, (prod(p.image[:3]), c, taps * f),
                     ((f, 0, 0), (f, 1, total), (c, p.image[3], 1)), f"Turned<{together(w, f, total)}>",
                     tile, phases=p.phases)


def _tiled_weight_grad(p, x, w, z, b, tile):
    (taps, c, f), pixels, total = p.sizes, prod(p.result[:3]), p.weights[3]
    return _gathered("conv", "Patches", x, c, (x, z, w), p, (taps * c, f, pixels),
                     ((c, 0, 0), (f, total, 1), (f, total, 1)), matrix("TILE_N", z, f, pixels, (f, 1, total)), tile)


def _gathered(kernel, left, x, channels, arrays, p, sizes, walks, right, tile, **options):
    """The product of what `left` gathers from x and the matrix `right`; groups are its batch."""
    return tiled(kernel, arrays, sizes, (p.groups,), walks, f"{left}<{together(x, channels)}>", right,
                 more=(p.window,), shapes=(tile,), **options)


def _depthwise(p, x, w, z, b):
    launch_table("windows", "depthwise_forward", prod(p.result[:3]), p.result[3],
                 (x, w, b, z, p.window, int(b is not None), ACTIVATIONS[p.activation]), T=z.dtype)


def _depthwise_input_grad(p, x, w, z, b):
    launch_table("windows", "depthwise_backward", prod(p.image[:3]), p.image[3], (z, w, x, p.window), T=x.dtype)


def _depthwise_weight_grad(p, x, w, z, b):
    """Slices of the pixels are summed apart, then added up in order."""
    if not w.size:
        return
    tiles, (taps, _, _) = -(-p.result[3] // 32), p.sizes
    slices, length = _slices(prod(p.result[:3]), tiles * taps)
    parts = w if slices == 1 else empty(w, (slices, *w.shape))
    launch("windows", "depthwise_weight", (tiles, slices, taps), (x, z, parts, p.window, length), T=x.dtype)
    if slices > 1:
        launch("windows", "add_slices", blocks(w.size), (parts, w, slices, np.int64(w.size)), T=w.dtype)


def _slices(pixels, tiles):
    """Enough slices for 1024 blocks, each of 256 to 4096 pixels: (how many, of how many pixels)."""
    slices = max(-(-pixels // 4096), min(pixels // 256, 1024 // tiles), 1)
    length = max(1, -(-pixels // slices))
    return max(1, -(-pixels // length)), length


TILED = {"conv": _tiled, "conv_input_grad": _tiled_input_grad, "conv_weight_grad": _tiled_weight_grad}
DEPTHWISE = {"conv": _depthwise, "conv_input_grad": _depthwise_input_grad,
             "conv_weight_grad": _depthwise_weight_grad}
