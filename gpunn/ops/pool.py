"""Pooling over windows of images (n, h, w, c), sequences (n, t, c) and volumes (n, d, h, w, c)."""
from functools import partial
from math import prod

from .._config import image_data_format
from ..tensor import op
from .conv import channels_last_of, image, like, rank_of
from .core import floating, kernels_of, pair
from .create import cast
from .index import get_item
from .reduce import amax, mean
from .shape import reshape, stack
from .window import outputs, resolve


def max_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """The largest value of each window."""
    y = _pool(_max_pool, inputs, pool_size, strides, padding, data_format)
    return y if "float" in str(getattr(inputs, "dtype", "float")) else cast(y, inputs.dtype)


def max_pool_relu(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """relu(max_pool(inputs)) in one pass."""
    return _pool(partial(_max_pool, activation="relu"), inputs, pool_size, strides, padding, data_format, "max_pool")


def average_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """The mean of each window; padding does not count."""
    return _pool(_average_pool, inputs, pool_size, strides, padding, data_format)


def adaptive_average_pool(inputs, output_size, data_format=None):
    """The mean of each of so many windows along each axis, as equal as they can be."""
    return _adaptive(mean, inputs, output_size, data_format)


def adaptive_max_pool(inputs, output_size, data_format=None):
    """The largest value of each of so many windows along each axis, as equal as they can be."""
    return _adaptive(amax, inputs, output_size, data_format)


def _adaptive(reduce, x, output_size, data_format):
    """(n, h, w, c) -> (n, *output_size, c): window i of m along an axis of h goes from i h / m to (i + 1) h / m"""
    first = 2 if (data_format or image_data_format()) == "channels_first" else 1
    for axis, size in enumerate([output_size] * (x.ndim - 2) if isinstance(output_size, int) else output_size, first):
        n, before = x.shape[axis], (slice(None),) * axis
        windows = [get_item(x, (*before, slice(i * n // size, -(-(i + 1) * n // size)))) for i in range(size)]
        x = stack([reduce(w, axis=axis) for w in windows], axis=axis)
    return x


def _pool(f, x, pool_size, strides, padding, data_format, who=None):
    who = who or f.__name__.lstrip("_")
    rank = rank_of(x, who)
    x, back = channels_last_of(x, data_format, who)
    size = pair(pool_size, rank, f"{who}: pool_size")
    strides = size if strides is None else pair(strides, rank, f"{who}: strides")
    y = (_deep if rank == 3 else _flat)(f, x, size, strides, padding)
    return y if back is None else back(y)


def _flat(f, x, size, strides, padding):
    return f(x, size=size, strides=strides, padding=padding)


def _deep(f, x, size, strides, padding):
    """(n, d, h, w, c): each slice of depth as an image, then what is left along depth."""
    y = _flat(f, reshape(x, (-1, *x.shape[2:])), size[1:], strides[1:], padding)
    inner = y.shape[1:]
    y = _flat(f, reshape(y, (-1, x.shape[1], prod(inner))), (1, size[0]), (1, strides[0]), padding)
    return reshape(y, (-1, y.shape[1], *inner))


def _pads(x, size, strides, padding, who):
    pads = resolve(padding, x.shape[1:3], size, strides, (1, 1), who)
    if min(outputs(x.shape[1:3], size, strides, pads, (1, 1))) < 1:
        raise ValueError(f"{who}: the window of size {size} does not fit the input of shape {x.shape}; "
                         "use a smaller window or padding='same'")
    return pads


@op
def _max_pool(x, *, size, strides, padding, activation="linear"):
    """(n, h, w, c) -> (n, oh, ow, c)"""
    xs = image(floating(x))
    k, pads = kernels_of(x), _pads(xs, size, strides, padding, "max_pool")
    y, index = k.max_pool(xs, size, strides, pads, activation)
    return like(y, x), lambda dy, need: (
        k.max_pool_backward(dy.reshape(y.shape), index, xs.shape, size, strides, pads, y, activation).reshape(x.shape),)


@op
def _average_pool(x, *, size, strides, padding):
    """(n, h, w, c) -> (n, oh, ow, c)"""
    xs = image(floating(x))
    k, pads = kernels_of(x), _pads(xs, size, strides, padding, "average_pool")
    y = k.average_pool(xs, size, strides, pads)
    return like(y, x), lambda dy, need: (
        k.average_pool_backward(dy.reshape(y.shape), xs.shape, size, strides, pads).reshape(x.shape),)
