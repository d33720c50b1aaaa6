"""Reductions over axes of any strides, and running sums."""
from functools import lru_cache
from math import prod
from typing import NamedTuple

import numpy as np

from .launch import HALVES, MAX_BLOCKS, empty, launch, number_type, power_of_two
from .views import steps, view

REDUCTION = {name: code for code, name in enumerate(("sum", "mean", "prod", "max", "min", "any", "all"))}
# a long reduction to few results is cut into pieces, until there are about so many blocks
BLOCKS = 1024
STEPS = 16                  # but a thread takes at least so many elements


class Plan(NamedTuple):
    """How 256 threads share the work: `lanes` threads a result, neighbours `along` reduced axes or not."""
    results: int
    length: int
    lanes: int
    along: bool
    pieces: int
    kept: np.ndarray
    reduced: np.ndarray

    @property
    def groups(self) -> int:
        return min(-(-self.results * self.lanes // 256), MAX_BLOCKS)


def reduce(name, x, axis=None, keepdims=False, out=None):
    """sum mean prod max min any all"""
    axes = every(axis, x.ndim)
    shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes)
    out = empty(x, shape, result_type(name, x.dtype)) if out is None else out
    plan = planned(tuple(x.shape), steps(x, x.shape), axes)
    if name in ("max", "min") and plan.results and not plan.length:
        raise ValueError(f"reduce: {name} over axes {axes} of shape {tuple(x.shape)}: nothing to choose from")
    if plan.pieces > 1:
        partial = empty(x, (plan.results, plan.pieces), total_type(out.dtype))
        stage("sum" if name == "mean" else name, x, partial, plan, plan.length)
        stage(name, partial, out, planned(partial.shape, (plan.pieces, 1), (1,)), plan.length)
    else:
        stage(name, x, out, plan, plan.length)
    return out


def stage(name, x, out, plan, count):
    """One launch; `count` elements make a mean."""
    chunk = -(-plan.length // plan.pieces)
    launch("reduce", "reduce", (plan.groups, plan.pieces),
           (x, out, REDUCTION[name], *map(np.int64, (plan.results, plan.length, chunk, count)), plan.lanes, plan.along,
            plan.kept, plan.reduced), T=x.dtype, A=total_type(out.dtype), O=out.dtype)


def argreduce(name, x, axis=-1, out=None):
    """argmax argmin: the first winner; NaN wins"""
    axis %= x.ndim
    out = empty(x, x.shape[:axis] + x.shape[axis + 1:], "int32") if out is None else out
    plan = planned(tuple(x.shape), steps(x, x.shape), (axis,))
    if plan.results and not plan.length:
        raise ValueError(f"argreduce: {name} over axis {axis} of shape {tuple(x.shape)}: nothing to choose")
    launch("reduce", "argreduce", plan.groups,
           (x, out, name == "argmax", np.int64(plan.results), np.int64(plan.length), plan.lanes, plan.along, plan.kept,
            plan.reduced), T=x.dtype, A=total_type(x.dtype), O=x.dtype)
    return out


def cumsum(x, axis=-1, reverse=False, out=None):
    """Running sum along an axis."""
    axis %= x.ndim
    out = empty(x, x.shape) if out is None else out
    rest = x.shape[:axis] + x.shape[axis + 1:]
    walks = [steps(a, x.shape) for a in (x, out)]
    launch("reduce", "cumsum", min(prod(rest) if x.size else 0, MAX_BLOCKS),
           (x, out, reverse, *map(np.int64, (prod(rest), x.shape[axis], *(walk[axis] for walk in walks))),
            view(rest, *(walk[:axis] + walk[axis + 1:] for walk in walks))), T=x.dtype,
            A=total_type(x.dtype), O=x.dtype)
    return out


def every(axis, ndim: int) -> tuple:
    axes = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return tuple(sorted(i % ndim for i in axes))


def total_type(dtype):
    """Floats are added up in float64, those of 16 bits in float32: a sum is as good as its last rounding."""
    return np.dtype("float64") if np.dtype(dtype).kind == "f" and dtype not in HALVES else number_type(dtype)


def result_type(name: str, dtype):
    if name in ("any", "all"):
        return np.dtype(bool)
    if dtype in HALVES:
        return dtype
    if name == "mean" and dtype.kind != "f":
        return np.dtype("float32")
    return dtype if name in ("max", "min") else number_type(dtype)


@lru_cache(4096)
def planned(shape: tuple, strides: tuple, axes: tuple) -> Plan:
    def part(inside: bool):
        chosen = [i for i in range(len(shape)) if (i in axes) == inside]
        sizes, walks = tuple(shape[i] for i in chosen), tuple(strides[i] for i in chosen)
        return prod(sizes), nearest(sizes, walks), view(sizes, walks)
    (results, beside, kept), (length, along, reduced) = part(False), part(True)
    lanes = power_of_two(length, 256) if along <= beside else 256 // power_of_two(results, 32)
    groups = -(-results * lanes // 256)
    pieces = max(1, min(length // (lanes * STEPS), BLOCKS // max(groups, 1)))
    return Plan(results, length, lanes, along <= beside, pieces, kept, reduced)


def nearest(sizes, walks):
    """The smallest step between neighbours."""
    return min((abs(walk) for size, walk in zip(sizes, walks) if size > 1 and walk), default=float("inf"))
