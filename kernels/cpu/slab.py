"""What a convolution reads at a time: a slab, some whole images or some lines of one."""
from .launch import inner_kernel
from .vector import clear, move
from .winograd import enter_lines


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
