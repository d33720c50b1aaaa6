"""Fill, copy, count; and how arrays of any strides are walked by compiled code."""
import functools

import numpy as np

from .launch import SMALL, call, inner_kernel, own, parallel_kernel, share
from .vector import address, load, store

LARGE = SMALL // 2              # numbers: below, NumPy on one thread is faster than any call of ours
AXES = 4                        # that are left when neighbours are joined, at most
BLOCK = 16                      # of a transposed copy: one number of so many cache lines


def contiguous(x):
    """x, or its packed copy: a second set of compiled kernels for strides would cost more than the copy."""
    return x if x.flags.c_contiguous else copy(x)


def flat(x):
    """An array on one axis that begins where x begins, and reaches as far at least."""
    if x.flags.c_contiguous:
        return x.reshape(-1)
    length = 1 + sum([(n - 1) * s // x.itemsize for n, s in zip(x.shape, x.strides)])
    base = x.base                                   # of any dtype: an arena is bytes
    if not isinstance(base, np.ndarray) or not base.flags.c_contiguous:
        return np.lib.stride_tricks.as_strided(x, (length,), (x.itemsize,))
    start = x.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return np.ndarray((length,), x.dtype, base, start)


def steps(lengths, strides, shape):
    """Bytes from one element to the next along each axis of `shape`, to which an array is broadcast."""
    return (0,) * (len(shape) - len(lengths)) + tuple([s if n > 1 else 0 for n, s in zip(lengths, strides)])


def joined(shape, *strides):
    """[(length, step of each array), ...]: the axes of a walk, neighbours joined where every array allows it."""
    axes = []
    for n, *step in zip(shape, *strides):
        if axes and all([last == n * s for last, s in zip(axes[-1][1:], step)]):
            axes[-1] = (axes[-1][0] * n, *step)
        elif n > 1:
            axes.append((n, *step))
    return axes


def padded(axes, count):
    """As many axes as compiled code expects: (lengths, steps of the first array, ...)"""
    width = len(axes[0]) if axes else 1
    return tuple(zip(*[(1,) + (0,) * (width - 1)] * (count - len(axes)), *axes))


@parallel_kernel
def _fill(part, value, out):
    out, = own(part, out)
    for i in range(out.size):
        out[i] = value


@parallel_kernel
def _cast(part, x, out):
    x, out = own(part, x, out)
    for i in range(out.size):
        out[i] = x[i]


@inner_kernel
def _line(x, source, step, out, target, count):
    T = out.dtype.type
    if step == 1:
        for j in range(count):
            store(out, target, j, T(load(x, source, j)))
    else:
        for j in range(count):
            store(out, target, j, T(load(x, source, j * step)))


@parallel_kernel
def _walk(part, x, out, shape, x_steps, out_steps):
    """Over four axes; the last is dense in out, the one before may be dense in x."""
    _, planes, rows, columns = shape
    high = (rows + BLOCK - 1) // BLOCK
    wide = columns if x_steps[3] == x.itemsize else BLOCK
    step = x_steps[3] // x.itemsize
    for job in share(part, shape[0] * planes * high):
        o, p, r = job // high // planes, job // high % planes, job % high * BLOCK
        source = address(x) + o * x_steps[0] + p * x_steps[1]
        target = address(out) + o * out_steps[0] + p * out_steps[1]
        for j in range(0, columns, wide):
            for i in range(r, min(r + BLOCK, rows)):
                _line(x, source + i * x_steps[2] + j * x_steps[3], step,
                      out, target + i * out_steps[2] + j * out.itemsize, min(wide, columns - j))


def assign(value, out):
    out[...] = value


def fill(value, out):
    if out.size >= LARGE and out.flags.c_contiguous and out.dtype.kind == "f":
        _fill(out.dtype.type(value), out.reshape(-1))
    else:
        call(assign, value, out)
    return out


@functools.lru_cache(maxsize=1024)
def _plan(shape, size, x_shape, x_strides, out_size, out_strides):
    """The axes of a copy's walk: dense in out at the end, before it what is dense in x. None: NumPy does it."""
    axes = joined(shape, steps(x_shape, x_strides, shape), out_strides)
    if not axes or len(axes) > AXES or axes[-1][2] != out_size or axes[-1][1] % size:
        return None
    if any([step < 0 for axis in axes for step in axis]):
        return None
    if axes[-1][1] != size:
        axes[:-1] = sorted(axes[:-1], key=lambda axis: axis[1] == size)
    return padded(axes, AXES)


def copy(x, dtype=None, out=None):
    """Any strides on both sides; x is broadcast to out.shape and cast to its dtype."""
    out = np.empty(x.shape, dtype or x.dtype) if out is None else out
    plan, large = None, out.size >= LARGE and (out.dtype.kind == "f" or out.dtype == x.dtype)
    if large and x.shape == out.shape and x.flags.c_contiguous and out.flags.c_contiguous:
        _cast(x.reshape(-1), out.reshape(-1))
        return out
    if large:
        plan = _plan(out.shape, x.itemsize, x.shape, x.strides, out.itemsize, out.strides)
    if plan is None:
        call(assign, x, out)
    else:
        _walk(flat(x), flat(out), *plan)
    return out


def tally(targets, sources, factors):
    for target, source, factor in zip(targets, sources, factors, strict=True):
        part = factor if source is None else source
        if source is not None and factor != 1:
            call(np.multiply, source, factor, part := np.empty(target.shape, target.dtype))
        call(np.add, target, part, target)
