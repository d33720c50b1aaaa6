"""One window of an image over all channels, emitted with llvmlite: what is folded over it stays in registers."""
import functools

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .vector import INT, Vectors

TAPS = types.UniTuple(types.int64, 8)


class Window(Vectors):
    """Emits loops over the channels, in vectors, and within over the places of one window.

    `taps` is (first, row, column, rows, columns, number, down, right): the first place, how far it is to the next row
    and column, how many of them there are, the first place's number, and the number's steps down and to the right.
    """

    def __init__(self, context, builder, real, place, channels, taps):
        super().__init__(context, builder, real)
        self.channels, self.byte, self.most = channels, context.get_data_type(place), self.lanes
        self.first, self.row, self.column, *self.sides, self.number, self.down, self.right = taps

    def fold(self, square, start, tap, end):
        """end(j, *state) after state = tap(a, b, place, number, *state) at each place, from start() on, for channels j.

        Windows of `square` by `square` are written out.
        """
        places = [(self.const(a), self.const(b)) for a in range(square) for b in range(square)]
        sides = [self.bd.icmp_signed("==", side, self.const(square)) for side in self.sides]
        with self.bd.if_else(self.bd.and_(*sides)) as (yes, no):
            with yes:
                self.each(start, tap, end, lambda visit: [visit(*place) for place in places])
            with no:
                self.each(start, tap, end, self.visit_all)

    def visit_all(self, visit):
        rows, columns = self.sides
        with cgutils.for_range(self.bd, rows) as a, cgutils.for_range(self.bd, columns) as b:
            visit(a.index, b.index)

    def each(self, start, tap, end, visit_places):
        """Whole vectors of channels, then one by one"""
        begin = self.const(0)
        for count in (self.most, 1):
            self.lanes, stop = count, self.bd.and_(self.channels, self.const(-count))
            with cgutils.for_range_slice(self.bd, begin, stop, self.const(count), inc=True) as (j, _):
                state = [cgutils.alloca_once_value(self.bd, value) for value in start()]
                visit_places(functools.partial(self.visit, tap, j, state))
                end(j, *[self.bd.load(v) for v in state])
            begin = stop

    def visit(self, tap, j, state, a, b):
        place = self.bd.add(self.bd.add(self.first, j), self.combined(a, self.row, b, self.column))
        number = self.bd.add(self.number, self.combined(a, self.down, b, self.right))
        for variable, value in zip(state, tap(a, b, place, number, *[self.bd.load(v) for v in state])):
            self.bd.store(value, variable)

    def combined(self, a, p, b, q):
        return self.bd.add(self.bd.mul(a, p), self.bd.mul(b, q))

    def place(self, address, i, kind):
        first = self.bd.gep(self.bd.inttoptr(address, kind.as_pointer()), [i])
        return self.bd.bitcast(first, ir.VectorType(kind, self.lanes).as_pointer())

    def read(self, address, i, kind=None):
        value = self.bd.load(self.place(address, i, kind or self.real))
        value.align = 1
        return value

    def read_and_fetch(self, address, i):
        """Fetches too what lies one window below: the processor looks no further than a line."""
        self.prefetch(self.place(address, self.bd.add(i, self.bd.mul(self.sides[0], self.row)), self.real))
        return self.read(address, i)

    def write(self, value, address, i):
        self.bd.store(value, self.place(address, i, value.type.element)).align = 1

    def one(self, address, i):
        return self.bd.load(self.at(self.pointer(address), i))

    def numbers(self, number):
        return self.spread(self.bd.trunc(number, INT))

    def constant(self, value):
        return self.spread(ir.Constant(self.real, value))

    def maximum(self, x, y, index):
        """The first largest and its number; NaN wins."""
        def tap(a, b, place, number, best, at):
            new = self.read_and_fetch(x, place)
            keep = self.bd.or_(self.bd.fcmp_ordered("<=", new, best), self.bd.fcmp_unordered("uno", best, best))
            return self.bd.select(keep, best, new), self.bd.select(keep, at, self.numbers(number))

        def end(j, best, at):
            self.write(best, y, j)
            self.write(at if self.byte == INT else self.bd.trunc(at, ir.VectorType(self.byte, self.lanes)), index, j)

        self.fold(2, lambda: (self.constant(float("-inf")), self.numbers(self.number)), tap, end)

    def of_maximum(self, dy, dx, index, far):
        """The sum of dy where the index is the place's number; `far`: written past the caches"""
        def tap(a, b, place, number, total):
            at = self.read(index, place, self.byte)
            at = at if self.byte == INT else self.bd.zext(at, ir.VectorType(INT, self.lanes))
            ours = self.bd.icmp_signed("==", at, self.numbers(number))
            return self.bd.fadd(total, self.bd.select(ours, self.read(dy, place), self.constant(0.0))),

        def end(j, total):
            if self.lanes < self.most:
                return self.write(total, dx, j)
            with self.bd.if_else(far) as (yes, no):
                with yes:
                    self.stream(total, self.at(self.pointer(dx), j))
                with no:
                    self.write(total, dx, j)

        self.fold(1, lambda: (self.constant(0.0),), tap, end)

    def mean(self, x, y, down, along):
        share = self.bd.fmul(self.one(down, self.const(0)), self.one(along, self.const(0)))

        def tap(a, b, place, number, total):
            return self.bd.fadd(total, self.read_and_fetch(x, place)),

        self.fold(2, lambda: (self.constant(0.0),), tap,
                  lambda j, total: self.write(self.bd.fmul(total, self.spread(share)), y, j))

    def of_mean(self, dy, dx, down, along):
        """The sum of dy times its row's and its column's share"""
        def tap(a, b, place, number, total):
            share = self.spread(self.bd.fmul(self.one(down, a), self.one(along, b)))
            return self.bd.fadd(total, self.bd.fmul(self.read(dy, place), share)),

        self.fold(1, lambda: (self.constant(0.0),), tap, lambda j, total: self.write(total, dx, j))


def make_fold(emit):
    """(dtype, dtype of the index, channels, taps, and addresses: what is read, what is written, and more)"""
    @intrinsic
    def fold(typing, kind, places, channels, taps, source, target, more):
        def codegen(context, builder, signature, args):
            window = Window(context, builder, kind.dtype, places.dtype, args[2], cgutils.unpack_tuple(builder, args[3]))
            emit(window, *args[4:6], *cgutils.unpack_tuple(builder, args[6]))
            return context.get_dummy_value()

        return types.void(kind, places, types.int64, TAPS, types.int64, types.int64, more), codegen

    return fold


maximum, of_maximum, mean, of_mean = map(make_fold, (Window.maximum, Window.of_maximum, Window.mean, Window.of_mean))
