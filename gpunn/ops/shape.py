"""Shapes: views by reshape, everything else by one copy."""
import operator
from math import prod

import numpy as np

from .._names import one_of
from ..backend import empty
from ..symbol import whole
from ..tensor import op
from .core import array, axes_of, axis_index, fit, into, joined, kernels_of, tensor
from .create import ndim as ndim_of


@op(arrays=1)
def reshape(x, newshape):
    """The same elements in another shape; one -1 is worked out."""
    x = array(x)
    shape = filled_in(x.shape, (newshape,) if isinstance(newshape, int) else newshape)
    return x.reshape(shape), lambda dy, need: (dy.reshape(x.shape),)


def filled_in(shape, newshape) -> tuple:
    """The new shape with -1 (or None) replaced by what is left over."""
    new = [-1 if n is None else operator.index(n) for n in newshape]
    known, total = prod(n for n in new if n != -1), prod(shape)
    if new.count(-1) == 1 and known:
        new[new.index(-1)] = total // known
    if prod(new) != total or -1 in new:
        raise ValueError(f"reshape: {total} elements of shape {tuple(shape)} do not fit the shape {tuple(newshape)}")
    return tuple(new)


def ravel(x):
    """All elements along one axis."""
    return reshape(x, (-1,))


@op(arrays=1)
def squeeze(x, axis=None):
    """Without the axes of size 1, or without the given ones."""
    x = array(x)
    gone = [i for i, n in enumerate(x.shape) if n == 1] if axis is None else axes_of(axis, x.ndim, "squeeze")
    for i in gone:
        if x.shape[i] != 1:
            raise ValueError(f"squeeze: axis {i} of shape {x.shape} has {x.shape[i]} elements, expected 1")
    y = x.reshape([n for i, n in enumerate(x.shape) if i not in gone])
    return y, lambda dy, need: (dy.reshape(x.shape),)


@op(arrays=1)
def expand_dims(x, axis):
    """New axes of size 1."""
    x = array(x)
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    ndim = x.ndim + len(axes)
    new = {axis_index(a, ndim, "expand_dims") for a in axes}
    sizes = iter(x.shape)
    return x.reshape([1 if i in new else next(sizes) for i in range(ndim)]), lambda dy, need: (dy.reshape(x.shape),)


@op(arrays=1)
def transpose(x, axes=None):
    """The axes in another order; reversed where none is given."""
    x = array(x)
    k = kernels_of(x)
    order = tuple(range(x.ndim))[::-1] if axes is None else tuple(axis_index(a, x.ndim, "transpose") for a in axes)
    if len(order) != x.ndim or len(set(order)) != x.ndim:
        raise ValueError(f"transpose: axes {axes} are not an order of the {x.ndim} axes of shape {x.shape}")
    back = sorted(range(x.ndim), key=order.__getitem__)
    return k.copy(x.transpose(order)), lambda dy, need: (k.copy(dy.transpose(back), out=into(need[0])),)


def moveaxis(x, source, destination):
    """Axes moved to other places; the rest keep their order."""
    x = tensor(x)
    source, destination = ((a,) if isinstance(a, int) else tuple(a) for a in (source, destination))
    source, destination = ([axis_index(a, x.ndim, "moveaxis") for a in axes] for axes in (source, destination))
    order = [i for i in range(x.ndim) if i not in source]
    for d, s in sorted(zip(destination, source, strict=True)):
        order.insert(d, s)
    return x if order == list(range(x.ndim)) else transpose(x, order)


def swapaxes(x, axis1: int, axis2: int):
    """Two axes exchanged."""
    order = list(range(ndim_of(x)))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return transpose(x, order)


@op(arrays=1)
def broadcast_to(x, shape):
    """x repeated along axes of size 1 until it has the shape."""
    x = array(x)
    k = kernels_of(x)
    return k.copy(x, out=empty(x, tuple(shape))), lambda dy, need: (fit(k, dy, x.shape, x.dtype, need[0]),)


def part(ndim: int, axis: int, start: int, stop: int) -> tuple:
    """The index of a range along one axis."""
    return (slice(None),) * axis + (slice(start, stop),) + (slice(None),) * (ndim - axis - 1)


@op
def _concatenate(*xs, axis):
    xs = [array(x) for x in xs]
    axis = axis_index(axis, xs[0].ndim, "concatenate")
    rest = [x.shape[:axis] + x.shape[axis + 1:] for x in xs]
    if len(set(rest)) != 1:
        raise ValueError(f"concatenate: shapes {[x.shape for x in xs]} must agree except on axis {axis}")
    k, dtype = kernels_of(xs[0]), xs[0].dtype
    for x in xs[1:]:
        dtype = dtype if x.dtype is dtype else joined(dtype, x.dtype)
    ends = [0]
    for x in xs:
        ends.append(ends[-1] + x.shape[axis])
    y = empty(xs[0], (*xs[0].shape[:axis], ends[-1], *xs[0].shape[axis + 1:]), dtype)
    places = [part(y.ndim, axis, a, b) for a, b in zip(ends, ends[1:])]
    for x, place in zip(xs, places):
        k.copy(x, out=y[place])
    return y, lambda dy, need: tuple([None if n is None else k.copy(dy[place], dtype=x.dtype)
                                      for n, x, place in zip(need, xs, places)])


def concatenate(xs, axis: int = 0):
    """Arrays one after another along an axis."""
    return _concatenate(*xs, axis=axis)


def stack(x, axis: int = 0):
    """Arrays of one shape along a new axis."""
    return concatenate([expand_dims(v, axis) for v in x], axis)


def append(x1, x2, axis=None):
    """x2 after x1, flattened where axis is None."""
    return concatenate([ravel(x1), ravel(x2)], 0) if axis is None else concatenate([x1, x2], axis)


def hstack(xs):
    """Arrays side by side."""
    return concatenate(xs, 0 if ndim_of(xs[0]) == 1 else 1)


def vstack(xs):
    """Arrays one below the other."""
    return concatenate([reshape(x, (1, -1)) if ndim_of(x) == 1 else x for x in xs], 0)


@op
def _slice(x, *, index):
    """x[index] for a basic index, as a copy of its own"""
    x = array(x)
    k = kernels_of(x)
    where = (*index, ...) if ... not in [i for i in index if i is ...] else index
    y = k.copy(x[where])

    def backward(dy, need):
        dx = k.fill(0, empty(x))
        k.copy(dy, out=dx[where])
        return (dx,)
    return y, backward


def split(x, indices_or_sections, axis: int = 0) -> list:
    """Equal parts along an axis, or parts that end at given places."""
    x = tensor(x)
    axis = axis_index(axis, x.ndim, "split")
    total = x.shape[axis]
    if isinstance(indices_or_sections, int):
        if total % indices_or_sections:
            raise ValueError(f"split: axis {axis} of size {total} does not divide into "
                             f"{indices_or_sections} equal parts")
        step = total // indices_or_sections
        ends = [i * step for i in range(indices_or_sections + 1)]
    else:
        ends = [0, *(int(i) for i in indices_or_sections), total]
    return [_slice(x, index=part(x.ndim, axis, a, b)) for a, b in zip(ends, ends[1:])]


def hsplit(x, indices_or_sections) -> list:
    """Parts along the second axis (the first of a vector)."""
    return split(x, indices_or_sections, 0 if ndim_of(x) == 1 else 1)


def vsplit(x, indices_or_sections) -> list:
    """Parts along the first axis."""
    return split(x, indices_or_sections, 0)


def unstack(x, num=None, axis: int = 0) -> list:
    """The slices along an axis, without it."""
    axis = axis_index(axis, x.ndim, "unstack")
    return [_slice(x, index=(*[slice(None)] * axis, i)) for i in range(x.shape[axis] if num is None else num)]


@whole
def repeat(x, repeats, axis=None):
    """Each element `repeats` times in a row along an axis; a list gives each its own number."""
    x, axis = (ravel(x), 0) if axis is None else (tensor(x), axis_index(axis, ndim_of(x), "repeat"))
    if isinstance(repeats, int):
        thin, after = expand_dims(x, axis + 1), x.shape[axis + 1:]
        wide = broadcast_to(thin, (*x.shape[:axis + 1], repeats, *after))
        return reshape(wide, (*x.shape[:axis], x.shape[axis] * repeats, *after))
    from .index import take
    return take(x, [i for i, n in enumerate(repeats) for _ in range(int(n))], axis)


@whole
def tile(x, repeats):
    """The whole array several times along each axis."""
    x = tensor(x)
    counts = (repeats,) if isinstance(repeats, int) else tuple(repeats)
    ndim = max(x.ndim, len(counts))
    counts = (1,) * (ndim - len(counts)) + counts
    sizes = (1,) * (ndim - x.ndim) + tuple(x.shape)
    wide = broadcast_to(reshape(x, sum(((1, n) for n in sizes), ())), sum(zip(counts, sizes), ()))
    return reshape(wide, [c * n for c, n in zip(counts, sizes)])


def flip(x, axis=None):
    """The order along axes reversed."""
    x = tensor(x)
    axes = axes_of(axis, x.ndim, "flip")
    return _slice(x, index=tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(x.ndim)))


def fliplr(x):
    """The order along the second axis reversed."""
    return flip(x, 1)


def flipud(x):
    """The order along the first axis reversed."""
    return flip(x, 0)


@whole
def roll(x, shift, axis=None):
    """Elements moved along axes, those that leave come in at the other end."""
    x = tensor(x)
    if axis is None:
        return reshape(roll(ravel(x), shift, 0), x.shape)
    pairs = zip(shift, axis, strict=True) if isinstance(axis, tuple | list) else ((shift, axis),)
    for by, along in pairs:
        along = axis_index(along, x.ndim, "roll")
        cut = -by % x.shape[along] if x.shape[along] else 0
        if cut:
            x = concatenate([_slice(x, index=part(x.ndim, along, cut, None)),
                             _slice(x, index=part(x.ndim, along, 0, cut))], along)
    return x


def widths(pad_width, ndim: int) -> tuple:
    """NumPy's forms of pad_width as ((before, after), ...)."""
    if isinstance(pad_width, int):
        return ((pad_width, pad_width),) * ndim
    pairs = tuple((p, p) if isinstance(p, int) else tuple(p) for p in pad_width)
    if isinstance(pad_width[0], int):
        pairs = (tuple(pad_width) if len(pad_width) == 2 else (pad_width[0],) * 2,)
    if len(pairs) not in (1, ndim):
        raise ValueError(f"pad: {len(pairs)} pairs of widths for {ndim} axes; expected one pair or one for each axis")
    return pairs * ndim if len(pairs) == 1 else pairs


@op
def _pad(x, *, pairs, value):
    x = array(x)
    k = kernels_of(x)
    inner = tuple(slice(a, a + n) for (a, _), n in zip(pairs, x.shape))
    y = k.fill(value, empty(x, tuple(a + n + b for (a, b), n in zip(pairs, x.shape))))
    k.copy(x, out=y[(*inner, ...)])
    return y, lambda dy, need: (k.copy(dy[(*inner, ...)], out=into(need[0])),)


def pad(x, pad_width, mode: str = "constant", constant_values=None):
    """Elements added around: a constant (0), or the edge, or the inside mirrored ("reflect", "symmetric")."""
    pairs = widths(pad_width, x.ndim)
    if mode == "constant":
        return _pad(x, pairs=pairs, value=0 if constant_values is None else constant_values)
    if constant_values is not None:
        raise ValueError(f"pad: constant_values goes with mode='constant', got mode={mode!r}")
    one_of("pad", "mode", mode, ("constant", "edge", "reflect", "symmetric", "wrap"))
    from .index import take
    for axis, (before, after) in enumerate(pairs):
        if before or after:
            x = take(x, np.pad(np.arange(x.shape[axis]), (before, after), mode).tolist(), axis)
    return x


def meshgrid(*x, indexing: str = "xy") -> list:
    """Coordinate arrays from coordinate vectors."""
    one_of("meshgrid", "indexing", indexing, ("xy", "ij"))
    vectors = [ravel(v) for v in x]
    order = list(range(len(vectors)))
    if indexing == "xy" and len(order) > 1:
        order[:2] = [1, 0]
    shape = tuple(vectors[i].shape[0] for i in order)
    return [broadcast_to(reshape(v, (1,) * order.index(i) + (-1,) + (1,) * (len(order) - order.index(i) - 1)), shape)
            for i, v in enumerate(vectors)]
