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
from .vector import BYTES, ROWS, address
from .walk import EVERY, INDEX, LINE, Walk, aligned, bunch, index, slab, strip, sweep

CHANNELS = 32                   # below, the transforms cost more than the products save
ROOM = 96 << 10                 # numbers of the patches and products at a time: they stay in the second-level cache


class Transform(Walk):
    """One transform of a square of registers: along its columns, then along its rows."""

    def at(self, place, line, pixel, i, j):
        offset = self.bd.add(self.bd.mul(line, self.const(i)), self.bd.mul(pixel, self.const(j)))
        return self.bd.gep(place, [offset])

    def emit(self, source, line, pixel, target, target_line, target_pixel, lane, bias, relu):
        source, target, bias = (self.pointer(p) for p in (source, target, bias))
        square = [[self.read(self.at(source, line, pixel, i, j), lane) for j in range(self.size)]
                  for i in range(self.size)]
        square = zip(*[self.along(column) for column in zip(*square)])
        for i, row in enumerate(square):
            for j, value in enumerate(self.along(row)):
                self.store(self.end(value, bias, relu), self.at(target, target_line, target_pixel, i, j))

    def read(self, pointer, lane):
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

    def read(self, pointer, lane):
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


@functools.partial(parallel_kernel, once=True)
def _weights(part, w, u, read, written, begin, tap, row, column):
    """u (16, strips of (read, strip)): `begin` and `tap`, `row` and `column` say how w is walked."""
    size, lanes = w.itemsize, BYTES // w.itemsize
    for j in share(part, written // lanes):
        wide = j * lanes // (2 * lanes) * 2 * lanes
        width = strip(w, written - wide)
        target = address(u) + (wide * read + j * lanes - wide) * size
        for k in range(read):
            source = address(w) + (begin + k * row + j * lanes * column) * size
            plane = read * written
            _weigh(w, source, 3 * tap, tap, target + k * width * size, 4 * plane, plane, column, source, 0)


@inner_kernel
def _pixel(t, images, lines, columns):
    """Where patch t of a slab begins among the pixels"""
    high, wide = (lines + 1) // 2, (columns + 1) // 2
    i, j = t // wide % high, t % wide
    return (t // wide // high * lines + min(2 * i, lines - 2)) * columns + min(2 * j, columns - 2)


@functools.partial(parallel_kernel, once=True)
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
        images = bunch(s + cut[6], cut) - first
        tiles = images * ((lines + 1) // 2) * ((columns + 1) // 2)
        for begin in range(0, tiles, most):
            count = min(most, tiles - begin)
            for t in range(count):
                source = here + index(address(places), _pixel(begin + t, images, lines, columns)) * size
                for q in range(0, read, lanes):
                    _enter(y, source + q * size, pitch, read, v + (t * read + q) * size, 4 * most * read, most * read,
                           1, source, 0)
            for p in range(16):
                sweep(y, 0, v + p * most * read * size, sources, targets, count, count, steps, 0, read, address(every),
                      0, address(u) + p * read * written * size, read, 0, address(zeros), 0,
                      m + p * most * written * size, written, 0)
            for t in range(count):
                target = there + _pixel(begin + t, images, lines, columns) * written * size
                for q in range(0, written, lanes):
                    _leave(y, m + (t * written + q) * size, 4 * most * written, most * written, target + q * size,
                           columns * written, written, 1, address(bias) + q * size, relu)


@functools.cache
def _patches(most, read, written):
    numbers = np.arange(max(most, read))
    return np.array([numbers, numbers * read, numbers * written])


def suits(w, strides, dilation, groups, plan):
    """Enough channels that the products outweigh the transforms, and no slab of a single line"""
    lines, columns = plan.phases[0, 1:3]
    return (w.shape[:2] == (3, 3) and strides == dilation == (1, 1) and groups == 1 and min(w.shape[2:]) >= CHANNELS
            and w.shape[2] % BYTES == w.shape[3] % BYTES == 0 and columns > 1 and lines % plan.cut[5] != 1 < lines)


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
