"""The register tile of the matrix product, and what serves a few rows. Emitted with llvmlite."""
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .vector import INT, LONG, ROWS, VECTORS, Tile, Vectors

LOW = 2 * ROWS // 3             # rows of the tile for what is left: fewer would not be faster, their sums would wait
WIDE = 8                        # registers of a row alone


class Dots(Vectors):
    """Emits c[columns] = max(start + a[depth] @ b[depth, columns], floor), as many columns as lanes at most.

    A sum a column, in vectors along the depth: b's columns are contiguous.
    """

    def emit(self, a, b, b_col, start, start_col, c, columns, depth, floor):
        bd, pa, pb, ps, pc = self.bd, *(self.pointer(p) for p in (a, b, start, c))
        ids = [self.at_most(j, bd.sub(columns, self.const(1))) for j in range(self.lanes)]      # the last is repeated
        starts, whole = [bd.mul(j, b_col) for j in ids], bd.sdiv(depth, self.const(self.lanes))
        done = bd.mul(whole, self.const(self.lanes))

        def add_products(p, totals, mask=None):
            x, y = self.load(self.at(pa, p), mask), self.at(pb, p)
            return [self.multiply_add(x, self.load(self.at(y, s), mask), t) for s, t in zip(starts, totals)]

        totals = self.loop(whole, [ir.Constant(self.vec, None)] * self.lanes,
                           lambda i, totals: add_products(bd.mul(i, self.const(self.lanes)), totals))
        totals = self.transposed(add_products(done, totals, self.first_lanes(bd.sub(depth, done))))
        while len(totals) > 1:
            totals = [bd.fadd(x, y) for x, y in zip(totals[::2], totals[1::2])]
        seed = ir.Constant(self.vec, ir.Undefined)
        for lane, j in enumerate(ids):
            seed = bd.insert_element(seed, bd.load(self.at(ps, bd.mul(j, start_col))), ir.Constant(INT, lane))
        self.store_first(self.at_least(bd.fadd(totals[0], seed), self.spread(floor)), pc, columns)


@intrinsic
def dots(typing, kind, a, b, b_col, start, start_col, c, columns, depth, floor):
    """See Dots."""
    def codegen(context, builder, signature, args):
        Dots(context, builder, kind.dtype).emit(*args[1:])
        return context.get_dummy_value()

    return types.void(kind, *[types.int64] * 8, kind.dtype), codegen


@intrinsic
def wide_row(typing, kind, a, a_col, b, b_row, start, c, depth, floor):
    """c = max(start + a[depth] @ b[depth, WIDE vectors], floor), one row"""
    def codegen(context, builder, signature, args):
        tile, zero = Tile(context, builder, kind.dtype, 1, WIDE), ir.Constant(LONG, 0)
        _, a, a_col, b, b_row, start, c, depth, floor = args
        tile.emit(a, zero, a_col, b, b_row, start, zero, c, zero, depth, tile.spread(floor))
        return context.get_dummy_value()

    return types.void(kind, *[types.int64] * 7, kind.dtype), codegen


class Rows(Vectors):
    """Emits c[rows, columns] = max(start + a @ b, floor), at most a tile wide, by tiles of two heights."""

    def emit(self, real, a, a_row, a_col, a_tile, b, b_row, copy, start, start_row, c, c_row, rows, columns, depth,
             floor):
        bd, size, floor = self.bd, self.const(real.bitwidth // 8), self.spread(floor)
        full, low = self.heights(rows)
        copies = bd.icmp_signed("!=", copy, self.const(0))
        steps = [bd.mul(step, size) for step in (a_tile, start_row, c_row)]
        one, panels = bd.zext(copies, LONG), bd.icmp_signed("==", a_col, self.const(0))

        def tile(vectors, high, state, **options):
            left = [None] * (vectors - 1) + [bd.sub(columns, self.const((vectors - 1) * self.lanes))]
            a_i, start_i, c_i = state
            Tile(self.context, bd, real, high, vectors, left).emit(
                a_i, a_row, bd.select(panels, self.const(high), a_col), *options.pop("b", (b, b_row)), start_i, start_row, c_i, c_row, depth, floor, **options)
            return after(state, self.const(high))

        def after(state, rows):
            return [bd.add(p, bd.mul(step, rows)) for p, step in zip(state, steps)]

        def tiles(vectors):
            state, right, count = [a, start, c], (b, b_row), full
            if vectors == VECTORS:
                with bd.if_then(copies):
                    tile(vectors, ROWS, state, copy=copy)
                state, count = after(state, bd.mul(one, self.const(ROWS))), bd.sub(full, one)
                right = bd.select(copies, copy, b), bd.select(copies, self.const(VECTORS * self.lanes), b_row)
            state = self.loop(count, state, lambda _, state: tile(vectors, ROWS, state, b=right))
            before = bd.sub(bd.sub(rows, self.const(1)), bd.mul(full, self.const(ROWS)))
            self.loop(low, state, lambda i, state: tile(vectors, LOW, state, b=right,
                                                        last=bd.sub(before, bd.mul(i, self.const(LOW)))))

        self.as_wide_as(columns, VECTORS, tiles)

    def heights(self, rows):
        """How many tiles of ROWS and then of LOW rows: the last one has few rows too many."""
        bd, high, low, zero = self.bd, self.const(ROWS), self.const(LOW), self.const(0)
        rest = bd.srem(rows, high)
        thirds = bd.sdiv(bd.add(rest, self.const(ROWS - LOW - 1)), self.const(ROWS - LOW))
        low_rows = bd.mul(bd.select(bd.icmp_signed("==", rest, zero), zero, bd.add(bd.srem(bd.sub(bd.mul(thirds, self.const(2)), self.const(1)), self.const(3)), self.const(1))), low)
        full = bd.sdiv(bd.add(bd.sub(rows, low_rows), bd.sub(high, self.const(1))), high)
        full = bd.select(bd.icmp_signed("<", full, zero), zero, full)
        return full, bd.sdiv(bd.add(bd.sub(rows, bd.mul(full, high)), bd.sub(low, self.const(1))), low)

    def as_wide_as(self, columns, vectors, tiles):
        """`tiles` of so many vectors, or of half as many where these hold the columns, and so on"""
        if vectors == 1:
            tiles(vectors)
            return
        with self.bd.if_else(self.bd.icmp_signed(">", columns, self.const(vectors // 2 * self.lanes))) as (yes, no):
            with yes:
                tiles(vectors)
            with no:
                self.as_wide_as(columns, vectors // 2, tiles)


def _rows_function(context, module, real):
    """Once in a module, and called, not copied to where it is used: it is long"""
    name, number = f"gpunn.rows.{real}", context.get_data_type(real)
    if name in module.globals:
        return module.globals[name]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [LONG] * 14 + [number]), name)
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block())
    Rows(context, builder, real).emit(real, *function.args)
    builder.ret_void()
    return function


@intrinsic
def rows_of_tiles(typing, kind, a, a_row, a_col, a_tile, b, b_row, copy, start, start_row, c, c_row, rows, columns,
                  depth, floor):
    """See Rows; b lies in rows `b_row` numbers apart, a's tiles `a_tile` numbers a row apart. b is copied to `copy`."""
    def codegen(context, builder, signature, args):
        builder.call(_rows_function(context, builder.module, kind.dtype), args[1:])
        return context.get_dummy_value()

    return types.void(kind, *[types.int64] * 14, kind.dtype), codegen
