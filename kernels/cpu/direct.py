"""Convolution and its gradients without a matrix of windows, for every stride, dilation and group. For conv.py.

A plan has the tables that walk.py's tiles follow. The images go through in slabs, some images or some lines of one,
that stay in the second-level cache; where windows reach over the edge, a slab is copied with zeros around it.
An input gradient of stride s is s * s convolutions, one for each place modulo s: no product with a zero is made.
"""
import functools
from typing import NamedTuple

import numpy as np
from numba import get_num_threads

from .activate import finish
from .launch import SMALL, inner_kernel, kernel, parallel_kernel, share
from .vector import BYTES, ROWS, VECTORS, address, load, store
from .walk import DEPTH, INDEX, bunch, move, slab, strip, sweep
from .window import windows

CACHE = 1 << 16                 # numbers of a slab and its outputs
STEPS = 256                     # pixels at a time in a weight gradient
PARTS = 8                       # sums that a weight gradient is made of, whatever the number of threads
BAND = 8 * ROWS                 # pixels at a time in a depthwise convolution, whose channels then lie together
EVERY = np.array([0, 1 << 40])  # no limits to the steps
LINE = 64                       # bytes: where a thread's scratch begins
WIDE = VECTORS * BYTES // 4     # packed weights are rounded up to this, in float64 too


class Phase(NamedTuple):
    """Along one axis: output places outputs[j] = sum over t of input[places[j] + taps[t]] * w[which[t]]."""
    outputs: np.ndarray
    places: np.ndarray
    taps: np.ndarray
    which: np.ndarray


def forward(length, taps, step, before, gap, fits):
    """The one phase of a convolution along an axis"""
    return [Phase(np.arange(fits), np.arange(fits) * step, np.arange(taps) * gap - before, np.arange(taps))]


def backward(length, taps, step, before, gap, fits):
    """The phases of its input gradient"""
    phases = []
    for r in range(min(step, length)):
        which = np.array([t for t in range(taps) if (r + before - t * gap) % step == 0], np.int64)
        outputs = np.arange(r, length, step)
        phases.append(Phase(outputs, np.arange(outputs.size), (r + before - which * gap) // step, which))
    return phases


def span(phases):
    """(first, last) input place that an axis touches; taps alone: how far a window reaches."""
    taps = np.concatenate([p.taps for p in phases])
    low, high = (int(taps.min()), int(taps.max())) if taps.size else (0, 0)
    return low, high, max([int(p.places[-1]) for p in phases]) + high


class Plan(NamedTuple):
    """What a call needs beyond its arrays. phases: (first row, lines, columns, first step, steps) each."""
    places: np.ndarray
    targets: np.ndarray
    steps: np.ndarray
    sources: np.ndarray         # where in w the row of weights of each step begins
    phases: np.ndarray
    limits: np.ndarray          # (blocks, tiles, 2): first and last step whose line is real, of a tile of rows
    cut: tuple
    slabs: int
    room: int                   # numbers of a slab's copy
    image: int                  # numbers of an output image
    line: int                   # and from one slab line of it to the next


def _limits(phase, columns, run, height, images, lines, blocks):
    """(blocks, tiles, 2): the steps, `run` a tap, of which a tile of rows has one inside the image"""
    line = phase.places[:, None] + phase.taps
    real = (line >= 0) & (line < height)
    first = np.where(real.any(1), real.argmax(1), phase.taps.size) if phase.taps.size else np.zeros(len(real), int)
    last = np.where(real.any(1), phase.taps.size - real[:, ::-1].argmax(1), 0) if phase.taps.size else first
    out = []
    for block in range(blocks):
        here = np.arange(block * lines, (block + 1) * lines).clip(0, len(real) - 1)[:len(real)]
        rows = np.tile(np.repeat(here, columns), images)
        rows = np.pad(rows, (0, -len(rows) % ROWS), "edge").reshape(-1, ROWS)
        out.append(np.stack([first[rows].min(1), last[rows].max(1)], -1) * run)
    return np.array(out, np.int64)


@functools.cache
def plan(make, shape, w_shape, strides, padding, dilation, groups, across, least):
    """make: forward or backward; shape: of the image that is not dz; across: depthwise, a step is a tap"""
    (_, height, width, _), (kh, kw, cg, f) = shape, w_shape
    fits = windows(shape, (kh, kw), strides, padding, dilation)
    axes = [make(*a) for a in zip((height, width), (kh, kw), strides, [p[0] for p in padding], dilation, fits)]
    n, c = shape[0], shape[3]
    (h, w), (out_h, out_w) = ((height, width), fits) if make is forward else (fits, (height, width))
    filters, inner = (f, 1 if across else cg) if make is forward else (c, 1 if across else f // groups)
    channels = c if make is forward else f
    (top, bottom, last_h), (left, right, last_w) = map(span, axes)
    copied = top < 0 or left < 0 or last_h >= h or last_w >= w
    step, out_step = (strides[0], 1) if make is forward else (1, strides[0])
    if not copied:
        top = left = 0
    wide, all_lines = last_w - left + 1 if copied else w, max([p.outputs.size for p in axes[0]])
    cost = ((all_lines - 1) * step + bottom - top + 1) * wide * channels + out_h * out_w * filters
    bunches = min(n, least * -(-n // (least * max(1, CACHE // cost))))
    images = -(-n // bunches)
    blocks = min(all_lines, max(-(-cost // CACHE), -(-least // bunches))) if images == 1 else 1
    lines = -(-all_lines // blocks)
    blocks = -(-all_lines // lines)
    high = (lines - 1) * step + bottom - top + 1
    pitch = wide * channels
    jump = high * pitch if copied else h * pitch
    places, targets, steps, sources, phases, limits, tiles = [], [], [], [], [], [], 0
    rows = number = 0
    i = np.arange(images).reshape(-1, 1, 1)
    for a in axes[0]:
        for b in axes[1]:
            here = i * jump + a.places[:lines, None] * pitch + b.places * channels
            places.append(here.ravel())
            targets.append((i * out_h * out_w * filters + (a.outputs[:lines, None] * out_w + b.outputs) * filters).ravel())
            tap = (a.taps[:, None, None] - top) * pitch + (b.taps[:, None] - left) * channels + np.arange(inner)
            steps.append(tap.ravel())
            row = (a.which[:, None, None] * kw + b.which[:, None]) * cg * f
            sources.append((row + np.arange(inner) * (f if make is forward else 1)).ravel())
            phases.append((rows, a.outputs.size, b.outputs.size, number, tap.size, tiles))
            limits.append(_limits(a, b.outputs.size, b.taps.size * inner, h, images, lines, blocks))
            tiles += limits[-1].shape[1]
            rows, number = rows + here.size, number + tap.size
    cut = (n, h, w, channels, bunches, lines, blocks, step, top, left, high, wide, int(copied))
    places, targets, steps, sources = [np.concatenate(t).astype(np.int64) for t in (places, targets, steps, sources)]
    return Plan(places, targets, steps, sources, np.array(phases, np.int64),
                np.concatenate(limits, 1), cut, bunches * blocks,
                images * high * pitch if copied else 0, out_h * out_w * filters, lines * out_step * out_w * filters)


@inner_kernel
def _lay(kind, source, row, depth, columns, target):
    """(depth, columns), rows `row` numbers apart -> (depth, strip)"""
    size, width = kind.itemsize, strip(kind, columns)
    for k in range(depth):
        there = source + k * row * size
        if columns >= VECTORS * (BYTES // size):
            move(kind, target + k * width * size, there, VECTORS * (BYTES // size))
        else:
            for v in range(width):
                store(kind, target, k * width + v, load(kind, there, v) if v < columns else 0)


@functools.partial(parallel_kernel, once=True)
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
        for v in range(width):
            if v < real:
                for k in range(depth):
                    store(w, target, k * width + v, load(w, source, sources[number + k] + v * column))
            else:
                for k in range(depth):
                    store(w, target, k * width + v, 0)


@functools.partial(parallel_kernel, once=True)
def _convolve(part, x, packed, bias, y, scratch, places, targets, steps, phases, limits, cut, slabs, room, image, line,
              groups, x_group, columns, across, relu, threads):
    size, wide = y.itemsize, VECTORS * (BYTES // y.itemsize)
    lines, blocks, strips = cut[5], cut[6], (columns + wide - 1) // wide
    mine = (address(scratch) + LINE - 1) // LINE * LINE + part[0] * room * size
    for s in share(part, slabs):
        here = slab(y, address(x), mine, s, cut)
        first, images, block = bunch(s, cut), bunch(s + blocks, cut) - bunch(s, cut), s % blocks
        there = address(y) + (first * image + block * line) * size
        for task in range(groups * phases.shape[0]):
            g, p = task // phases.shape[0], task % phases.shape[0]
            start, number, depth = phases[p, 0], phases[p, 3], phases[p, 4]
            rows = images * min(lines, phases[p, 1] - block * lines) * phases[p, 2]
            weights = address(packed) + (g * steps.size + number) * wide * strips * size
            limit = address(limits) + (block * limits.shape[1] + phases[p, 5]) * 2 * INDEX
            chunk = 1 + depth // (depth // DEPTH + 1)
            high = BAND if across else rows
            for k in range(0, max(depth, 1), chunk):
                for i in range(0, rows, high):
                    for j in range(0, columns, wide):
                        column, width = g * columns + j, strip(y, columns - j)
                        sweep(y, here + (g * x_group + j * across) * size, across, address(places) + (start + i) * INDEX,
                              address(targets) + (start + i) * INDEX, min(high, rows - i),
                              address(steps) + number * INDEX, k, min(chunk, depth - k), limit + i // ROWS * 2 * INDEX, 2,
                              weights + (j * depth + k * width) * size, width,
                              there + column * size if k else address(bias) + column * size, 1 if k else 0,
                              there + column * size, columns - j, relu if k + chunk >= depth else 0)


@functools.partial(parallel_kernel, once=True)
def _contract(part, x, dz, sums, zeros, scratch, places, steps, sources, every, cut, slabs, room, groups, x_group, across,
              block, threads):
    """sums (parts, steps, f): a task makes `block` columns of one group in one part."""
    size, (n, oh, ow, f), (parts, rows, _) = dz.itemsize, dz.shape, sums.shape
    lines, cuts, columns, wide = cut[5], cut[6], f // groups, VECTORS * (BYTES // dz.itemsize)
    blocks = (columns + block - 1) // block
    packed = (address(scratch) + LINE - 1) // LINE * LINE + part[0] * (room + (STEPS + 1) * wide) * size
    for task in share(part, parts * groups * blocks):
        number, g, begin = task // blocks // groups, task // blocks % groups, task % blocks * block
        begun, total = 0, address(sums) + number * rows * f * size
        for s in range(slabs * number // parts, slabs * (number + 1) // parts):
            here = slab(dz, address(x), packed + (STEPS + 1) * wide * size, s, cut) + g * x_group * size
            first, line = bunch(s, cut), s % cuts * lines
            there = address(dz) + ((first * oh + line) * ow) * f * size
            pixels = (bunch(s + cuts, cut) - first) * min(lines, oh - line) * ow
            chunk = 1 + pixels // (pixels // STEPS + 1)
            for k in range(0, pixels, chunk):
                for j in range(begin, min(begin + block, columns), wide):
                    depth, column = min(chunk, pixels - k), g * columns + j
                    b, b_row = there + (k * f + column) * size, f
                    if rows > 4 * ROWS or columns - j < wide:
                        _lay(dz, b, f, depth, columns - j, packed)
                        b, b_row = packed, strip(dz, columns - j)
                    sweep(dz, here + j * across * size, across, address(steps), address(sources), rows,
                          address(places) + k * INDEX, 0, depth, address(every), 0, b, b_row,
                          total + column * size if begun else address(zeros),
                          begun, total + column * size, columns - j, 0)
                begun = 1


@kernel
def _sum_parts(parts, total):
    """(n, ...) -> (...)"""
    total[:] = 0
    for i in range(parts.shape[0]):
        row = parts[i]
        for j in range(total.size):
            total[j] += row[j]


@functools.cache
def _zeros(size, dtype):
    return np.zeros(size, dtype)


def _walked(make, x, y, w, shape, strides, padding, dilation, groups, bias, relu):
    """x: what is walked, y: what is written; shape: the image of the two"""
    f, depthwise = w.shape[3], groups == shape[3] == w.shape[3] > 1
    threads = get_num_threads() if x.size + y.size >= SMALL else 1
    p = plan(make, shape, w.shape, strides, padding, dilation, groups, depthwise, threads)
    x_group, columns = (w.shape[2], f // groups) if make is forward else (f // groups, w.shape[2])
    column, parts, across = 1 if make is forward else f, groups, 0
    if depthwise:
        x_group, columns, column, parts, across = 0, f, 1, 1, 1
    packed = np.empty(parts * p.steps.size * -(-columns // WIDE) * WIDE, x.dtype)
    scratch = np.empty(threads * p.room + LINE, x.dtype)
    _pack(w.reshape(-1), packed, p.sources, p.phases, parts, f // groups, columns, column)
    _convolve(x, packed, _zeros(y.shape[3], x.dtype) if bias is None else bias, y, scratch, p.places, p.targets,
              p.steps, p.phases, p.limits, p.cut, p.slabs, p.room, p.image, p.line, parts, x_group, columns, across, relu, threads)
    return y


def direct(x, w, b, strides, padding, dilation, groups, activation, out):
    """(n, h, w, c) * (kh, kw, c / groups, f) -> (n, oh, ow, f)"""
    _walked(forward, x, out, w, x.shape, strides, padding, dilation, groups, b, int(activation == "relu"))
    return out if activation in ("linear", "relu") else finish(out, None, activation)


def direct_input_grad(dz, w, shape, strides, padding, dilation, groups, out):
    """(n, oh, ow, f) -> shape = (n, h, w, c)"""
    return _walked(backward, dz, out, w, shape, strides, padding, dilation, groups, None, 0)


def direct_weight_grad(x, dz, size, strides, padding, dilation, groups, out):
    """x (n, h, w, c), dz (n, oh, ow, f) -> (kh, kw, c / groups, f)"""
    n, c, f, depthwise = x.shape[0], x.shape[3], dz.shape[3], groups == x.shape[3] == dz.shape[3] > 1
    p = plan(forward, x.shape, out.shape, strides, padding, dilation, groups, depthwise, PARTS)
    threads = get_num_threads() if x.size + dz.size >= SMALL else 1
    parts = max(1, min(PARTS, p.slabs, (1 << 19) // out.size))
    columns = f if depthwise else f // groups
    block = -(-columns // WIDE // max(1, PARTS // parts)) * WIDE
    sums = out.reshape(1, -1, f) if parts == 1 else np.empty((parts, out.size // f, f), out.dtype)
    scratch = np.empty(threads * (p.room + (STEPS + 1) * WIDE) + LINE, x.dtype)
    _contract(x, dz, sums, _zeros(f, x.dtype), scratch, p.places, p.steps, p.sources, EVERY, p.cut, p.slabs, p.room,
              1 if depthwise else groups, c // groups, int(depthwise), block, threads)
    if parts > 1:
        _sum_parts(sums.reshape(parts, -1), out.reshape(-1))
    return out
