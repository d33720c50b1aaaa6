"""Optimizers over flat buffers: each formula becomes one loop. `hyper` is read inside, so that a recorded step sees
the newest rate."""
import functools

import numpy as np

from ..formulas import LARGEST, composed, lines
from .launch import kernel, own, parallel_kernel, share
from .maths import clip, formula, sign
from .memory import copy
from .reduce import larger

JOBS = 32                       # pieces, the same for any number of threads


@formula
def choose(condition, a, b):
    return a if condition else b


SCOPE = {"sqrt": np.sqrt, "expm1": np.expm1, "pow": np.power, "fabs": np.abs, "floor": np.floor, "smaller": min,
         "larger": larger, "choose": choose, "clip": clip, "sign": sign, "own": own, "int32": np.int32}


def source(name: str) -> str:
    """A loop over the weights, as a person would write it for this formula."""
    f = composed(name)
    stored = [a + "_" for a in f.arrays]
    text = [f"def made(part, {', '.join(stored)}, hyper, decay, {', '.join(f.constants)}):",
            "    if hyper[3] == 0: return",
            "    T = p_.dtype.type",
            "    rate, t, momentum = T(hyper[0]), T(hyper.view(int32)[1] // int32(hyper[4]) + 1), T(hyper[2])",
            "    gain = T(hyper[5])",
            "    keep = T(1) - rate * T(decay)",
            *[f"    {x} = T({x})" for x in f.constants],
            *["    " + line for line in lines(f.before)],
            f"    {', '.join(stored)} = own(part, {', '.join(stored)})",
            "    for i in range(p_.size):",
            f"        {', '.join(f.arrays)} = p_[i] * keep, {', '.join(a + '[i]' for a in stored[1:])}",
            *["        " + line for line in lines(f.first) + lines(f.each)],
            *[f"        {a}_[i] = {a}" for a in f.written]]
    return "\n".join(text)


@functools.cache
def made_of(name: str):
    """The source counts as this file's, so that the compiled code is cached."""
    scope = dict(SCOPE)
    exec(compile(source(name), __file__, "exec"), scope)
    made = scope["made"]
    made.__module__, made.__name__, made.__qualname__ = __name__, name, name
    return parallel_kernel(made)


@functools.lru_cache(maxsize=1024)
def _plan(name: str, options: tuple):
    return made_of(name), composed(name).numbers(options)


def optimize(name, p, g, slots, hyper, options=(), decay=0.0, shadow=None):
    run, numbers = _plan(name, options)
    run(p, g, *slots, hyper, float(decay), *numbers)
    if shadow is not None:
        copy(p, out=shadow)


@parallel_kernel
def _squares(part, g, sums):
    """The sum of squares of each of so many pieces of g"""
    n, count = g.size, sums.size
    for piece in share(part, count):
        mine, total = g[n * piece // count:n * (piece + 1) // count], 0.0
        for i in range(mine.size):
            total += np.float64(mine[i]) * np.float64(mine[i])
        sums[piece] = total


@kernel
def _judge(sums, hyper, limit, scale, growth):
    total, whole = 0.0, hyper.view(np.int32)
    for i in range(sums.size):
        total += sums[i]
    finite = total < np.inf
    scale = scale if growth < 0 else np.float64(hyper[6])
    norm = np.sqrt(total) / scale
    hyper[5] = ((limit / norm if norm > limit else 1.0) if finite else np.nan) / scale
    if growth >= 0:
        good = whole[7] + 1 if finite else 0
        grows = finite and good == growth
        whole[1] -= not finite
        whole[7] = 0 if grows else good
        hyper[3] = finite
        hyper[6] = min(hyper[6] * (2.0 if grows else 1.0 if finite else 0.5), LARGEST)


def measure(g, hyper, limit=None, loss_scale=1.0, growth=None):
    sums = np.empty(max(1, min(JOBS, g.size // 4096)))
    _squares(g, sums)
    _judge(sums, hyper, float("inf" if limit is None else limit), float(loss_scale), -1 if growth is None else growth)
