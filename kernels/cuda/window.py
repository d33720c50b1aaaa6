"""What convolution and pooling share, the number of windows and their geometry."""
from functools import cache

import numpy as np

FIELDS = "n h w c oh ow f groups kh kw sh sw top left dh dw"
WINDOW = np.dtype([(name, np.int32) for name in FIELDS.split()])        # `struct Window` in common.cuh


def windows(shape, size, strides, padding, dilation=(1, 1)):
    """(n, h, w, c) -> (oh, ow): how often the window fits into the padded image."""
    return tuple(max(0, (length + sum(around) - (taps - 1) * gap - 1) // step + 1)
                 for length, taps, step, around, gap in zip(shape[1:3], size, strides, padding, dilation))


@cache
def window(shape, filters, size, strides, padding, dilation=(1, 1), groups=1):
    """The struct that kernels take by value; c and f are the channels and filters of one group."""
    n, h, w, c = shape
    first = padding[0][0], padding[1][0]
    fits = windows(shape, size, strides, padding, dilation)
    values = (n, h, w, c // groups, *fits, filters // groups, groups, *size, *strides, *first, *dilation)
    return np.array([values], WINDOW)
