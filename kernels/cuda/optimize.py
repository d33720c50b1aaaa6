"""Optimizers on flat buffers, in place. `hyper` is on the device: a replay sees today's learning rate."""
from functools import lru_cache

import numpy as np

from ..formulas import assigned, composed, lines
from .launch import BLOCK, at_once, empty, launch, shared

SLOTS, CONSTANTS = 4, 10                # that the kernel has room for
BLOCKS = 1024                           # that measure at most


def statements(text: str, known) -> str:
    """What is assigned for the first time is declared."""
    new = [x for x in dict.fromkeys(assigned(text)) if x not in known]
    return " ".join([f"T {', '.join(new)};" if new else "", *[line + ";" for line in lines(text)]])


@lru_cache(maxsize=1024)
def plan(name: str, options: tuple, shadowed: bool):
    """The macros of a formula, and the values of its constants."""
    f = composed(name)
    place = dict(zip(f.arrays, ("p_", "g_", "a_", "b_", "c_", "d_")))
    constants = "".join([f"T {x} = c{i}; " for i, x in enumerate(f.constants)])
    macros = (("BEFORE", constants + statements(f.before, ("rate",))),
              ("FETCH", " ".join([f"Several<T> {a}_4 = fetch({at}, first, count);" for a, at in place.items()])),
              ("LOAD", " ".join([f"T {a} = {a}_4.at[j]{' * keep' if a == 'p' else ''};" for a in place])),
              ("EACH", statements(f"{f.first}\n{f.each}", f.arrays)),
              ("STORE", " ".join([f"{a}_4.at[j] = {a};" for a in f.written])),
              ("PUT", " ".join([f"put({place[a]}, first, count, {a}_4);" for a in f.written]
                               + ["put(shadow, first, count, p_4);"] * shadowed)))
    numbers = f.numbers(options)
    return macros, numbers + (0.0,) * (CONSTANTS - len(numbers))


def optimize(name, p, g, slots, hyper, options=(), decay=0.0, shadow=None):
    macros, numbers = plan(name, options, shadow is not None)
    unused, shadow = (p,) * (SLOTS - len(slots)), p if shadow is None else shadow
    launch("optimize", "optimize", shared(p),
           (p, g, *slots, *unused, hyper, float(decay), *numbers, np.int64(p.size), shadow), macros=macros,
           T=p.dtype, S=shadow.dtype)


def measure(g, hyper, limit=None, loss_scale=1.0, growth=None):
    count = max(1, min(-(-g.size // (BLOCK * at_once(g))), BLOCKS))
    launch("measure", "measure", count,
           (g, empty(g, count, "float64"), hyper, float("inf" if limit is None else limit), float(loss_scale),
            -1 if growth is None else growth, np.int64(g.size)), T=g.dtype)
