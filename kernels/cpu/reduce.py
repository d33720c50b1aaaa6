"""Reductions of (outer, n, inner) over n; floating sums are kept in float64."""
import math

import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from .launch import call, parallel_kernel, share
from .memory import contiguous
from .vector import address, load, store

JOBS = 32       # a reduction to few numbers is cut into parts, the same for any number of threads
UFUNC = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum, "any": np.logical_or,
         "all": np.logical_and}


@intrinsic
def larger(typing, a, b):
    """NaN wins. LLVM's own, for loops of `a > b` would not become vector instructions."""
    def codegen(context, builder, signature, args):
        kind = ir.FunctionType(args[0].type, [a.type for a in args])
        f = cgutils.get_or_insert_function(builder.module, kind, f"llvm.maximum.f{signature.args[0].bitwidth}")
        return builder.call(f, args, fastmath=("nsz",))

    return a(a, a), codegen


@parallel_kernel
def _sum(part, x, partial, count, out):
    """x (outer, n, inner) -> partial (outer, parts, inner), and out = partial / count where there is one part"""
    kind, (outer, parts, inner), n = x.dtype, partial.shape, x.shape[1]
    size, near = (n + parts - 1) // parts, np.empty(inner)
    for job in share(part, outer * parts):
        o, p = job // parts, job % parts
        low, high, start = p * size, min(n, p * size + size), address(x) + o * n * inner * kind.itemsize
        line = near if parts == 1 else partial[o, p]
        if inner == 1:
            one = 0.0
            for i in range(low, high):
                one += load(kind, start, i)
            line[0] = one
        else:
            for j in range(inner):
                line[j] = 0
            for i in range(low, high):
                for j in range(inner):
                    line[j] += load(kind, start, i * inner + j)
        for j in range(inner if parts == 1 else 0):
            out[o, j] = line[j] / count


@parallel_kernel
def _extreme(part, x, partial, sign, out):
    """The largest (sign 1) or smallest (-1) of x (outer, n, inner) -> partial (outer, parts, inner), times the sign

    out = partial * sign where there is one part.
    """
    kind, (outer, parts, inner), n = x.dtype, partial.shape, x.shape[1]
    size, sign = (n + parts - 1) // parts, kind.type(sign)
    for job in share(part, outer * parts):
        o, p = job // parts, job % parts
        low, high, start = min(n - 1, p * size), min(n, p * size + size), address(x) + o * n * inner * kind.itemsize
        target = address(partial) + job * inner * kind.itemsize
        if inner == 1:
            best = sign * load(kind, start, low)
            for i in range(low, high):
                best = larger(best, sign * load(kind, start, i))
            store(kind, target, 0, best)
        else:
            for j in range(inner):
                store(kind, target, j, sign * load(kind, start, low * inner + j))
            for i in range(low, high, 4):
                step = inner * kind.itemsize
                a, b = start + i * step, start + min(i + 1, high - 1) * step
                c, d = start + min(i + 2, high - 1) * step, start + min(i + 3, high - 1) * step
                for j in range(inner):
                    one = larger(sign * load(kind, a, j), sign * load(kind, b, j))
                    other = larger(sign * load(kind, c, j), sign * load(kind, d, j))
                    store(kind, target, j, larger(load(kind, target, j), larger(one, other)))
        for j in range(inner if parts == 1 else 0):
            out[o, j] = partial[o, 0, j] * sign


@parallel_kernel
def _join(part, partial, scale, extreme, out):
    """(outer, parts, inner) -> (outer, inner), the sum or the largest, divided by scale"""
    outer, parts, inner = partial.shape
    for o in share(part, outer):
        for j in range(inner):
            v = partial[o, 0, j]
            for p in range(1, parts):
                v = larger(v, partial[o, p, j]) if extreme else v + partial[o, p, j]
            out[o, j] = v / scale


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


def _in_parts(name, x, axes, out):
    """The sums, means, largest or smallest of parts, and then of these"""
    x3, extreme = _three(x, axes), name in ("max", "min")
    outer, n, inner = x3.shape
    parts = max(1, min(JOBS // max(1, outer), n, n * inner // 4096))
    partial, out = np.empty((outer, parts, inner), x.dtype if extreme else np.float64), out.reshape(outer, inner)
    scale = {"mean": float(n), "min": -1.0}.get(name, 1.0)
    (_extreme if extreme else _sum)(x3, partial, scale, out)
    if parts > 1:
        _join(partial, scale, extreme, out)


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
    if name in ("max", "min") and x.dtype.kind == "f" and out.size or out.dtype.kind == "f" and name in ("sum", "mean"):
        _in_parts(name, x, axes, flat)
    else:
        call(UFUNC[name].reduce, x, axes, flat.dtype, flat)
    return out


def argreduce(name, x, axis=-1, out=None):
    axis %= x.ndim
    out = np.empty(x.shape[:axis] + x.shape[axis + 1:], np.int32) if out is None else out
    _check_choice(name, out, [x.shape[axis]], x)
    x3 = _three(x, (axis,))
    if out.size:
        _arg(x3, 1 if name == "argmax" else -1, out.reshape(x3.shape[0], x3.shape[2]))
    return out


def cumsum(x, axis=-1, reverse=False, out=None):
    out = np.empty(x.shape, x.dtype) if out is None else out
    x3 = _three(x, (axis % x.ndim,))
    if out.size:
        total = np.empty((x3.shape[0], x3.shape[2]), np.float64 if x.dtype.kind == "f" else x.dtype)
        _cumsum(x3, reverse, total, out.reshape(x3.shape))
    return out
