"""The convolution's register tile and the loops around it: tables say where it walks, so nothing is laid out first.

A row of the tile is an output pixel and a step is one number of its window (forward), or a row is one number of the
window and a step is a pixel (weight gradient). An input number lies at places[row] + steps[k]: stride, dilation,
padding, groups and phases are in the two tables alone. Inside, arrays are addresses, offsets are in numbers.
"""
from llvmlite import ir

from .launch import inner_kernel
from .vector import BYTES, LINE, LONG, ROWS, VECTORS, Tile, address, emitted

INDEX = 8                       # bytes of an entry of a table
DEPTH = 320                     # steps at a time: a strip of weights stays in the first-level cache


class Walk(Tile):
    """y[targets[r]] = start + sum over k of x[places[r] + steps[k]] * b[k], rows `vectors` registers wide.

    Rows beyond `last` repeat it. Where the accumulators start: at start[targets[r] * carry], a bias or y itself.
    """

    def part(self, pointer, v):
        return self.load(self.at(pointer, v * self.lanes), self.masks[v])

    def factors(self, pointer):
        """What a row multiplies the registers of b with: one number of x."""
        return [self.spread(self.bd.load(pointer))] * self.vectors

    def entries(self, table, index):
        pointer = self.bd.inttoptr(table, LONG.as_pointer())
        return [self.bd.load(self.bd.gep(pointer, [i])) for i in index]

    def floor(self, relu, value):
        """max(value, 0) with NaN kept, where relu is 1"""
        bottom = self.bd.select(relu, ir.Constant(self.real, 0.0), ir.Constant(self.real, float("-inf")))
        return self.at_least(value, self.spread(bottom))

    def walk(self, x, places, targets, last, steps, depth, b, b_row, start, carry, y, relu):
        bd = self.bd
        px, pb, ps, py = (self.pointer(p) for p in (x, b, start, y))
        index = [self.at_most(r, last) for r in range(self.rows)]
        rows, out = self.entries(places, index), self.entries(targets, index)

        def step(k, total):
            px_k, pb_k = bd.gep(px, self.entries(steps, [k])), bd.gep(pb, [bd.mul(k, b_row)])
            b_vec = [self.load(bd.gep(pb_k, [self.const(v * self.lanes)])) for v in range(self.vectors)]
            factors = [factor for row in rows for factor in self.factors(bd.gep(px_k, [row]))]
            return [self.multiply_add(factor, b_vec[i % self.vectors], t)
                    for i, (factor, t) in enumerate(zip(factors, total))]
        total = self.loop(depth, [self.part(bd.gep(ps, [bd.mul(o, carry)]), v)
                                  for o in out for v in range(self.vectors)], step)
        relu = bd.icmp_signed("!=", relu, self.const(0))
        self.write([self.floor(relu, value) for value in total],
                   [bd.gep(py, [bd.add(o, self.const(v * self.lanes))]) for o in out for v in range(self.vectors)])

    def write(self, values, places):
        align, pointer = ir.Constant(ir.IntType(32), 4), self.vec.as_pointer()
        whole = self.bd.icmp_signed(">=", self.left[-1], self.const(self.lanes))
        with self.bd.if_else(whole, likely=True) as (wholly, partly):
            with wholly:
                for value, place in zip(values, places):
                    self.store(value, place)
            with partly:
                for i, (value, place) in enumerate(zip(values, places)):
                    self.call("masked.store", ir.VoidType(), value, self.bd.bitcast(place, pointer), align,
                              self.masks[i % self.vectors], name=self.name + ".p0")


class Across(Walk):
    """Depthwise: every channel has a weight of its own."""

    def factors(self, pointer):
        return [self.part(pointer, v) for v in range(self.vectors)]


@emitted("i" * 14)
def _tile(f, across, *numbers):
    """The tile as wide as a strip of so many columns, the last number; only these are read and written in x and y."""
    *numbers, columns = numbers
    lefts = [f.bd.sub(columns, f.const(v * f.lanes)) for v in range(VECTORS)]

    def each(emitter):
        with f.bd.if_else(f.bd.icmp_signed(">", columns, f.const(f.lanes))) as branches:
            for branch, vectors in zip(branches, (VECTORS, 1)):
                with branch:
                    emitter(f.context, f.bd, f.kind, ROWS, vectors, lefts[:vectors]).walk(*numbers)

    with f.bd.if_else(f.bd.icmp_signed("!=", across, f.const(0))) as (yes, no):
        with yes:
            each(Across)
        with no:
            each(Walk)


@inner_kernel
def aligned(scratch):
    """Where its first line of the cache begins"""
    return (address(scratch) + LINE - 1) // LINE * LINE


@inner_kernel
def strip(kind, columns):
    """How wide the next strip is: a tile, or one register where that is enough."""
    lanes = BYTES // kind.itemsize
    return VECTORS * lanes if columns > lanes else lanes


@inner_kernel
def sweep(kind, across, x, places, targets, rows, band, steps, first, depth, b, b_column, b_row, start, carry, y,
          columns, relu):
    """All rows, `band` at a time, and columns, over `depth` steps from `first` on.

    b: from a column to the next and from a step, 0 where packed in strips.
    """
    size, wide = kind.itemsize, VECTORS * (BYTES // kind.itemsize)
    for top in range(0, rows, band):
        for j in range(0, columns, wide):
            row = b_row if b_row else strip(kind, columns - j)
            for i in range(top, min(top + band, rows), ROWS):
                _tile(kind, across, x + j * across * size, places + i * INDEX, targets + i * INDEX, rows - 1 - i,
                      steps + first * INDEX, depth, b + (j * b_column + first * row) * size, row,
                      start + j * size, carry, y + j * size, relu, columns - j)


@inner_kernel
def bunch(number, cut):
    """The first image of slab `number`"""
    return cut[0] * (number // cut[6]) // cut[4]


