"""Rows of three taps with 6 multiplications for 4 pixels instead of 12: Winograd's F(4, 3), for direct.py.

Of a line, 6 neighbours every 4 pixels become as many planes, sums of them with fixed factors, and so do 3 weights. The
convolution is then one of 6 groups whose kernels are a column wide, and the planes of its output give 4 pixels.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from .launch import inner_kernel, parallel_kernel, share
from .vector import BYTES, address, emitted
from .walk import Walk

CHANNELS = 16                   # below, the transforms cost more than the products save
LANES = BYTES // 4              # channels come in whole registers, of float32 at least
PLANES, TILE, TAPS = 6, 4, 3
# polynomials are multiplied by their values here and at infinity; these points round least
POINTS = np.array([0, 1, -1, 2, -0.5])


def _powers(n):
    """(planes, n): a polynomial of n coefficients -> its values"""
    return np.vstack([np.vander(POINTS, n, increasing=True), np.eye(n)[-1]])


SCALE = [*[np.prod(p - np.delete(POINTS, i)) for i, p in enumerate(POINTS)], 1]
ENTER = np.array([[*np.poly(np.delete(POINTS, i))[::-1], 0] for i in range(5)] + [np.poly(POINTS)[::-1]])
WEIGH, LEAVE = _powers(TAPS) / np.transpose([SCALE]), _powers(TILE).T


class Transform(Walk):
    """Emits planes = matrix @ line (`inward`) or line = matrix @ planes, for each channel.

    Places `first` and on of a line, numbers `step` apart; those that are not among its `count` are `nowhere` instead.
    """

    def emit(self, matrix, inward, line, step, first, count, nowhere, planes, apart, channels, bias, relu):
        bd, places, zero = self.bd, [], self.const(0)
        line, nowhere, planes, bias = (self.pointer(p) for p in (line, nowhere, planes, bias))
        for k in range(matrix.shape[inward]):
            number = bd.add(first, self.const(k))
            real = bd.icmp_unsigned("<", number, count)                     # a negative one is huge
            places.append(bd.select(real, bd.gep(line, [bd.mul(number, step)]), nowhere))
        planes = [bd.gep(planes, [bd.mul(apart, self.const(k))]) for k in range(matrix.shape[not inward])]
        sources, targets = (places, planes) if inward else (planes, places)
        relu = bd.icmp_signed("!=", relu, zero)
        with cgutils.for_range_slice(bd, zero, channels, self.const(self.lanes), inc=True) as (j, _):
            values = [self.load(bd.gep(p, [j])) for p in sources]
            start = None if inward else self.load(bd.gep(bias, [j]))
            for row, place in zip(matrix, targets):
                total = self.combination(row, values, start)
                self.store(total if inward else self.floor(relu, total), bd.gep(place, [j]))

    def combination(self, factors, values, total):
        for factor, value in sorted(zip(factors, values), key=lambda pair: (pair[0] != 1, pair[0] == 0)):
            if total is None:
                total = value if factor == 1 else self.bd.fmul(value, self.constant(factor))
            elif factor:
                total = self.multiply_add(value, self.constant(factor), total)
        return total

    def constant(self, factor):
        return ir.Constant(self.vec, [float(factor)] * self.lanes)


def make_transform(matrix, inward):
    """(kind, line, step, first, count, nowhere, planes, numbers from plane to plane, channels, bias, relu)"""
    transform = emitted("i" * 10, by=lambda *where: Transform(*where, 1, 1))
    return transform(lambda f, *args: f.emit(matrix, inward, *args))


_enter, _leave, _spread = make_transform(ENTER, True), make_transform(LEAVE, False), make_transform(LEAVE.T, True)
_weigh, _collect = make_transform(WEIGH, True), make_transform(WEIGH.T, False)


def over_lines(transform):
    """`count` lines of (columns, channels), and of them (count, tiles, planes, channels) from column `first` on"""
    @inner_kernel
    def lines(kind, line, count, columns, channels, first, nowhere, planes, tiles, bias, relu):
        size = kind.itemsize
        for t in range(count * tiles):
            transform(kind, line + t // tiles * columns * channels * size, channels, first + t % tiles * TILE,
                      columns, nowhere, planes + t * PLANES * channels * size, channels, channels, bias, relu)

    return lines


enter_lines, leave_lines, spread_lines = over_lines(_enter), over_lines(_leave), over_lines(_spread)


@parallel_kernel
def weigh(part, w, planes, turned):
    """(kh, 3, c, f) -> (kh, 1, c, 6 f); turned: the taps from right to left, for the input gradient"""
    size, (kh, _, c, f) = w.itemsize, w.shape
    for k in share(part, kh * c):
        line = address(w) + (k // c * TAPS * c + turned * (TAPS - 1) * c + k % c) * f * size
        _weigh(w.dtype, line, (1 - 2 * turned) * c * f, 0, TAPS, line, address(planes) + k * PLANES * f * size, f, f,
               line, 0)


@parallel_kernel
def collect(part, planes, zeros, w):
    """(kh, 1, c, 6 f) -> (kh, 3, c, f)"""
    size, (kh, _, c, f) = w.itemsize, w.shape
    for k in share(part, kh * c):
        line = address(w) + (k // c * TAPS * c + k % c) * f * size
        _collect(w.dtype, line, c * f, 0, TAPS, line, address(planes) + k * PLANES * f * size, f, f, address(zeros), 0)


def suits(w, strides, dilation, groups, columns):
    """Three taps of enough channels, and columns that fill their tiles"""
    return (w[:2] == (TAPS, TAPS) and strides == dilation == (1, 1) and groups == 1 and min(w[2:]) >= CHANNELS
            and w[2] % LANES == w[3] % LANES == 0 and 5 * -(-columns // TILE) <= 2 * columns)
