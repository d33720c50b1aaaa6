"""3x3 convolutions of stride 1 with 16 multiplications for 4 pixels instead of 36: Winograd's F(2x2, 3x3).

A patch of 4x4 pixels becomes 16 numbers a channel, and the convolution 16 matrix products of (patches, read) with
(read, written); 16 numbers a filter give 2x2 pixels. Patches overhang nowhere: the last one begins earlier instead.
"""
import functools

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .launch import inner_kernel, parallel_kernel, share
from .vector import BYTES, ROWS, VECTORS, address
from .walk import EVERY, INDEX, LINE, Walk, aligned, bunch, index, slab, strip, sweep

CHANNELS = 32                   # below, the transforms cost more than the products save
LANES = BYTES // 4              # channels come in whole registers, of float32 at least
ROOM = 96 << 10                 # numbers of the patches and products at a time: they stay in the second-level cache


class Transform(Walk):
    """One transform of a square of registers: along its columns, then along its rows."""

    def at(self, place, line, pixel, i, j):
        offset = self.bd.add(self.bd.mul(line, self.const(i)), self.bd.mul(pixel, self.const(j)))
        return self.bd.gep(place, [offset])

    def emit(self, source, line, pixel, target, target_line, target_pixel, lane, bias, relu):
        source, target, bias = (self.pointer(p) for p in (source, target, bias))
        square = [[self.read(self.at(source, line, pixel, i, j), lane, i, j) for j in range(self.size)]
                  for i in range(self.size)]
        square = zip(*[self.along(column) for column in zip(*square)])
        for i, row in enumerate(square):
            for j, value in enumerate(self.along(row)):
                self.store(self.end(value, bias, relu), self.at(target, target_line, target_pixel, i, j))

    def read(self, pointer, lane, i, j):
        return self.load(pointer)

    def end(self, value, bias, relu):
        return value


class Enter(Transform):
    size = 4

    def along(self, d):
        a, b, c, d = d
        return self.bd.fsub(a, c), self.bd.fadd(b, c), self.bd.fsub(c, b), self.bd.fsub(b, d)


class Weigh(Transform):
    size = 3

    def along(self, w):
        half = ir.Constant(self.vec, [0.5] * self.lanes)
        ends, middle = self.bd.fmul(self.bd.fadd(w[0], w[2]), half), self.bd.fmul(w[1], half)
        return w[0], self.bd.fadd(ends, middle), self.bd.fsub(ends, middle), w[2]

    def read(self, pointer, lane, i, j):
        value = ir.Constant(self.vec, ir.Undefined)
        for v in range(self.lanes):
            number = self.bd.load(self.bd.gep(pointer, [self.bd.mul(lane, self.const(v))]))
            value = self.bd.insert_element(value, number, ir.Constant(ir.IntType(32), v))
        return value


class Leave(Transform):
    size = 4

    def along(self, m):
        a, b, c, d = m
        return self.bd.fadd(a, self.bd.fadd(b, c)), self.bd.fsub(self.bd.fsub(b, c), d)

    def end(self, value, bias, relu):
        return self.floor(self.bd.icmp_signed("!=", relu, self.const(0)), self.bd.fadd(value, self.load(bias)))


class Spread(Transform):
    """Of dz; bits of `lane`: the first line, the first column is in another patch too, and zero here."""
    size = 2

    def along(self, y):
        return y[0], self.bd.fadd(*y), self.bd.fsub(*y), self.bd.fneg(y[1])

    def read(self, pointer, lane, i, j):
        value, zero = self.load(pointer), ir.Constant(self.vec, [0.0] * self.lanes)
        for first, bit in ((i == 0, 1), (j == 0, 2)):
            if first:
                twice = self.bd.icmp_signed("!=", self.bd.and_(lane, self.const(bit)), self.const(0))
                value = self.bd.select(twice, zero, value)
        return value


class Collect(Transform):
    size = 4

    def along(self, m):
        half = ir.Constant(self.vec, [0.5] * self.lanes)
        b, c = self.bd.fmul(m[1], half), self.bd.fmul(m[2], half)
        return self.bd.fadd(m[0], self.bd.fadd(b, c)), self.bd.fsub(b, c), self.bd.fadd(self.bd.fadd(b, c), m[3])


def make_transform(emitter):
    """A register of channels: (kind, source, line, pixel, target, line, pixel, from lane to lane, bias, relu)"""

    @intrinsic
    def transform(typing, kind, source, line, pixel, target, target_line, target_pixel, lane, bias, relu):
        def codegen(context, builder, signature, args):
            emitter(context, builder, kind.dtype, 1, 1).emit(*args[1:])
            return context.get_dummy_value()

        return types.void(kind, *[types.int64] * 9), codegen

    return transform


_enter, _weigh, _leave = make_transform(Enter), make_transform(Weigh), make_transform(Leave)
_spread, _collect = make_transform(Spread), make_transform(Collect)


@parallel_kernel
def _weights(part, w, u, read, written, begin, tap, row, column):
    """u (16, strips of (read, strip)): `begin` and `tap`, `row` and `column` say how w is walked."""
    size, lanes = w.itemsize, BYTES // w.itemsize
    for j in share(part, written // lanes):
        wide = j // VECTORS * VECTORS * lanes
        width = strip(w, written - wide)
        target = address(u) + (wide * read + j * lanes - wide) * size
        for k in range(read):
            source = address(w) + (begin + k * row + j * lanes * column) * size
            plane = read * written
            _weigh(w, source, 3 * tap, tap, target + k * width * size, 4 * plane, plane, column, source, 0)


@inner_kernel
def _pixel(t, lines, columns):
    """Where patch t of a slab begins among the pixels"""
    high, wide = (lines + 1) // 2, (columns + 1) // 2
    i, j = t // wide % high, t % wide
    return (t // wide // high * lines + min(2 * i, lines - 2)) * columns + min(2 * j, columns - 2)


@inner_kernel
def _read(kind, x, places, begin, count, lines, columns, pitch, read, v, most):
    """Patches from `begin` on -> v (16, most, read)"""
    size, lanes = kind.itemsize, BYTES // kind.itemsize
    for t in range(count):
        source = x + index(places, _pixel(begin + t, lines, columns)) * size
        for q in range(0, read, lanes):
            target = v + (t * read + q) * size
            _enter(kind, source + q * size, pitch, read, target, 4 * most * read, most * read, 1, x, 0)


@parallel_kernel
def _winograd(part, x, u, bias, y, scratch, zeros, places, patches, phases, every, cut, slabs, room, image, line,
              lowest, written, most, relu, threads):
    """patches (3, most): 0, 1, 2 ... times 1, numbers read, numbers written"""
    size, lanes, read, pitch = y.itemsize, BYTES // y.itemsize, cut[3], cut[3] * cut[11]
    mine = aligned(scratch) + part[0] * (room + 16 * most * (read + written)) * size
    v, columns = mine + room * size, phases[0, 2]
    m = v + 16 * most * read * size
    steps, sources, targets = [address(patches) + i * patches.shape[1] * INDEX for i in range(3)]
    for s in share(part, slabs):
        first, block, here = bunch(s, cut), s % cut[6], slab(y, address(x), mine, s, cut) + lowest * size
        there, lines = address(y) + (first * image + block * line) * size, min(cut[5], phases[0, 1] - block * cut[5])
        tiles = (bunch(s + cut[6], cut) - first) * ((lines + 1) // 2) * ((columns + 1) // 2)
        for begin in range(0, tiles, most):
            count = min(most, tiles - begin)
            _read(y, here, address(places), begin, count, lines, columns, pitch, read, v, most)
            for p in range(16):
                sweep(y, 0, v + p * most * read * size, sources, targets, count, count, steps, 0, read, address(every),
                      0, address(u) + p * read * written * size, read, 0, address(zeros), 0,
                      m + p * most * written * size, written, 0)
            for t in range(count):
                target = there + _pixel(begin + t, lines, columns) * written * size
                for q in range(0, written, lanes):
                    _leave(y, m + (t * written + q) * size, 4 * most * written, most * written, target + q * size,
                           columns * written, written, 1, address(bias) + q * size, relu)


@parallel_kernel
def _winograd_contract(part, x, dz, sums, scratch, zeros, places, patches, phases, every, cut, slabs, room, image, line,
                       lowest, most, span, threads):
    """sums (parts, 16, read, written): a task makes `span` columns of one part."""
    size, lanes, (parts, _, read, written), columns = dz.itemsize, BYTES // dz.itemsize, sums.shape, phases[0, 2]
    spans, pitch, wide = (written + span - 1) // span, cut[3] * cut[11], VECTORS * lanes
    mine = aligned(scratch) + part[0] * (room + 16 * most * (read + span)) * size
    v, m = mine + room * size, mine + (room + 16 * most * read) * size
    rows, steps, targets = [address(patches) + i * patches.shape[1] * INDEX for i in range(3)]
    for task in share(part, parts * spans):
        number, left = task // spans, task % spans * span
        real, begun, total = min(span, written - left), 0, address(sums) + (number * 16 * read * written + left) * size
        for s in range(slabs * number // parts, slabs * (number + 1) // parts):
            first, block, here = bunch(s, cut), s % cut[6], slab(dz, address(x), mine, s, cut) + lowest * size
            there, lines = address(dz) + (first * image + block * line + left) * size, phases[0, 1] - block * cut[5]
            lines = min(cut[5], lines)
            tiles = (bunch(s + cut[6], cut) - first) * ((lines + 1) // 2) * ((columns + 1) // 2)
            for begin in range(0, tiles, most):
                count = min(most, tiles - begin)
                _read(dz, here, address(places), begin, count, lines, columns, pitch, read, v, most)
                for t in range(count):
                    source, twice = there + _pixel(begin + t, lines, columns) * written * size, 0
                    if lines % 2 and (begin + t) // ((columns + 1) // 2) % ((lines + 1) // 2) == lines // 2:
                        twice = 1
                    if columns % 2 and (begin + t) % ((columns + 1) // 2) == columns // 2:
                        twice += 2
                    for q in range(0, real, lanes):
                        j = q // wide * wide
                        _spread(dz, source + q * size, columns * written, written,
                                m + (j * most + t * strip(dz, real - j) + q - j) * size, 4 * most * span, most * span,
                                twice, source, 0)
                for p in range(16):
                    y = total + p * read * written * size
                    sweep(dz, 0, v + p * most * read * size, rows, targets, read, read, steps, 0, count, address(every),
                          0, m + p * most * span * size, most, 0, y if begun else address(zeros), begun, y, real, 0)
                begun = 1


@parallel_kernel
def collect_weights(part, total, dw):
    """(16, read, written) -> (3, 3, read, written)"""
    size, (_, read, written) = dw.itemsize, total.shape
    for k in share(part, read):
        for q in range(0, written, BYTES // size):
            source, plane = address(total) + (k * written + q) * size, read * written
            target = address(dw) + (k * written + q) * size
            _collect(dw, source, 4 * plane, plane, target, 3 * plane, plane, 1, source, 0)


@functools.cache
def _patches(most, read, written):
    numbers = np.arange(max(most, read))
    return np.array([numbers, numbers * read, numbers * written])


def suits(w, strides, dilation, groups, plan):
    """Enough channels that the products outweigh the transforms, and no slab of a single line"""
    lines, columns = plan.phases[0, 1:3]
    return (w.shape[:2] == (3, 3) and strides == dilation == (1, 1) and groups == 1 and min(w.shape[2:]) >= CHANNELS
            and w.shape[2] % LANES == w.shape[3] % LANES == 0 and min(columns, plan.cut[5]) > 1 != lines % plan.cut[5])


def winograd(x, y, w, turned, plan, bias, zeros, relu, threads):
    """turned: the input gradient, which walks the kernel backwards, from filters to channels"""
    c, f = w.shape[2:]
    read, written = (f, c) if turned else (c, f)
    most = max(2, ROOM // (16 * (c + f) * ROWS)) * ROWS
    u = np.empty(16 * c * f, w.dtype)
    scratch = np.empty(threads * (plan.room + 16 * most * (c + f)) + LINE, x.dtype)
    walk, lowest = ((8 * c * f, -c * f, 1, f), -read) if turned else ((0, c * f, f, 1), 0)
    _weights(w.reshape(-1), u, read, written, *walk)
    _winograd(x, u, bias, y, scratch, zeros, plan.places, _patches(most, read, written), plan.phases, EVERY, plan.cut,
              plan.slabs, plan.room, plan.image, plan.line, int(plan.steps[lowest]), written, most, relu, threads)
    return y


def winograd_weight_grad(x, dz, sums, plan, zeros, span, threads):
    """sums (parts, 16, c, f) over patches, in products of (c, patches) with (patches, f)"""
    c, f = sums.shape[2:]
    most = max(8, ROOM // (16 * (c + span) * ROWS)) * ROWS      # sums are read and written once in so many steps
    scratch = np.empty(threads * (plan.room + 16 * most * (c + span)) + LINE, x.dtype)
    _winograd_contract(x, dz, sums, scratch, zeros, plan.places, _patches(most, c, f), plan.phases, EVERY, plan.cut,
                       plan.slabs, plan.room, plan.image, plan.line, int(plan.steps[0]), most, span, threads)
