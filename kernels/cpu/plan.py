"""Tables for direct.py: where a convolution or its input gradient reads and writes, how its images are cut in slabs.

A slab is some whole images or some lines of one, and stays with its results in the second-level cache. Where windows
reach over the edge, it is a copy with zeros around it. An input gradient of stride s is s * s convolutions, called
phases, one for each place modulo s: no product with a zero is made.
"""
import functools
from typing import NamedTuple

import numpy as np

from .window import windows
from .winograd import PLANES, TAPS, TILE

CACHE = 1 << 16                 # numbers of a slab and its outputs; of planes more, they are read one by one


class Phase(NamedTuple):
    """Along one axis: written[outputs[j]] = sum over t of read[places[j] + taps[t]] * w[which[t]]."""
    outputs: np.ndarray
    places: np.ndarray
    taps: np.ndarray
    which: np.ndarray


def forward(length, taps, step, before, gap, fits):
    """A convolution along an axis: one phase"""
    return [Phase(np.arange(fits), np.arange(fits) * step, np.arange(taps) * gap - before, np.arange(taps))]


def backward(length, taps, step, before, gap, fits):
    """Its input gradient"""
    phases = []
    for first in range(min(step, length)):
        which = np.array([t for t in range(taps) if (first + before - t * gap) % step == 0], np.int64)
        outputs = np.arange(first, length, step)
        phases.append(Phase(outputs, np.arange(outputs.size), (first + before - which * gap) // step, which))
    return phases


class Plan(NamedTuple):
    """Offsets are in numbers, from the beginning of a slab and of its outputs."""
    places: np.ndarray          # of a pixel in what is read
    targets: np.ndarray         # and in what is written
    steps: np.ndarray           # of a number of the window from its pixel
    sources: np.ndarray         # of its weights in w
    phases: np.ndarray          # (first pixel, lines, columns, first step, steps) each
    cut: tuple                  # see direct.slab
    form: tuple                 # groups, numbers read a pixel and group, written, whether depthwise
    column: int                 # from a number written to the next in w
    space: tuple                # slabs, numbers of one's copy, of the planes it gives, written an image, a slab's lines


@functools.cache
def plan(make, shape, w_shape, strides, padding, dilation, groups, least, most=CACHE):
    """make: forward or backward; shape: of the images, not of dz; slabs: a multiple of `least`, of `most` numbers."""
    (n, height, width, c), (kh, kw, cg, f) = shape, w_shape
    if height == kh == 1 < width and padding[0] == (0, 0):          # a sequence is cut in slabs when it stands upright
        upright = [pair[::-1] for pair in (strides, padding, dilation)]
        return plan(make, (n, width, 1, c), (kw, 1, cg, f), *upright, groups, least, most)
    fits = windows(shape, (kh, kw), strides, padding, dilation)
    axes = [make(*a) for a in zip((height, width), (kh, kw), strides, [p[0] for p in padding], dilation, fits)]
    if make is forward:
        read, written, step, form = (height, width, c), (*fits, f), (strides[0], 1), (groups, cg, f // groups, 0)
        row = (kw * cg * f, cg * f, f, 1)                   # from one number of w to the next: kh, kw, read, written
    else:
        read, written, step, form = (*fits, f), (height, width, c), (1, strides[0]), (groups, f // groups, cg, 0)
        row = (kw * cg * f, cg * f, 1, f)
    inner = form[1]
    if groups == c == f > 1:
        form, inner, row = (1, 0, f, 1), 1, (*row[:3], 1)
    cut = _cut(n, read, written, *axes, step[0], least, most)
    images, line = -(-n // cut[4]), written[1] * written[2]
    tables = _tables(axes, read, written, inner, row, cut, images)
    space = cut[4] * cut[6], images * cut[10] * cut[11] * cut[12], 0, written[0] * line, cut[5] * step[1] * line
    return Plan(*tables, cut, form, row[3], space)


@functools.cache
def tiled(make, shape, w_shape, padding, least):
    """For three taps along a line: its planes are groups, and its tiles the columns. See winograd.py"""
    (n, height, width, c), (kh, _, _, f), before = shape, w_shape, padding[1][0]
    fits = windows(shape, w_shape, (1, 1), padding)[1]
    read, written, left = ((width, c), (fits, f), -before) if make is forward else (
        (fits, f), (width, c), before - TAPS + 1)
    tiles, once = -(-written[0] // TILE), (1, 1)
    p = plan(make, (n, height, tiles, PLANES * c), (kh, 1, c, PLANES * f), once, (padding[0], (0, 0)), once, PLANES,
             least, 2 * CACHE)
    _, h, _, _, bunches, lines, blocks, step, top, _, high, _, _ = p.cut
    images, numbers = -(-n // bunches), tiles * PLANES
    cut = n, h, *read, bunches, lines, blocks, step, top, left, high, tiles, PLANES * read[1]
    space = (bunches * blocks, images * high * numbers * read[1], images * lines * numbers * written[1],
             p.space[3] // numbers * written[0], p.space[4] // numbers * written[0])
    return p._replace(cut=cut, space=space)


def _tables(axes, read, written, inner, row, cut, images):
    """The first five fields of a plan"""
    _, h, _, c, _, lines, _, _, top, left, high, wide, deep = cut
    place_of, target_of = (c, wide * c, (high if deep else h) * wide * c), np.cumprod(written[::-1])
    rows = number = 0
    tables, inner, images = [], np.arange(inner), np.arange(images)
    for down in axes[0]:
        for along in axes[1]:
            place = _outer((images, place_of[2]), (down.places[:lines], place_of[1]), (along.places, place_of[0]))
            target = _outer((images, target_of[2]), (down.outputs[:lines], target_of[1]), (along.outputs, target_of[0]))
            step = _outer((down.taps - top, place_of[1]), (along.taps - left, place_of[0]), (inner, 1))
            source = _outer((down.which, row[0]), (along.which, row[1]), (inner, row[2]))
            phase = np.array([[rows, down.outputs.size, along.outputs.size, number, step.size]])
            tables.append((place, target, step, source, phase))
            rows, number = rows + place.size, number + step.size
    return map(np.concatenate, zip(*tables))


def _outer(*axes):
    """Pairs (offsets, step): all sums of one offset times its step from each, flat"""
    return functools.reduce(lambda total, axis: np.add.outer(total, axis[0] * axis[1]), axes, np.zeros((), int)).ravel()


def _span(phases):
    """How far windows reach from their places (first, last), and the last place that they touch."""
    taps = np.concatenate([p.taps for p in phases])
    low, high = (int(taps.min()), int(taps.max())) if taps.size else (0, 0)
    return low, high, max([int(p.places[-1]) for p in phases]) + high


def _cut(n, read, written, down, along, step, least, most):
    """How images are cut in slabs: the tuple that slab.slab takes"""
    (h, w, c), lines = read, max([p.outputs.size for p in down])
    (top, bottom, last_line), (left, _, last_column) = _span(down), _span(along)
    copied = top < 0 or left < 0 or last_line >= h or last_column >= w
    reach = bottom - top + 1
    if not copied:
        top = left = 0
    wide = last_column - left + 1 if copied else w
    cost = ((lines - 1) * step + reach) * wide * c + written[0] * written[1] * written[2]
    bunches = min(n, least * -(-n // (least * max(1, most // cost))))
    blocks = min(lines, max(-(-cost // most), -(-least // bunches))) if bunches == n else 1
    part = -(-lines // blocks)
    high = (part - 1) * step + reach
    return n, h, w, c, bunches, part, -(-lines // part), step, top, left, high, wide, c if copied else 0
