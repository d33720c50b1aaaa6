"""The factors of a product as the register tile reads them: strips as wide as a tile, or panels as high as one."""
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .launch import inner_kernel
from .vector import BYTES, Vectors, load, store

NEAR = 64                       # numbers along the depth at a time: what is read twice is still in the first-level cache
AHEAD = 16                      # rows that are fetched before they are read


class Column(Vectors):
    """Emits what writes (depth, columns <= lanes) to rows `width` numbers apart, zeros on the right."""

    def straight(self, source, row, col, target, width, depth, columns):
        """Rows are contiguous; col is 1."""
        def move(mask):
            def body(k, _):
                here = self.at(source, self.bd.mul(k, row))
                self.prefetch(self.at(here, self.bd.mul(row, self.const(AHEAD))))
                self.store(self.load(here, mask), self.at(target, self.bd.mul(k, width)))
                return []
            self.loop(depth, [], body)

        with self.bd.if_else(self.bd.icmp_signed(">=", columns, self.const(self.lanes))) as (whole, partly):
            with whole:
                move(None)
            with partly:
                move(self.first_lanes(columns))

    def turned(self, source, row, col, target, width, depth, columns):
        """Columns are contiguous; row is 1. Squares are transposed in registers; a column beyond is the last, hidden."""
        bd, numbers = self.bd, range(self.lanes)
        starts = [bd.mul(self.at_most(j, bd.sub(columns, self.const(1))), col) for j in numbers]
        real, none = self.first_lanes(columns), ir.Constant(self.vec, None)

        def square(p, mask=None):
            rows = self.transposed([self.load(self.at(self.at(source, p), s), mask) for s in starts])
            return [(bd.select(real, row, none), self.at(target, bd.mul(bd.add(p, self.const(r)), width)))
                    for r, row in enumerate(rows)]

        def body(i, _):
            for row, place in square(bd.mul(i, self.const(self.lanes))):
                self.store(row, place)
            return []

        whole = bd.sdiv(depth, self.const(self.lanes))
        self.loop(whole, [], body)
        done = bd.mul(whole, self.const(self.lanes))
        left = bd.sub(depth, done)
        with bd.if_then(bd.icmp_signed(">", left, self.const(0))):
            for r, (row, place) in enumerate(square(done, self.first_lanes(left))):
                with bd.if_then(bd.icmp_signed("<", self.const(r), left)):
                    self.store(row, place)


def _mover(emit):
    """f(kind, source, row, col, target, width, depth, columns) from a method of Column"""
    @intrinsic
    def move(typing, kind, source, row, col, target, width, depth, columns):
        def codegen(context, builder, signature, args):
            column, (source, row, col, target, *sizes) = Column(context, builder, kind.dtype), args[1:]
            emit(column, column.pointer(source), row, col, column.pointer(target), *sizes)
            return context.get_dummy_value()

        return types.void(kind, *[types.int64] * 7), codegen

    return move


_straight, _turned = _mover(Column.straight), _mover(Column.turned)


@inner_kernel
def _pack(kind, b, row, col, depth, columns, width, packed):
    """(depth, columns), any strides -> strips of (depth, width), zeros on the right; behind the last of them lie as
    many numbers as a register holds."""
    size, lanes = kind.itemsize, BYTES // kind.itemsize
    for j in range(0, columns, width):
        real, source, target = min(width, columns - j), b + j * col * size, packed + j * depth * size
        for p in range(0, depth, NEAR):
            for v in range((width - 1) // lanes * lanes, -1, -lanes):       # what is too much on the right is overwritten
                x, y = source + (p * row + v * col) * size, target + (p * width + v) * size
                if col == 1:
                    _straight(kind, x, row, col, y, width, min(NEAR, depth - p), real - v)
                elif row == 1:
                    _turned(kind, x, row, col, y, width, min(NEAR, depth - p), real - v)
                else:
                    for i in range(min(NEAR, depth - p)):
                        for q in range(v, min(v + lanes, width)):
                            at = i * width + q - v
                            store(kind, y, at, load(kind, x, i * row + (q - v) * col) if q < real else 0)
