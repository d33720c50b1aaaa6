"""The factors of a product as the register tile reads them: strips as wide as a tile, or panels as high as one."""
from llvmlite import ir

from .launch import inner_kernel
from .vector import BYTES, ROWS, VECTORS, Vectors, emitted, load, store

FEW, AHEAD = 16, 4              # rows that are packed together and fetched before: they may meet in few sets of a cache
APART = 16                      # numbers a column between panels, for the same reason


class Strip(Vectors):
    """Emits what writes (depth, columns <= width) to rows `width` numbers apart, zeros on the right."""

    def straight(self, source, row, target, width, depth, columns):
        """Rows are contiguous; numbers beyond the width may be read and written."""
        bd, most = self.bd, self.const(VECTORS * self.lanes)

        def move(masks):
            def body(k, _):
                here, there = self.at(source, bd.mul(k, row)), self.at(target, bd.mul(k, width))
                self.prefetch(self.at(here, bd.mul(row, self.const(AHEAD))))
                for v, mask in enumerate(masks):
                    self.store(self.load(self.at(here, v * self.lanes), mask), self.at(there, v * self.lanes))
                return []
            self.loop(depth, [], body)

        def rows(registers):
            with bd.if_else(bd.icmp_signed(">=", columns, most)) as (whole, partly):
                with whole:
                    move([None] * registers)
                with partly:
                    move([self.first_lanes(bd.sub(columns, self.const(v * self.lanes))) for v in range(registers)])

        with bd.if_else(bd.icmp_signed("==", width, most)) as (strip, panel):
            with strip:
                rows(VECTORS)
            with panel:
                rows(-(-ROWS // self.lanes))

    def turned(self, source, col, target, width, depth, columns):
        """A register of columns, which are contiguous. Squares are transposed in registers, the last one
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
    """f(kind, source, step, target, width, depth, columns) from a method of Strip"""
    return emitted("iiiiii", by=Strip)(lambda strip, source, step, target, *sizes: emit(
        strip, strip.pointer(source), step, strip.pointer(target), *sizes))


_straight, _turned = _mover(Strip.straight), _mover(Strip.turned)


@inner_kernel
def _pack(kind, b, row, col, depth, columns, width, apart, packed):
    """(depth, columns), any strides -> strips of (depth, width), `apart` numbers a column apart, zeros on the right.

    The width is a tile's; where that does not fill its registers, what is behind a strip is written too.
    """
    size, lanes = kind.itemsize, BYTES // kind.itemsize
    if col == 1:
        for p in range(0, depth, FEW):
            for j in range(0, columns, width):
                _straight(kind, b + (p * row + j) * size, row, packed + (j * apart + p * width) * size, width,
                          min(FEW, depth - p), columns - j)
        return
    for j in range(0, columns, width):
        real, source, target = min(width, columns - j), b + j * col * size, packed + j * apart * size
        if row == 1 and depth >= lanes:
            for v in range(0, width, lanes):
                _turned(kind, source + v * col * size, col, target + v * size, width, depth, real - v)
        else:
            for p in range(depth):
                for v in range(width):
                    store(kind, target, p * width + v, load(kind, source, p * row + v * col) if v < real else 0)
