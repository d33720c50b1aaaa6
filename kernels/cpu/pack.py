"""The right factor of a product as the register tile reads it: strips as wide as a tile, one after the other."""
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .launch import inner_kernel
from .vector import BYTES, ROWS, VECTORS, Vectors, load, store


class Strip(Vectors):
    """Emits what writes (depth, columns <= width) as (depth, width), zeros on the right."""

    def __init__(self, context, builder, real, columns):
        super().__init__(context, builder, real)
        self.columns, self.width = columns, VECTORS * self.lanes
        self.masks = [self.first_lanes(builder.sub(columns, self.const(v * self.lanes))) for v in range(VECTORS)]

    def straight(self, source, row, target, depth):
        """Rows of b are contiguous."""
        whole = self.bd.icmp_signed("==", self.columns, self.const(self.width))
        with self.bd.if_else(whole) as (yes, no):
            for branch, masks in (yes, [None] * VECTORS), (no, self.masks):
                with branch, cgutils.for_range(self.bd, depth) as loop:
                    here = self.at(source, self.bd.mul(loop.index, row))
                    there = self.at(target, self.bd.mul(loop.index, self.const(self.width)))
                    for v in range(VECTORS):
                        self.store(self.load(self.at(here, v * self.lanes), masks[v]), self.at(there, v * self.lanes))

    def turned(self, source, col, target, depth):
        """Columns of b are contiguous: squares are transposed in registers. Columns beyond repeat the last."""
        last = self.bd.sub(self.columns, self.const(1))
        numbers = [self.const(j) for j in range(self.width)]
        starts = [self.bd.mul(self.bd.select(self.bd.icmp_signed("<", j, last), j, last), col) for j in numbers]
        whole = self.bd.sdiv(depth, self.const(self.lanes))
        with cgutils.for_range(self.bd, whole) as loop:
            self.squares(source, starts, target, self.bd.mul(loop.index, self.const(self.lanes)))
        done = self.bd.mul(whole, self.const(self.lanes))
        left = self.bd.sub(depth, done)
        with self.bd.if_then(self.bd.icmp_signed(">", left, self.const(0))):
            self.squares(source, starts, target, done, left)

    def squares(self, source, starts, target, p, left=None):
        """Rows p .. p + lanes of the strip, or only `left` of them"""
        source, target = self.at(source, p), self.at(target, self.bd.mul(p, self.const(self.width)))
        mask = None if left is None else self.first_lanes(left)
        for v in range(VECTORS):
            columns = [self.load(self.at(source, s), mask) for s in starts[v * self.lanes:(v + 1) * self.lanes]]
            for r, row in enumerate(self.transposed(columns)):
                row = self.bd.select(self.masks[v], row, ir.Constant(self.vec, None))
                place = self.at(target, r * self.width + v * self.lanes)
                if left is None:
                    self.store(row, place)
                else:
                    with self.bd.if_then(self.bd.icmp_signed("<", self.const(r), left)):
                        self.store(row, place)


def _mover(emit):
    """f(kind, source, stride, target, depth, columns) from a method of Strip"""
    @intrinsic
    def move(typing, kind, source, stride, target, depth, columns):
        def codegen(context, builder, signature, args):
            _, source, stride, target, depth, columns = args
            strip = Strip(context, builder, kind.dtype, columns)
            emit(strip, strip.pointer(source), stride, strip.pointer(target), depth)
            return context.get_dummy_value()

        return types.void(kind, *[types.int64] * 5), codegen

    return move


_straight, _turned = _mover(Strip.straight), _mover(Strip.turned)


@inner_kernel
def _pack(kind, b, row, col, depth, columns, strip, packed):
    """(depth, columns) of b, any strides -> strips of (depth, strip), zeros on the right."""
    size, width = kind.itemsize, VECTORS * (BYTES // kind.itemsize)
    for j in range(0, columns, strip):
        real, source, target = min(strip, columns - j), b + j * col * size, packed + j * depth * size
        if col == 1 and strip == width:
            _straight(kind, source, row, target, depth, real)
        elif row == 1 and strip == width:
            _turned(kind, source, col, target, depth, real)
        else:
            for p in range(depth):
                for v in range(strip):
                    store(kind, target, p * strip + v, load(kind, source, p * row + v * col) if v < real else 0)


@intrinsic
def _move(typing, kind, source, target):
    """As many numbers as a tile has rows, and more to fill registers."""
    def codegen(context, builder, signature, args):
        f = Vectors(context, builder, kind.dtype)
        source, target = f.pointer(args[1]), f.pointer(args[2])
        for v in range(0, ROWS, f.lanes):
            f.store(f.load(f.at(source, v)), f.at(target, v))
        return context.get_dummy_value()

    return types.void(kind, *[types.int64] * 2), codegen


@inner_kernel
def panel_size(kind, depth):
    """In numbers; what _move writes too much lies between the panels."""
    return ROWS * depth + BYTES // kind.itemsize


@inner_kernel
def _panels(kind, a, a_col, rows, depth, panels):
    """(rows, depth) of a, columns contiguous -> panels of (depth, ROWS)"""
    size, apart = kind.itemsize, panel_size(kind, depth)
    for p in range(depth - 1):
        source, target = a + p * a_col * size, panels + p * ROWS * size
        for q in range((rows + ROWS - 1) // ROWS):
            _move(kind, source + q * ROWS * size, target + q * apart * size)
    p = depth - 1                                   # behind the last numbers there may be nothing to read
    for i in range(rows):
        store(kind, panels, i // ROWS * apart + p * ROWS + i % ROWS, load(kind, a, p * a_col + i))
