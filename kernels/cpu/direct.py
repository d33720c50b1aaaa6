"""Convolution and its gradients without a matrix of windows, for every stride, dilation and group. For conv.py.

What it reads at a time is a slab: some whole images, or some lines of one.
"""
import functools

import numpy as np
from numba import get_num_threads

from ..served import note
from .activate import finish
from .launch import SMALL, inner_kernel, parallel_kernel, share
from .plan import backward, forward, plan, tiled
from .vector import BYTES, LINE, ROWS, VECTORS, address, clear, load, move, store
from .walk import DEPTH, INDEX, aligned, strip, sweep
from .winograd import PLANES, TAPS, collect, enter_lines, leave_lines, spread_lines, suits, weigh

PIXELS = 400                    # at a time in a weight gradient: a strip of dz stays in the first-level cache
PARTS = 8                       # sums that a weight gradient is made of, whatever the number of threads
SUMS = 1 << 20                  # and numbers in all of them
BAND = 8 * ROWS                # pixels at a time in a depthwise convolution, whose channels then lie together
WIDE = VECTORS * BYTES // 4     # packed weights are rounded up to this, in float64 too


@inner_kernel
def bunch(number, cut):
    """The first image of slab `number`"""
    return cut[0] * (number // cut[6]) // cut[4]


@inner_kernel
def slab(kind, x, room, number, cut, zeros):
    """Where slab `number` begins: in x itself, or in `room`, as a copy with zeros around the image or as its planes.

    cut: (n, h, w, c, bunches of images, lines of output of a slab, blocks of lines an image, lines of input a line of
    output, first line, first column, lines and columns of the room, its numbers a column: none, c or all planes')
    """
    n, h, w, c, bunches, lines, blocks, step, top, left, high, wide, deep = cut
    first, line, size = bunch(number, cut), number % blocks * lines * step, kind.itemsize
    if deep == 0:
        return x + (first * h + line) * w * c * size
    before = min(wide, max(0, -left))
    after = max(before, min(wide, w - left))
    for r in range((bunch(number + blocks, cut) - first) * high):
        i, q, target = first + r // high, line + top + r % high, room + r * wide * deep * size
        source = x + (i * h + q) * w * c * size
        if q < 0 or q >= h:
            clear(kind, target, wide * deep)
        elif deep > c:
            enter_lines(kind, source, 1, w, c, left, zeros, target, wide, zeros, 0)
        else:
            clear(kind, target, before * c)
            move(kind, source + (left + before) * c * size, target + before * c * size, (after - before) * c)
            clear(kind, target + after * c * size, (wide - after) * c)
    return room


@inner_kernel
def _lay(kind, source, row, depth, columns, target):
    """(depth, columns), rows `row` numbers apart -> (depth, strip)"""
    size, width = kind.itemsize, strip(kind, columns)
    for k in range(depth):
        there = source + k * row * size
        if columns >= VECTORS * (BYTES // size):
            move(kind, there, target + k * width * size, VECTORS * (BYTES // size))
        else:
            for v in range(width):
                store(kind, target, k * width + v, load(kind, there, v) if v < columns else 0)


@inner_kernel
def even(n, most):
    """How large the parts are when n is cut in equal ones, of about `most`"""
    return 1 + n // (n // most + 1)


@parallel_kernel
def _pack(part, w, packed, sources, phases, groups, shift, columns, column):
    """Weights -> strips of (steps, strip), zeros on the right; `column`: between the columns in w."""
    size, wide = w.itemsize, VECTORS * (BYTES // w.itemsize)
    strips, parts = (columns + wide - 1) // wide, phases.shape[0]
    for task in share(part, groups * parts * strips):
        g, p, j = task // strips // parts, task // strips % parts, task % strips * wide
        number, depth, real = phases[p, 3], phases[p, 4], min(wide, columns - j)
        width = strip(w, real)
        source = address(w) + (g * shift + j * column) * size
        target = address(packed) + ((g * sources.size + number) * wide * strips + j * depth) * size
        if column == 1 and real == wide:
            for k in range(depth):
                move(w, source + sources[number + k] * size, target + k * wide * size, wide)
        for v in range(0 if column > 1 or real < wide else width, width):
            if v < real:
                for k in range(depth):
                    store(w, target, k * width + v, load(w, source, sources[number + k] + v * column))
            else:
                for k in range(depth):
                    store(w, target, k * width + v, 0)


@parallel_kernel
def _convolve(part, x, packed, bias, zeros, y, scratch, places, targets, steps, phases, cut, form, space, relu,
              threads):
    kind, size, (groups, read, columns, across), (slabs, room, planes, image, line) = y.dtype, y.itemsize, form, space
    wide, (_, _, width, written) = VECTORS * (BYTES // size), y.shape
    padded, mine = (columns + wide - 1) // wide * wide, aligned(scratch) + part[0] * (room + planes) * size
    for s in share(part, slabs):
        first, block, here = bunch(s, cut), s % cut[6], slab(kind, address(x), mine, s, cut, address(zeros))
        images, result = bunch(s + cut[6], cut) - first, address(y) + (first * image + block * line) * size
        there, start, floor = (mine + room * size, address(zeros), 0) if planes else (result, address(bias), relu)
        for p in range(phases.shape[0]):
            lines, depth = images * min(cut[5], phases[p, 1] - block * cut[5]), phases[p, 4]
            pixel, number, rows, chunk = phases[p, 0] * INDEX, phases[p, 3], lines * phases[p, 2], even(depth, DEPTH)
            for g in range(groups):
                weights, target = address(packed) + (g * steps.size + number) * padded * size, g * columns * size
                for k in range(0, max(depth, 1), chunk):
                    sweep(kind, across, here + g * read * size, address(places) + pixel, address(targets) + pixel,
                          rows, BAND if across else max(rows, 1), address(steps) + number * INDEX, k,
                          min(chunk, depth - k), weights, depth, 0, (there if k else start) + target, min(k, 1),
                          there + target, columns, floor if k + chunk >= depth else 0)
            if planes:
                leave_lines(kind, result, lines, width, written, 0, mine, there, cut[11], address(bias), relu)


@parallel_kernel
def _contract(part, x, dz, sums, zeros, scratch, places, steps, sources, phases, cut, form, space, span, threads):
    """sums (parts, steps, f): a task makes `span` columns of each group in one part."""
    kind, size, (groups, read, columns, across), (slabs, room, planes, image, line) = dz.dtype, dz.itemsize, form, space
    wide, spans, (parts, rows, f) = VECTORS * (BYTES // size), (columns + span - 1) // span, sums.shape
    packed, nothing = aligned(scratch) + part[0] * (room + planes + (PIXELS + 1) * wide) * size, address(zeros)
    mine = packed + (PIXELS + 1) * wide * size
    for task in share(part, parts * spans):
        number, begin, begun = task // spans, task % spans * span, 0
        for s in range(slabs * number // parts, slabs * (number + 1) // parts):
            first, block, here = bunch(s, cut), s % cut[6], slab(kind, address(x), mine, s, cut, nothing)
            there = address(dz) + (first * image + block * line) * size
            lines = (bunch(s + cut[6], cut) - first) * min(cut[5], phases[0, 1] - block * cut[5])
            pixels, (_, _, width, written) = lines * phases[0, 2], dz.shape
            if planes:
                spread_lines(kind, there, lines, width, written, 0, nothing, mine + room * size, cut[11], nothing, 0)
                there = mine + room * size
            chunk = even(pixels, PIXELS)
            for g in range(groups):
                total, group = address(sums) + (number * rows * f + g * columns) * size, there + g * columns * size
                for k in range(0, pixels, chunk):
                    for j in range(begin, min(begin + span, columns), wide):
                        depth, b, b_row, y = min(chunk, pixels - k), group + (k * f + j) * size, f, total + j * size
                        if rows > 4 * ROWS or columns - j < wide:
                            _lay(kind, b, f, depth, columns - j, packed)
                            b, b_row = packed, strip(kind, columns - j)
                        sweep(kind, across, here + (g * read + j * across) * size, address(steps), address(sources),
                              rows, rows, address(places) + k * INDEX, 0, depth, b, 0, b_row,
                              y if begun + k else nothing, min(begun + k, 1), y, min(columns - j, wide), 0)
            begun = 1


@parallel_kernel
def _sum_parts(part, parts, total):
    """(n, size) -> (size,)"""
    own = share(part, total.size)
    count, size = own.stop - own.start, total.itemsize
    source, target = address(parts) + own.start * size, address(total) + own.start * size
    move(total, source, target, count)
    for i in range(1, parts.shape[0]):
        more = source + i * total.size * size
        for j in range(count):
            store(total, target, j, load(total, target, j) + load(total, more, j))


@functools.cache
def _zeros(size, dtype):
    return np.zeros(size, dtype)


def _threads(x, y):
    return get_num_threads() if x.size + y.size >= SMALL else 1


def _note(kernel, w, planes, groups):
    who = "Winograd" if planes else "depthwise" if groups > 1 and w.shape[2] == 1 else "direct"
    note(w, w.ctypes.data, kernel, who)


def _walk(make, x, y, w, shape, strides, padding, dilation, groups, bias, relu):
    """x is read, y is written; shape: of the images, not of dz"""
    threads, zeros = _threads(x, y), _zeros(PLANES * max(x.shape[3], y.shape[3]), x.dtype)
    planes = suits(w.shape, strides, dilation, groups, y.shape[2])
    _note("conv" if make is forward else "conv_input_grad", w, planes, groups)
    if planes:
        p = tiled(make, shape, w.shape, padding, threads)
        planes = np.empty((TAPS, 1, w.shape[2], PLANES * w.shape[3]), w.dtype)
        weigh(w, planes, int(make is backward))
        w = planes
    else:
        p = plan(make, shape, w.shape, strides, padding, dilation, groups, threads)
    packed = np.empty(p.form[0] * p.steps.size * -(-p.form[2] // WIDE) * WIDE, x.dtype)
    scratch = np.empty(threads * (p.space[1] + p.space[2]) + LINE, x.dtype)
    _pack(w.reshape(-1), packed, p.sources, p.phases, p.form[0], w.shape[3] // p.form[0], p.form[2], p.column)
    _convolve(x, packed, zeros if bias is None else bias, zeros, y, scratch, p.places, p.targets, p.steps, p.phases,
              p.cut, p.form, p.space, relu, threads)
    return y


def direct(x, w, b, strides, padding, dilation, groups, activation, out):
    """(n, h, w, c) * (kh, kw, c / groups, f) -> (n, oh, ow, f)"""
    _walk(forward, x, out, w, x.shape, strides, padding, dilation, groups, b, int(activation == "relu"))
    return out if activation in ("linear", "relu") else finish(out, None, activation)


def direct_input_grad(dz, w, shape, strides, padding, dilation, groups, out):
    """(n, oh, ow, f) -> shape = (n, h, w, c)"""
    return _walk(backward, dz, out, w, shape, strides, padding, dilation, groups, None, 0)


def direct_weight_grad(x, dz, strides, padding, dilation, groups, out):
    """x (n, h, w, c), dz (n, oh, ow, f) -> out (kh, kw, c / groups, f)"""
    threads, zeros, total = _threads(x, dz), _zeros(max(x.shape[3], dz.shape[3]), x.dtype), out
    planes = suits(out.shape, strides, dilation, groups, dz.shape[2])
    _note("conv_weight_grad", out, planes, groups)
    if planes:
        p = tiled(forward, x.shape, out.shape, padding, PARTS)
        total = np.empty((TAPS, 1, out.shape[2], PLANES * out.shape[3]), out.dtype)
    else:
        p = plan(forward, x.shape, out.shape, strides, padding, dilation, groups, PARTS)
    slabs, f = p.space[0], total.shape[3]
    parts = min(PARTS, slabs, 1 << max(1, SUMS // total.size).bit_length() - 1)
    span = -(-p.form[2] // (-(-threads // parts) * WIDE)) * WIDE        # the bits of a sum do not depend on it
    sums = total.reshape(1, -1, f) if parts == 1 else np.empty((parts, total.size // f, f), out.dtype)
    scratch = np.empty(threads * (p.space[1] + p.space[2] + (PIXELS + 1) * WIDE) + LINE, x.dtype)
    _contract(x, dz, sums, zeros, scratch, p.places, p.steps, p.sources, p.phases, p.cut, p.form, p.space, span,
              threads)
    if parts > 1:
        _sum_parts(sums.reshape(parts, -1), total.reshape(-1))
    if planes:
        collect(total, zeros, out)
    return out
