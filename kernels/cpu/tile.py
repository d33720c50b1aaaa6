"""The register tile of the matrix product, and what moves numbers to where it reads them. Emitted with llvmlite."""
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .vector import INT, LONG, ROWS, VECTORS, Tile, Vectors

HEIGHTS = [ROWS] + [h for h in (8, 4, 2, 1) if h < ROWS]        # what is left of the rows is cut into these
WIDE = 8                        # registers of a row alone
WIDTHS = [v for v in (4, 2, 1) if v <= VECTORS] + [0]


class Dots(Vectors):
    """Emits c[columns] = max(start + a[depth] @ b[depth, columns], floor), as many columns as lanes at most.

    A sum a column, in vectors along the depth: b's columns are contiguous.
    """

    def emit(self, a, b, b_col, start, start_col, c, columns, depth, floor):
        bd, pa, pb, ps, pc = self.bd, *(self.pointer(p) for p in (a, b, start, c))
        last = bd.sub(columns, self.const(1))               # columns beyond repeat it
        ids = [bd.select(bd.icmp_signed("<", self.const(j), last), self.const(j), last) for j in range(self.lanes)]
        starts = [bd.mul(j, b_col) for j in ids]
        whole = bd.sdiv(depth, self.const(self.lanes))
        begin, loop, body, done = bd.block, *(bd.append_basic_block(name) for name in ("depth", "vector", "rest"))
        bd.branch(loop)
        bd.position_at_end(loop)
        i, totals = bd.phi(LONG), [bd.phi(self.vec) for _ in ids]
        bd.cbranch(bd.icmp_signed("<", i, whole), body, done)
        bd.position_at_end(body)
        new = self.add_products(pa, pb, bd.mul(i, self.const(self.lanes)), starts, totals)
        self.phi(i, self.const(0), begin, bd.add(i, self.const(1)), body)
        for phi, value in zip(totals, new):
            self.phi(phi, ir.Constant(self.vec, None), begin, value, body)
        bd.branch(loop)
        bd.position_at_end(done)
        p = bd.mul(whole, self.const(self.lanes))
        totals = self.transposed(self.add_products(pa, pb, p, starts, totals, self.first_lanes(bd.sub(depth, p))))
        while len(totals) > 1:
            totals = [bd.fadd(x, y) for x, y in zip(totals[::2], totals[1::2])]
        seed = ir.Constant(self.vec, ir.Undefined)
        for lane, j in enumerate(ids):
            seed = bd.insert_element(seed, bd.load(self.at(ps, bd.mul(j, start_col))), ir.Constant(INT, lane))
        self.store_first(self.at_least(bd.fadd(totals[0], seed), self.spread(floor)), pc, columns)

    def add_products(self, a, b, p, starts, totals, mask=None):
        a, b = self.at(a, p), self.at(b, p)
        x = self.load(a, mask)
        return [self.multiply_add(x, self.load(self.at(b, s), mask), t) for s, t in zip(starts, totals)]


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
    """Emits c[rows, columns] = max(start + a @ b, floor), at most a tile wide, by tiles of every height and width."""

    def emit(self, real, a, a_row, a_col, a_tile, b, b_row, start, start_row, c, c_row, rows, columns, depth, floor):
        size, floor = self.const(real.bitwidth // 8), self.spread(floor)

        def tiles(vectors, left):
            """Down the rows; `left` as in Tile."""
            done, a_done = self.const(0), a
            for high in HEIGHTS:
                count = self.bd.sdiv(self.bd.sub(rows, done), self.const(high))
                step = self.bd.mul(a_tile if high == ROWS else self.bd.mul(a_row, self.const(high)), size)
                with cgutils.for_range(self.bd, count) as loop:
                    i = self.bd.mul(self.bd.add(done, self.bd.mul(loop.index, self.const(high))), size)
                    places = [self.bd.add(p, self.bd.mul(i, row)) for p, row in ((start, start_row), (c, c_row))]
                    Tile(self.context, self.bd, real, high, vectors, left).emit(
                        self.bd.add(a_done, self.bd.mul(loop.index, step)), a_row, a_col, b, b_row,
                        places[0], start_row, places[1], c_row, depth, floor)
                done = self.bd.add(done, self.bd.mul(count, self.const(high)))
                a_done = self.bd.add(a_done, self.bd.mul(count, step))

        whole = self.bd.icmp_signed("==", columns, self.const(VECTORS * self.lanes))
        with self.bd.if_else(whole) as (yes, no):
            with yes:
                tiles(VECTORS, ())
            with no:
                self.narrowest(WIDTHS, columns, tiles)

    def narrowest(self, widths, columns, tiles):
        """Tiles as wide as the first of these that holds the columns; the last one is 0."""
        v, below = widths[:2]
        left = [None if u < below else self.bd.sub(columns, self.const(u * self.lanes)) for u in range(v)]
        if not below:
            tiles(v, left)
            return
        with self.bd.if_else(self.bd.icmp_signed(">", columns, self.const(below * self.lanes))) as (yes, no):
            with yes:
                tiles(v, left)
            with no:
                self.narrowest(widths[1:], columns, tiles)


@intrinsic
def rows_of_tiles(typing, kind, a, a_row, a_col, a_tile, b, b_row, start, start_row, c, c_row, rows, columns, depth,
                  floor):
    """See Rows; b lies in rows `b_row` numbers apart, a's tiles `a_tile` numbers apart."""
    def codegen(context, builder, signature, args):
        Rows(context, builder, kind.dtype).emit(kind.dtype, *args[1:])
        return context.get_dummy_value()

    return types.void(kind, *[types.int64] * 13, kind.dtype), codegen
