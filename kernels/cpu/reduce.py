"""Reductions of (outer, n, inner) over n; floating sums are kept in float64."""
import math

import numpy as np

from .launch import call, inner_kernel, parallel_kernel, share
from .memory import contiguous
from .vector import address, load, store

JOBS = 32       # a reduction to few numbers is cut into parts, the same for any number of threads
LINE = 16       # numbers that a long row's largest is looked for side by side
MANY = 64       # results from which on largest and smallest are looked for by our own kernel
UFUNC = {"prod": np.multiply, "max": np.maximum, "min": np.minimum, "any": np.logical_or,
         "all": np.logical_and}


@parallel_kernel
def _sum(part, x, count, partial, out):
    """x (outer, n, inner) -> partial (outer, parts, inner), and out = partial / count where there is one part"""
    outer, parts, inner = partial.shape
    n = x.shape[1]
    size = (n + parts - 1) // parts
    for job in share(part, outer * parts):
        o, p = job // parts, job % parts
        low, high = p * size, min(n, p * size + size)
        if inner == 1:
            one, row = 0.0, address(x) + o * n * x.itemsize
            for i in range(low, high):
                one += load(x, row, i)
            partial[o, p, 0] = one
        else:
            for j in range(inner):
                partial[o, p, j] = 0
            for i in range(low, high):
                for j in range(inner):
                    partial[o, p, j] += x[o, i, j]
        if parts == 1:
            for j in range(inner):
                out[o, j] = partial[o, 0, j] / count


@parallel_kernel
def _join(part, partial, count, out):
    """(outer, parts, inner) -> (outer, inner), divided by count"""
    outer, parts, inner = partial.shape
    for o in share(part, outer):
        for p in range(1, parts):
            for j in range(inner):
                partial[o, 0, j] += partial[o, p, j]
        for j in range(inner):
            out[o, j] = partial[o, 0, j] / count


@inner_kernel
def _best(new, old, sign):
    """NaN wins and stays."""
    return new if (sign * new > sign * old) | (new != new) else old


@inner_kernel
def _best_of_rows(x, start, rows, c, sign, target):
    """(rows, c) -> (c,), both from an address on; `x`: any array of the type.

    Two rows at a time: what may stay as it is would be stored on a condition, and not by vectors.
    """
    for j in range(c):
        store(x, target, j, load(x, start, j))
    for i in range(1, rows, 2):
        one, other = start + i * c * x.itemsize, start + min(i + 1, rows - 1) * c * x.itemsize
        for j in range(c):
            best = _best(load(x, one, j), load(x, target, j), sign)
            store(x, target, j, _best(load(x, other, j), best, sign))


@parallel_kernel
def _extreme(part, x, sign, out):
    """The largest (sign 1) or smallest (-1) over n of x (outer, n, inner); a long row goes as lines of LINE numbers"""
    (outer, n, inner), sign, room = x.shape, x.dtype.type(sign), np.empty(LINE, x.dtype)
    for o in share(part, outer):
        start = address(x) + o * n * inner * x.itemsize
        if inner == 1:
            lines, top, done = n // LINE, load(x, start, 0), 1
            if lines > 1:
                _best_of_rows(x, start, lines, LINE, sign, address(room))
                for j in range(LINE):
                    top = _best(room[j], top, sign)
                done = lines * LINE
            for i in range(done, n):
                top = _best(load(x, start, i), top, sign)
            out[o, 0] = top
        else:
            _best_of_rows(x, start, n, inner, sign, address(out) + o * inner * x.itemsize)


@parallel_kernel
def _arg(part, x, sign, out):
    """The place of the first largest (sign 1) or smallest (-1); NaN wins."""
    outer, n, inner = x.shape
    for o in share(part, outer):
        for j in range(inner):
            best = 0
            for i in range(1, n):
                v, top = sign * x[o, i, j], sign * x[o, best, j]
                if v > top or (v != v and top == top):
                    best = i
            out[o, j] = best


@parallel_kernel
def _cumsum(part, x, reverse, total, out):
    """x (outer, n, inner); total (outer, inner) is scratch"""
    outer, n, inner = x.shape
    for o in share(part, outer):
        total[o] = 0
        for step in range(n):
            i = n - 1 - step if reverse else step
            for j in range(inner):
                total[o, j] += x[o, i, j]
                out[o, i, j] = total[o, j]


def _axes(x, axis):
    if axis is None:
        return tuple(range(x.ndim))
    return tuple(sorted(a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))))


def _three(x, axes):
    """x -> (outer, n, inner): a view where the axes are neighbours, a packed copy where not."""
    if axes and axes[-1] - axes[0] != len(axes) - 1:
        kept = tuple(a for a in range(x.ndim) if a not in axes)
        x, axes = x.transpose(kept + axes), tuple(range(len(kept), x.ndim))
    first, last = (axes[0], axes[-1] + 1) if axes else (0, 0)
    shape = [math.prod(x.shape[:first]), math.prod(x.shape[first:last]), math.prod(x.shape[last:])]
    return contiguous(x).reshape(shape)


def _add_up(x, axes, mean, out):
    x3 = _three(x, axes)
    outer, n, inner = x3.shape
    parts = max(1, min(JOBS // max(1, outer), n, n * inner // 4096))
    partial = np.empty((outer, parts, inner))
    count, out = float(n) if mean else 1.0, out.reshape(outer, inner)
    _sum(x3, count, partial, out)
    if parts > 1:
        _join(partial, count, out)


def _result_type(name, dtype):
    if name in ("any", "all"):
        return bool
    if name == "mean" and dtype.kind != "f":
        return np.float32
    return np.int32 if dtype.kind == "b" and name in ("sum", "prod") else dtype


def _check_choice(name, out, sizes, x):
    if name.endswith(("max", "min")) and out.size and 0 in sizes:
        raise ValueError(f"reduce: {name} over {sizes} elements of an array of shape {x.shape}: "
                         "there is nothing to choose from")


def reduce(name, x, axis=None, keepdims=False, out=None):
    axes = _axes(x, axis)
    if out is None:
        shape = tuple(1 if a in axes else n for a, n in enumerate(x.shape) if keepdims or a not in axes)
        out = np.empty(shape, _result_type(name, x.dtype))
    _check_choice(name, out, [x.shape[a] for a in axes], x)
    flat = out.reshape([n for a, n in enumerate(x.shape) if a not in axes])
    if name in ("max", "min") and x.dtype.kind == "f" and flat.size >= MANY and x.dtype == flat.dtype:
        x3 = _three(x, axes)
        _extreme(x3, 1 if name == "max" else -1, out.reshape(x3.shape[0], x3.shape[2]))
    elif name in UFUNC:
        call(UFUNC[name].reduce, x, axes, flat.dtype, flat)
    elif out.dtype.kind == "f":
        _add_up(x, axes, name == "mean", flat)
    else:
        call(np.add.reduce, x, axes, flat.dtype, flat)
    return out


def argreduce(name, x, axis=-1, out=None):
    axis %= x.ndim
    if out is None:
        out = np.empty(x.shape[:axis] + x.shape[axis + 1:], np.int32)
    _check_choice(name, out, [x.shape[axis]], x)
    x3 = _three(x, (axis,))
    if out.size:
        _arg(x3, 1 if name == "argmax" else -1, out.reshape(x3.shape[0], x3.shape[2]))
    return out


def cumsum(x, axis=-1, reverse=False, out=None):
    if out is None:
        out = np.empty(x.shape, x.dtype)
    x3 = _three(x, (axis % x.ndim,))
    if out.size:
        total = np.empty((x3.shape[0], x3.shape[2]), np.float64 if x.dtype.kind == "f" else x.dtype)
        _cumsum(x3, reverse, total, out.reshape(x3.shape))
    return out
