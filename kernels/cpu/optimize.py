"""Optimizers over flat buffers: each formula becomes one loop. `hyper` is read inside, so that a recorded step sees
the newest rate."""
import functools

import numpy as np

from ..formulas import composed, lines
from .launch import own, parallel_kernel
from .maths import clip, formula, sign
from .memory import copy


@formula
def larger(a, b):
    """NaN wins"""
    return a if a > b or a != a else b


@formula
def choose(condition, a, b):
    return a if condition else b


SCOPE = {"sqrt": np.sqrt, "expm1": np.expm1, "pow": np.power, "fabs": np.abs, "floor": np.floor, "smaller": min,
         "larger": larger, "choose": choose, "clip": clip, "sign": sign, "own": own, "int32": np.int32}


def called(name: str) -> str:
    return name.replace(" ", "_then_")


def source(name: str) -> str:
    """A loop over the weights, as a person would write it for this formula."""
    f = composed(name)
    stored = [a + "_" for a in f.arrays]
    text = [f"def {called(name)}(part, {', '.join(stored)}, hyper, decay, {', '.join(f.constants)}):",
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
def kernel(name: str):
    """The source counts as this file's, so that the compiled code is cached."""
    scope = dict(SCOPE)
    exec(compile(source(name), __file__, "exec"), scope)
    made = scope[called(name)]
    made.__module__ = __name__
    return parallel_kernel(made)


@functools.lru_cache(maxsize=1024)
def _plan(name: str, options: tuple):
    return kernel(name), composed(name).numbers(options)


def optimize(name, p, g, slots, hyper, options=(), decay=0.0, shadow=None):
    run, numbers = _plan(name, options)
    run(p, g, *slots, hyper, float(decay), *numbers)
    if shadow is not None:
        copy(p, out=shadow)
