"""Rows of attention's scores, whole vectors of them. Emitted with llvmlite: Numba's loops end in single numbers.

Scores are to the base of two: they hold the factor `LOG2E`, and 2^x takes less than e^x.
"""
import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .launch import inner_kernel
from .maths import EXP, SHIFT
from .vector import INT, Vectors, address, load, store

LOG2E, LN2 = math.log2(math.e), math.log(2)


class Row(Vectors):
    def folded(self, row, n, first, body, join):
        """One number: first, then what body(pointer) gives, joined two by two."""
        total = cgutils.alloca_once_value(self.bd, self.number(first))
        with cgutils.for_range(self.bd, self.bd.sdiv(n, self.const(self.lanes))) as loop:
            place = self.at(self.pointer(row), self.bd.mul(loop.index, self.const(self.lanes)))
            self.bd.store(join(self.bd.load(total), body(place)), total)
        lanes = [self.bd.extract_element(self.bd.load(total), ir.Constant(INT, i)) for i in range(self.lanes)]
        while len(lanes) > 1:
            lanes = [join(a, b) for a, b in zip(lanes[::2], lanes[1::2])]
        return lanes[0]

    def number(self, value):
        return ir.Constant(self.vec, [value] * self.lanes)

    def power(self, x):
        """2^x for x <= 0; below the normal numbers 0"""
        bd, real = self.bd, f"float{32 if self.real == ir.FloatType() else 64}"
        bias, place = SHIFT[real]
        whole = self.call("rint", self.vec, x)
        rest, terms = bd.fsub(x, whole), [self.number(c * LN2 ** k) for k, c in enumerate((1, 1, *EXP[real]))]
        while len(terms) > 1:                               # by twos: Horner's rule is one long wait
            joined = [self.multiply_add(b, rest, a) for a, b in zip(terms[::2], terms[1::2])]
            terms, rest = joined + terms[2 * len(joined):], bd.fmul(rest, rest)
        word = ir.VectorType(ir.IntType(int(real[5:])), self.lanes)
        whole = bd.fptosi(whole, ir.VectorType(INT, self.lanes))
        whole = bd.shl(whole if word.element == INT else bd.sext(whole, word), ir.Constant(word, [place] * self.lanes))
        power = bd.bitcast(bd.add(bd.bitcast(terms[0], word), whole), self.vec)
        return bd.select(bd.fcmp_ordered("<", x, self.number(1 - bias)), self.number(0), power)


@intrinsic
def largest(typing, kind, x, n):
    """NaN may win or not."""
    def codegen(context, builder, signature, args):
        f = Row(context, builder, kind.dtype)
        return f.folded(args[1], args[2], -math.inf, f.load, lambda a, b: f.at_least(b, a))

    return kind.dtype(kind, types.int64, types.int64), codegen


@intrinsic
def powers(typing, kind, x, n, top):
    """x -> 2^(x - top), in place; their sum"""
    def codegen(context, builder, signature, args):
        f = Row(context, builder, kind.dtype)
        top = f.spread(args[3])

        def body(place):
            power = f.power(builder.fsub(f.load(place), top))
            f.store(power, place)
            return power
        return f.folded(args[1], args[2], 0.0, body, builder.fadd)

    return kind.dtype(kind, types.int64, types.int64, kind.dtype), codegen


@inner_kernel
def hide(kind, scores, mask, at, step, seen, columns):
    """-inf for the keys of a row that its query may not look at: from `seen` on, and where the mask says so"""
    if mask.size:
        for j in range(seen):
            if not load(mask, address(mask), at + j * step):
                store(kind, scores, j, -np.inf)
    for j in range(seen, columns):
        store(kind, scores, j, -np.inf)
