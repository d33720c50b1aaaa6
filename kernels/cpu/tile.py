"""The register tile of the matrix product, and what serves a few rows. Emitted with llvmlite."""
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .launch import inner_kernel
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
    """Emits rows_of_tiles: `high` tiles of ROWS rows, then tiles of LOW rows, of which the last may have fewer."""

    def emit(self, real, a, a_row, a_col, a_tile, b, b_row, copy, start, start_row, c, c_row, rows, high, columns,
             depth, floor):
        bd, size, full, low, floor = self.bd, real.bitwidth // 8, *map(self.const, (ROWS, LOW)), self.spread(floor)
        steps = [bd.mul(step, self.const(size)) for step in (a_tile, start_row, c_row)]
        laid, panels = bd.icmp_signed("!=", copy, self.const(0)), bd.icmp_signed("==", a_col, self.const(0))
        rest = bd.sub(rows, bd.mul(high, full))
        lows = bd.sdiv(bd.add(rest, self.const(LOW - 1)), low)

        def tile(vectors, height, state, right, **options):
            left = [None] * (vectors - 1) + [bd.sub(columns, self.const((vectors - 1) * self.lanes))]
            (x, start, y), column = state, bd.select(panels, height, a_col)
            Tile(self.context, bd, real, height.constant, vectors, left).emit(
                x, a_row, column, *right, start, start_row, y, c_row, depth, floor, **options)
            return [bd.add(p, bd.mul(step, height)) for p, step in zip(state, steps)]

        def tiles(vectors):
            state, right, count = [a, start, c], (b, b_row), high
            if vectors == VECTORS:
                with bd.if_then(laid):
                    tile(vectors, full, state, right, copies=[copy])
                one = bd.zext(laid, LONG)
                count, state = bd.sub(high, one), [bd.add(p, bd.mul(bd.mul(one, full), step))
                                                   for p, step in zip(state, steps)]
                right = bd.select(laid, copy, b), bd.select(laid, self.const(vectors * self.lanes), b_row)
            state = self.loop(count, state, lambda _, state: tile(vectors, full, state, right))
            self.loop(lows, state, lambda i, state: tile(
                vectors, low, state, right, last=bd.sub(bd.sub(rest, self.const(1)), bd.mul(i, low))))

        self.as_wide_as(columns, VECTORS, tiles)

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
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [LONG] * 15 + [number]), name)
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block())
    Rows(context, builder, real).emit(real, *function.args)
    builder.ret_void()
    return function


@intrinsic
def _rows(typing, kind, a, a_row, a_col, a_tile, b, b_row, copy, start, start_row, c, c_row, rows, high, columns, depth,
          floor):
    """See Rows."""
    def codegen(context, builder, signature, args):
        builder.call(_rows_function(context, builder.module, kind.dtype), args[1:])
        return context.get_dummy_value()

    return types.void(kind, *[types.int64] * 15, kind.dtype), codegen


@inner_kernel
def high_rows(rows):
    """How many of them full tiles take: as many as leave lower ones, two thirds as high, the least to waste."""
    thirds = (rows + ROWS - LOW - 1) // (ROWS - LOW)
    return max(0, min(rows // ROWS, (thirds - 2 * (-thirds % 3)) // 3)) * ROWS


@inner_kernel
def rows_of_tiles(kind, a, a_row, a_col, a_tile, b, b_row, copy, start, start_row, c, c_row, rows, columns, depth,
                  floor):
    """c[rows, columns] = max(start + a @ b, floor), at most a tile wide.

    b lies in rows `b_row` numbers apart, and is laid at `copy` for the next time where that is an address: then rows
    are 2 * ROWS at least, and columns a tile's. a's tiles are `a_tile` numbers a row apart; where a_col is 0, a lies
    in panels as high as they.
    """
    _rows(kind, a, a_row, a_col, a_tile, b, b_row, copy, start, start_row, c, c_row, rows, high_rows(rows) // ROWS,
          columns, depth, floor)
