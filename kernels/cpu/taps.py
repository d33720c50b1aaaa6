"""One window of an image over all channels, emitted with llvmlite: what is folded over the taps stays in registers."""
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .vector import lanes

INT = ir.IntType(32)


class Window:
    """Emits loops over the channels, in vectors, and within over the taps of one window.

    `taps` is (image, row, column, rows, columns, number, width): where the window begins, bytes a row and a column,
    how many taps are real, and the number of the first; the next row's is `width` higher.
    """

    def __init__(self, context, builder, real, channels, taps, place=None):
        self.bd, self.context, self.channels = builder, context, channels
        self.image, self.row, self.column, self.rows, self.columns, self.number, self.width = taps
        self.real, self.most = context.get_data_type(real), lanes(real.bitwidth // 8)
        self.byte = place and context.get_data_type(place)

    def word(self, value):
        return ir.Constant(ir.IntType(64), value)

    def each(self, body):
        """body(j) with `self.lanes` channels from j on: whole vectors, then halves of what is left"""
        start, self.lanes = self.word(0), self.most
        while self.lanes:
            stop = self.bd.and_(self.channels, self.word(-self.lanes))
            with cgutils.for_range_slice(self.bd, start, stop, self.word(self.lanes), inc=True) as (j, _):
                body(j)
            start, self.lanes = stop, self.lanes // 2

    def each_tap(self, body):
        """body(a, b); windows of two by two are written out"""
        two = self.bd.icmp_signed("==", self.bd.mul(self.rows, self.columns), self.word(4))
        two = self.bd.and_(two, self.bd.icmp_signed("==", self.rows, self.columns))
        with self.bd.if_else(two) as (yes, no):
            with yes:
                for tap in range(4):
                    body(self.word(tap // 2), self.word(tap % 2))
            with no, cgutils.for_range(self.bd, self.rows) as a, cgutils.for_range(self.bd, self.columns) as b:
                body(a.index, b.index)

    def pointer(self, address, j, kind):
        first = self.bd.gep(self.bd.inttoptr(address, kind.as_pointer()), [j])
        return self.bd.bitcast(first, ir.VectorType(kind, self.lanes).as_pointer())

    def load(self, address, j, kind=None):
        value = self.bd.load(self.pointer(address, j, kind or self.real))
        value.align = 1
        return value

    def store(self, value, address, j):
        self.bd.store(value, self.pointer(address, j, value.type.element)).align = 1

    def pixel(self, a, b):
        return self.bd.add(self.image, self.bd.add(self.bd.mul(a, self.row), self.bd.mul(b, self.column)))

    def tap(self, a, b):
        return self.spread(self.bd.trunc(self.bd.add(self.number, self.bd.add(self.bd.mul(a, self.width), b)), INT))

    def spread(self, scalar):
        none = ir.Constant(ir.VectorType(scalar.type, self.lanes), ir.Undefined)
        first = self.bd.insert_element(none, scalar, ir.Constant(INT, 0))
        return self.bd.shuffle_vector(first, none, ir.Constant(ir.VectorType(INT, self.lanes), [0] * self.lanes))

    def variable(self, value):
        return cgutils.alloca_once_value(self.bd, value)

    def constant(self, value):
        return self.spread(ir.Constant(self.real, value))

    def maximum(self, y, index):
        """The first largest and its number; NaN wins."""
        def channels(j):
            bd, zero = self.bd, self.word(0)
            best, place = self.variable(self.constant(float("-inf"))), self.variable(self.tap(zero, zero))

            def tap(a, b):
                new, old, tap = self.load(self.pixel(a, b), j), bd.load(best), self.tap(a, b)
                keep = bd.or_(bd.fcmp_ordered("<=", new, old), bd.fcmp_unordered("uno", old, old))
                bd.store(bd.select(keep, old, new), best)
                bd.store(bd.select(keep, bd.load(place), tap), place)
            self.each_tap(tap)
            self.store(bd.load(best), y, j)
            number, kind = bd.load(place), ir.VectorType(self.byte, self.lanes)
            self.store(number if self.byte == INT else bd.trunc(number, kind), index, j)
        self.each(channels)

    def mean(self, y, count):
        def channels(j):
            total = self.variable(self.constant(0.0))
            self.each_tap(lambda a, b: self.bd.store(
                self.bd.fadd(self.bd.load(total), self.load(self.pixel(a, b), j)), total))
            self.store(self.bd.fdiv(self.bd.load(total), self.spread(count)), y, j)
        self.each(channels)

    def put(self, value, a, b, j, add):
        """Into the image, or on top of what is there."""
        place = self.pixel(a, b)
        self.store(self.bd.fadd(self.load(place, j), value) if add else value, place, j)

    def spread_maximum(self, dy, index, add):
        def channels(j):
            d, place, kind = self.load(dy, j), self.load(index, j, self.byte), ir.VectorType(INT, self.lanes)
            place = place if self.byte == INT else self.bd.zext(place, kind)
            self.each_tap(lambda a, b: self.put(self.bd.select(
                self.bd.icmp_signed("==", place, self.tap(a, b)), d, self.constant(0.0)), a, b, j, add))
        self.each(channels)

    def spread_mean(self, dy, count, add):
        def channels(j):
            share = self.bd.fdiv(self.load(dy, j), self.spread(count))
            self.each_tap(lambda a, b: self.put(share, a, b, j, add))
        self.each(channels)


TAPS = types.UniTuple(types.int64, 7)


def _window(context, builder, signature, args, place=None):
    taps = cgutils.unpack_tuple(builder, args[2], 7)
    return Window(context, builder, signature.args[0].dtype, args[1], taps, place)


@intrinsic
def maximum(typing, kind, channels, taps, y, places, index):
    """y and index: addresses; `kind` and `places` are arrays of their types."""
    def codegen(context, builder, signature, args):
        _window(context, builder, signature, args, places.dtype).maximum(args[3], args[5])
        return context.get_dummy_value()

    return types.void(kind, types.int64, TAPS, types.int64, places, types.int64), codegen


@intrinsic
def mean(typing, kind, channels, taps, y, count):
    def codegen(context, builder, signature, args):
        _window(context, builder, signature, args).mean(args[3], args[4])
        return context.get_dummy_value()

    return types.void(kind, types.int64, TAPS, types.int64, kind.dtype), codegen


def make_spread(add):
    """Into an image of zeros, or where windows overlap (`add`) on top."""
    @intrinsic
    def spread_maximum(typing, kind, channels, taps, dy, places, index):
        def codegen(context, builder, signature, args):
            _window(context, builder, signature, args, places.dtype).spread_maximum(args[3], args[5], add)
            return context.get_dummy_value()

        return types.void(kind, types.int64, TAPS, types.int64, places, types.int64), codegen

    @intrinsic
    def spread_mean(typing, kind, channels, taps, dy, count):
        def codegen(context, builder, signature, args):
            _window(context, builder, signature, args).spread_mean(args[3], args[4], add)
            return context.get_dummy_value()

        return types.void(kind, types.int64, TAPS, types.int64, kind.dtype), codegen

    return spread_maximum, spread_mean
