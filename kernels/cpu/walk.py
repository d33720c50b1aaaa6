"""The convolution's register tile and the loops around it: tables say where it walks, so nothing is laid out first.

A row of the tile is an output pixel and a step is one number of its window (forward), or a row is one number of the
window and a step is a pixel (weight gradient). An input number lies at places[row] + steps[k]: stride, dilation,
padding, groups and phases are in the two tables alone. Inside, arrays are addresses, offsets are in numbers.
"""
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .launch import inner_kernel
from .vector import BYTES, ROWS, VECTORS, Tile, address

INDEX = 8                       # bytes of an entry of a table
LINE = 64                       # bytes: where a thread's scratch begins
EVERY = np.array([0, 1 << 40])  # no limits to the steps
DEPTH = 320                     # steps at a time: a strip of weights stays in the first-level cache


class Walk(Tile):
    """y[targets[r]] = start + sum over k of x[places[r] + steps[k]] * b[k], rows `vectors` registers wide.

    Rows beyond `last` repeat it. Where the accumulators start: at start[targets[r] * carry], a bias or y itself.
    """

    def part(self, pointer, v):
        return self.load(self.bd.gep(pointer, [self.const(v * self.lanes)]))

    def factors(self, pointer):
        """What a row multiplies the registers of b with: one number of x."""
        return [self.spread(self.bd.load(pointer))] * self.vectors

    def entries(self, table, index):
        pointer = self.bd.inttoptr(table, ir.IntType(64).as_pointer())
        return [self.bd.load(self.bd.gep(pointer, [i])) for i in index]

    def floor(self, relu, value):
        """max(value, 0) with NaN kept, where relu is 1"""
        bottom = self.bd.select(relu, ir.Constant(self.real, 0.0), ir.Constant(self.real, float("-inf")))
        bottom = self.spread(bottom)
        return self.bd.select(self.bd.fcmp_ordered("<", value, bottom), bottom, value)

    def loop(self, count, state, body):
        """for k in range(count): state = body(k, state)"""
        bd, zero = self.bd, self.const(0)
        entry, loop, done = bd.block, bd.append_basic_block("steps"), bd.append_basic_block("done")
        bd.cbranch(bd.icmp_signed(">", count, zero), loop, done)
        bd.position_at_end(loop)
        k, *held = [bd.phi(ir.IntType(64)), *[bd.phi(self.vec) for _ in state]]
        new, following = body(k, held), bd.add(k, self.const(1))
        bd.cbranch(bd.icmp_signed("<", following, count), loop, done)
        bd.position_at_end(done)
        behind = [bd.phi(self.vec) for _ in state]
        for phi, before, after in [(k, zero, following), *zip(held, state, new), *zip(behind, state, new)]:
            phi.add_incoming(before, entry)
            phi.add_incoming(after, loop)
        return behind

    def walk(self, x, places, targets, last, steps, depth, b, b_row, start, carry, y, relu):
        bd, zero = self.bd, self.const(0)
        px, pb, ps, py = (self.pointer(p) for p in (x, b, start, y))
        index = [self.const(r) for r in range(self.rows)]
        index = [bd.select(bd.icmp_signed("<", i, last), i, last) for i in index]
        rows, out = self.entries(places, index), self.entries(targets, index)

        def step(k, acc):
            [offset] = self.entries(steps, [k])
            px_k, pb_k = bd.gep(px, [offset]), bd.gep(pb, [bd.mul(k, b_row)])
            b_vec = [self.load(bd.gep(pb_k, [self.const(v * self.lanes)])) for v in range(self.vectors)]
            factors = [self.factors(bd.gep(px_k, [row])) for row in rows]
            return [self.multiply_add(factors[i // self.vectors][i % self.vectors], b_vec[i % self.vectors], total)
                    for i, total in enumerate(acc)]

        total = [self.part(bd.gep(ps, [bd.mul(o, carry)]), v) for o in out for v in range(self.vectors)]
        total = self.loop(depth, total, step)
        relu = bd.icmp_signed("!=", relu, zero)
        self.write([self.floor(relu, value) for value in total],
                   [bd.gep(py, [bd.add(o, self.const(v * self.lanes))]) for o in out for v in range(self.vectors)])

    def write(self, values, places):
        for value, place in zip(values, places):
            self.store(value, place)


class Edge(Walk):
    """Only `columns` of the last register's numbers are real: nothing beyond is read or written in x and y."""

    def begin(self, columns):
        ints = ir.VectorType(ir.IntType(32), self.lanes)
        lane = ir.Constant(ints, list(range((self.vectors - 1) * self.lanes, self.vectors * self.lanes)))
        zeros = ir.Constant(ints, [0] * self.lanes)
        count = self.bd.insert_element(zeros, self.bd.trunc(columns, ir.IntType(32)), ir.Constant(ir.IntType(32), 0))
        self.whole = self.bd.icmp_signed(">=", columns, self.const(self.vectors * self.lanes))
        self.real_lanes = self.bd.icmp_signed("<", lane, self.bd.shuffle_vector(count, zeros, zeros))

    def masked(self, name, kind, *args):
        f = cgutils.get_or_insert_function(self.bd.module, kind, f"llvm.masked.{name}.{self.name}.p0")
        return self.bd.call(f, args)

    def part(self, pointer, v):
        pointer = self.bd.gep(pointer, [self.const(v * self.lanes)])
        if v < self.vectors - 1:
            return self.load(pointer)
        mask, pointer = self.real_lanes, self.bd.bitcast(pointer, self.vec.as_pointer())
        kind = ir.FunctionType(self.vec, [pointer.type, ir.IntType(32), mask.type, self.vec])
        zeros = ir.Constant(self.vec, [0.0] * self.lanes)
        return self.masked("load", kind, pointer, ir.Constant(ir.IntType(32), 4), mask, zeros)

    def write(self, values, places):
        mask, last = self.real_lanes, self.vectors - 1
        kind = ir.FunctionType(ir.VoidType(), [self.vec, self.vec.as_pointer(), ir.IntType(32), mask.type])
        with self.bd.if_else(self.whole, likely=False) as (whole, partly):
            with whole:
                super().write(values, places)
            with partly:
                for i, (value, place) in enumerate(zip(values, places)):
                    if i % self.vectors < last:
                        self.store(value, place)
                    else:
                        place = self.bd.bitcast(place, self.vec.as_pointer())
                        self.masked("store", kind, value, place, ir.Constant(ir.IntType(32), 4), mask)


class Across:
    """Depthwise: every channel has a weight of its own."""

    def factors(self, pointer):
        return [self.part(pointer, v) for v in range(self.vectors)]


class AcrossWalk(Across, Walk):
    pass


class AcrossEdge(Across, Edge):
    pass


def make_walk(tile, vectors):
    """walk(kind, x, places, targets, last, steps, depth, b, b_row, start, carry, y, relu, columns)"""

    @intrinsic
    def walk(typing, kind, x, places, targets, last, steps, depth, b, b_row, start, carry, y, relu, columns):
        def codegen(context, builder, signature, args):
            emitter = tile(context, builder, kind.dtype, ROWS, vectors)
            if issubclass(tile, Edge):
                emitter.begin(args[-1])
            emitter.walk(*args[1:-1])
            return context.get_dummy_value()

        return types.void(kind, *[types.int64] * 13), codegen

    return walk


_full, _wide, _thin = make_walk(Walk, VECTORS), make_walk(Edge, VECTORS), make_walk(Edge, 1)
_across, _across_wide = make_walk(AcrossWalk, VECTORS), make_walk(AcrossEdge, VECTORS)
_across_thin = make_walk(AcrossEdge, 1)


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
def _tile(kind, across, x, places, targets, last, steps, depth, b, b_row, start, carry, y, relu, columns):
    """The tile for so many columns"""
    lanes = BYTES // kind.itemsize
    if columns >= VECTORS * lanes:
        if across:
            _across(kind, x, places, targets, last, steps, depth, b, b_row, start, carry, y, relu, columns)
        else:
            _full(kind, x, places, targets, last, steps, depth, b, b_row, start, carry, y, relu, columns)
    elif columns > lanes:
        if across:
            _across_wide(kind, x, places, targets, last, steps, depth, b, b_row, start, carry, y, relu, columns)
        else:
            _wide(kind, x, places, targets, last, steps, depth, b, b_row, start, carry, y, relu, columns)
    elif across:
        _across_thin(kind, x, places, targets, last, steps, depth, b, b_row, start, carry, y, relu, columns)
    else:
        _thin(kind, x, places, targets, last, steps, depth, b, b_row, start, carry, y, relu, columns)


@inner_kernel
def sweep(kind, across, x, places, targets, rows, band, steps, first, depth, limits, limit, b, b_column, b_row, start,
          carry, y, columns, relu):
    """All rows, `band` at a time, and columns, over `depth` steps from `first` on.

    limits: which of all steps matter to a tile. b: from a column to the next and from a step, 0 where packed in strips.
    """
    size, wide = kind.itemsize, VECTORS * (BYTES // kind.itemsize)
    for top in range(0, rows, band):
        for j in range(0, columns, wide):
            row = b_row if b_row else strip(kind, columns - j)
            for i in range(top, min(top + band, rows), ROWS):
                begin = max(first, index(limits, i // ROWS * limit))
                count = min(first + depth, index(limits, i // ROWS * limit + 1)) - begin
                _tile(kind, across, x + j * across * size, places + i * INDEX, targets + i * INDEX, rows - 1 - i,
                      steps + begin * INDEX, count, b + (j * b_column + begin * row) * size, row,
                      start + j * size, carry, y + j * size, relu, columns - j)


@intrinsic
def index(typing, table, i):
    """The i-th entry of a table at an address."""
    def codegen(context, builder, signature, args):
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.load(builder.gep(pointer, [args[1]]))

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def move(typing, kind, target, source, count):
    """The numbers at `source` to `target`."""
    def codegen(context, builder, signature, args):
        pointer = context.get_data_type(kind.dtype).as_pointer()
        target, source = (builder.inttoptr(a, pointer) for a in args[1:3])
        cgutils.raw_memcpy(builder, target, source, args[3], kind.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(kind, *[types.int64] * 3), codegen


@intrinsic
def clear(typing, kind, target, count):
    def codegen(context, builder, signature, args):
        pointer = builder.inttoptr(args[1], ir.IntType(8).as_pointer())
        cgutils.memset(builder, pointer, builder.mul(args[2], ir.Constant(ir.IntType(64), kind.dtype.bitwidth // 8)), 0)
        return context.get_dummy_value()

    return types.void(kind, *[types.int64] * 2), codegen


@inner_kernel
def bunch(number, cut):
    """The first image of slab `number`"""
    return cut[0] * (number // cut[6]) // cut[4]


@inner_kernel
def slab(kind, x, room, number, cut):
    """Where slab `number` of the images begins: in x itself, or copied to `room` with zeros around the image.

    cut: (n, h, w, c, bunches of images, lines of output of a slab, blocks of lines an image, lines of input a line of
    output, first line, first column, lines and columns of input of a slab, whether to copy)
    """
    n, h, w, c, bunches, lines, blocks, step, top, left, high, wide, copied = cut
    first, line, size = bunch(number, cut), number % blocks * lines * step, kind.itemsize
    if copied == 0:
        return x + (first * h + line) * w * c * size
    for r in range((bunch(number + blocks, cut) - first) * high):
        i, q, target = first + r // high, line + top + r % high, room + r * wide * c * size
        before, after = min(wide, max(0, -left)), max(0, min(wide, w - left))
        if q < 0 or q >= h or after <= before:
            before, after = 0, 0
        clear(kind, target, before * c)
        move(kind, target + before * c * size, x + ((i * h + q) * w + left + before) * c * size, (after - before) * c)
        clear(kind, target + after * c * size, (wide - after) * c)
    return room
