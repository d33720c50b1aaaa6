"""Any strides: kernels get the shape and strides of their operands by value, neighbouring axes joined."""
from functools import lru_cache
from math import prod

import numpy as np

AXES = 8
# View in common.cuh
VIEW = np.dtype([("stride", "i8", (3, AXES)), ("shape", "u4", AXES), ("ndim", "u4")], align=True)


def steps(x, shape) -> tuple:
    """Strides of x in elements when it is broadcast to `shape`."""
    own = tuple(0 if size == 1 else stride // x.itemsize for size, stride in zip(x.shape, x.strides))
    return (0,) * (len(shape) - x.ndim) + own


def view_of(shape, *arrays):
    """The view of arrays broadcast to `shape`; a number in their place has no strides."""
    return view(tuple(shape), *(steps(a, shape) if hasattr(a, "strides") else (0,) * len(shape) for a in arrays))


@lru_cache(4096)
def view(shape: tuple, *strides: tuple):
    axes = joined(shape, strides)
    if len(axes) > AXES or len(axes) > 1 and prod(shape) >= 2**32:
        raise ValueError(f"an array of shape {shape} whose axes do not lie together: at most {AXES} such "
                         "axes and 2**32 elements are served; make it contiguous first")
    result = np.zeros(1, VIEW)
    result["ndim"] = len(axes)
    for axis, (size, step) in enumerate(axes):
        # nobody divides by the first, which may be larger than 32 bits
        result["shape"][0, axis] = size if axis else 1
        result["stride"][0, :len(step), axis] = step
    return result


def joined(shape, strides) -> list:
    """[(size, strides of the operands)]: axes of size 1 go, neighbours that are one walk become one."""
    axes = []
    for size, *step in zip(shape, *strides):
        if size == 1:
            continue
        if axes and all(outer == inner * size for outer, inner in zip(axes[-1][1], step)):
            axes[-1] = (axes[-1][0] * size, step)
        else:
            axes.append((size, step))
    return axes or [(1, [0] * len(strides))]
