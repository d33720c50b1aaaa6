"""The register tile of the matrix product, and what serves a few rows. Emitted with llvmlite."""
from functools import partial

from llvmlite import ir

from .launch import inner_kernel
from .vector import BYTES, INT, LONG, ROWS, VECTORS, Tile, Vectors, emitted

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


dots = emitted("iiiiiiiin", by=Dots)(Dots.emit)


@emitted("iiiiiiin", by=partial(Tile, rows=1, vectors=WIDE))
def wide_row(tile, a, a_col, b, b_row, start, c, depth, floor):
    """c = max(start + a[depth] @ b[depth, WIDE vectors], floor), one row"""
    zero = tile.const(0)
    tile.emit(a, zero, a_col, b, b_row, start, zero, c, zero, depth, tile.spread(floor))


class Rows(Vectors):
    """Emits rows_of_tiles: `high` tiles of ROWS rows, then tiles of LOW rows, of which the last may have fewer."""

    def emit(self, a, a_row, a_col, a_tile, b, b_row, copy, start, start_row, c, c_row, rows, high, columns, depth,
             floor):
        bd, size, full, low, floor = self.bd, BYTES // self.lanes, *map(self.const, (ROWS, LOW)), self.spread(floor)
        steps = [bd.mul(step, self.const(size)) for step in (a_tile, start_row, c_row)]
        laid, panels = bd.icmp_signed("!=", copy, self.const(0)), bd.icmp_signed("==", a_col, self.const(0))
        rest = bd.sub(rows, bd.mul(high, full))
        lows = bd.sdiv(bd.add(rest, self.const(LOW - 1)), low)

        def tile(vectors, height, state, right, **options):
            left = [None] * (vectors - 1) + [bd.sub(columns, self.const((vectors - 1) * self.lanes))]
            (x, start, y), column = state, bd.select(panels, height, a_col)
            Tile(self.context, bd, self.kind, height.constant, vectors, left).emit(
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


@emitted("i" * 15 + "n", by=Rows)
def _rows(emitter, *args):
    """Once in a module, and called, not copied to where it is used: it is long"""
    module, name = emitter.bd.module, f"gpunn.rows.{emitter.kind}"
    if name not in module.globals:
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [LONG] * 15 + [emitter.real]), name)
        function.linkage = "linkonce_odr"
        function.attributes.add("noinline")
        builder = ir.IRBuilder(function.append_basic_block())
        Rows(emitter.context, builder, emitter.kind).emit(*function.args)
        builder.ret_void()
    emitter.bd.call(module.globals[name], args)


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
