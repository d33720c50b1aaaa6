"""Rows of attention's scores, whole vectors of them. Emitted with llvmlite: Numba's loops end in single numbers.

Scores are to the base of two: they hold the factor `LOG2E`, and 2^x takes less than e^x.
"""
import functools
import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from .launch import inner_kernel
from .maths import EXP, SHIFT
from .vector import AHEAD, INT, Vectors, address, emitted, load, store

LOG2E, LN2 = math.log2(math.e), math.log(2)
PAIR = 2        # vectors that relay takes at a time: a line


class Row(Vectors):
    def folded(self, n, first, body, join):
        """One number: first, joined with what body(place, mask) gives. The mask says what is real of the last vector,
        if not all is."""
        bd, total = self.bd, cgutils.alloca_once_value(self.bd, self.number(first))
        whole = bd.sdiv(n, self.const(self.lanes))
        done = bd.mul(whole, self.const(self.lanes))
        with cgutils.for_range(bd, whole) as loop:
            bd.store(join(bd.load(total), body(bd.mul(loop.index, self.const(self.lanes)), None)), total)
        with bd.if_then(bd.icmp_signed("<", done, n), likely=False):
            real = self.first_lanes(bd.sub(n, done))
            value = bd.select(real, body(done, real), self.number(first))
            bd.store(join(bd.load(total), value), total)
        return self.across(bd.load(total), join)

    def across(self, value, join):
        """All lanes joined: one number"""
        for step in [2 ** k for k in range(self.lanes.bit_length() - 1)][::-1]:
            value = join(value, self.shuffle(value, value, [(i + step) % self.lanes for i in range(self.lanes)]))
        return self.bd.extract_element(value, ir.Constant(INT, 0))

    def larger(self, a, b):
        return self.at_least(b, a)

    def number(self, value):
        return ir.Constant(self.vec, [value] * self.lanes)

    def powers(self, numbers, unit):
        """2^(x * unit) for x <= 0; below the normal numbers 0. Several together: each is one long wait."""
        bd, real = self.bd, f"float{32 if self.real == ir.FloatType() else 64}"
        (bias, place), word = SHIFT[real], ir.VectorType(ir.IntType(int(real[5:])), self.lanes)
        low, whole = bd.fdiv(self.number(-bias), unit), self.number(1.5 * 2.0 ** place + bias)      # see maths.py
        numbers = [self.at_least(x, low) for x in numbers]
        exponents = [self.multiply_add(x, unit, whole) for x in numbers]
        rests = [bd.fsub(whole, e, flags=["contract"]) for e in exponents]                          # in this order
        rests = [self.multiply_add(x, unit, rest) for x, rest in zip(numbers, rests)]
        *terms, last = [self.number(c * LN2 ** k) for k, c in enumerate((1, 1, *EXP[real]))]
        totals = [last] * len(numbers)
        for term in terms[::-1]:
            totals = [self.multiply_add(total, rest, term) for total, rest in zip(totals, rests)]
        scales = [bd.shl(bd.bitcast(e, word), ir.Constant(word, [place] * self.lanes)) for e in exponents]
        return [bd.fmul(total, bd.bitcast(scale, self.vec)) for total, scale in zip(totals, scales)]


@emitted("ii", "n", Row)
def largest(f, x, n):
    """NaN may win or not."""
    x = f.pointer(x)
    return f.folded(n, -math.inf, lambda i, real: f.load(f.at(x, i), real), f.larger)


@emitted("iinni", "n", Row)
def powers(f, x, n, top, unit, y):
    """y = 2^((x - top) * unit), which may lie where x does; their sum"""
    (x, y), (top, unit) = map(f.pointer, (x, y)), map(f.spread, (top, unit))

    def body(i, real):
        power, = f.powers([f.bd.fsub(f.load(f.at(x, i), real), top)], unit)
        f.store(power, f.at(y, i)) if real is None else f.store_first(power, f.at(y, i), f.bd.sub(n, i))
        return power
    return f.folded(n, 0.0, body, f.bd.fadd)


@emitted("iiiiiinnn", "nn", Row)
def relay(f, n, x, x_next, e, e_before, y, top, unit, scale):
    """Three rows of whole vectors at once, so that memory moves while this computes: y = e_before * scale, past the
    caches; e = 2^((x - top) * unit). -> (the largest of x_next, the sum of e)
    """
    bd, (top, unit, scale) = f.bd, map(f.spread, (top, unit, scale))
    x, x_next, e, e_before, y = map(f.pointer, (x, x_next, e, e_before, y))

    def body(k, state):
        first = bd.mul(k, f.const(PAIR * f.lanes))
        places = [bd.add(first, f.const(v * f.lanes)) for v in range(PAIR)]
        f.prefetch(f.at(x_next, bd.add(first, f.const(AHEAD * 8 // f.kind.bitwidth))))
        results = f.powers([bd.fsub(f.load(f.at(x, i)), top) for i in places], unit)
        for i, power in zip(places, results):
            f.store(power, f.at(e, i))
            f.stream(bd.fmul(f.load(f.at(e_before, i)), scale), f.at(y, i))
        return [*[f.larger(best, f.load(f.at(x_next, i))) for best, i in zip(state, places)],
                *map(bd.fadd, state[PAIR:], results)]

    start = [f.number(-math.inf)] * PAIR + [f.number(0)] * PAIR
    state = f.loop(bd.sdiv(n, f.const(PAIR * f.lanes)), start, body)
    best, total = functools.reduce(f.larger, state[:PAIR]), functools.reduce(bd.fadd, state[PAIR:])
    pair = [f.across(best, f.larger), f.across(total, bd.fadd)]
    return f.context.make_tuple(bd, types.UniTuple(f.kind, 2), pair)


@inner_kernel
def hide(kind, scores, mask, at, step, seen, columns):
    """-inf for the keys of a row that its query may not look at: from `seen` on, and where the mask says so"""
    if mask.size:
        for j in range(seen):
            if not load(mask, address(mask), at + j * step):
                store(kind, scores, j, -np.inf)
    for j in range(seen, columns):
        store(kind, scores, j, -np.inf)
