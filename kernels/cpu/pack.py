"""The factors of a product as the register tile reads them: strips as wide as a tile, or panels as high as one."""
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .launch import inner_kernel
from .vector import BYTES, ROWS, VECTORS, Vectors, load, store

AHEAD = 8                       # rows that are fetched before they are read: they may meet in few sets of the cache


class Strip(Vectors):
    """Emits what writes (depth, columns <= width) to rows `width` numbers apart, zeros on the right."""

    def straight(self, source, row, col, target, width, depth, columns):
        """Rows are contiguous; col is 1. What is written beyond a row is overwritten by the next one."""
        bd, registers = self.bd, range(0, max(VECTORS * self.lanes, ROWS), self.lanes)
        masks = [self.first_lanes(bd.sub(columns, self.const(v))) for v in registers]

        def move(masks):
            def body(k, _):
                here, there = self.at(source, bd.mul(k, row)), self.at(target, bd.mul(k, width))
                self.prefetch(self.at(here, bd.mul(row, self.const(AHEAD))))
                for v, mask in zip(registers, masks):
                    with bd.if_then(bd.icmp_signed("<", self.const(v), width)):
                        self.store(self.load(self.at(here, v), mask), self.at(there, v))
                return []
            self.loop(depth, [], body)

        with bd.if_else(bd.icmp_signed(">=", columns, self.const(len(registers) * self.lanes))) as (whole, partly):
            with whole:
                move([None] * len(registers))
            with partly:
                move(masks)

    def turned(self, source, row, col, target, width, depth, columns):
        """A register of columns, which are contiguous; row is 1. Squares are transposed in registers, the last one
        where it just fits: the depth is a register at least.
        """
        bd, lanes, numbers = self.bd, self.const(self.lanes), range(self.lanes)
        starts = [bd.mul(self.at_most(j, bd.sub(columns, self.const(1))), col) for j in numbers]
        real, last = self.first_lanes(columns), bd.sub(depth, lanes)

        def square(i, _):
            p = self.at_most(bd.mul(i, lanes), last)
            rows = self.transposed([self.load(self.at(source, bd.add(p, s))) for s in starts])
            for r, x in zip(numbers, rows):
                place = self.at(target, bd.mul(bd.add(p, self.const(r)), width))
                self.store(bd.select(real, x, ir.Constant(self.vec, None)), place)
            return []

        self.loop(bd.sdiv(bd.add(depth, self.const(self.lanes - 1)), lanes), [], square)


def _mover(emit):
    """f(kind, source, row, col, target, width, depth, columns) from a method of Strip"""
    @intrinsic
    def move(typing, kind, source, row, col, target, width, depth, columns):
        def codegen(context, builder, signature, args):
            strip, (source, row, col, target, *sizes) = Strip(context, builder, kind.dtype), args[1:]
            emit(strip, strip.pointer(source), row, col, strip.pointer(target), *sizes)
            return context.get_dummy_value()

        return types.void(kind, *[types.int64] * 7), codegen

    return move


_straight, _turned = _mover(Strip.straight), _mover(Strip.turned)


@inner_kernel
def _pack(kind, b, row, col, depth, columns, width, packed):
    """(depth, columns), any strides -> strips of (depth, width), zeros on the right. The width is a tile's; where col
    is 1 it may be less than its registers hold, and then a register more than the strips is written.
    """
    size, lanes = kind.itemsize, BYTES // kind.itemsize
    for j in range(0, columns, width):
        real, source, target = min(width, columns - j), b + j * col * size, packed + j * depth * size
        if col == 1:
            _straight(kind, source, row, col, target, width, depth, real)
        elif row == 1 and depth >= lanes:
            for v in range(0, width, lanes):
                _turned(kind, source + v * col * size, row, col, target + v * size, width, depth, real - v)
        else:
            for p in range(depth):
                for v in range(width):
                    store(kind, target, p * width + v, load(kind, source, p * row + v * col) if v < real else 0)
