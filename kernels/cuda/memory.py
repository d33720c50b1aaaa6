"""Filling, casting, moving, counting."""
import numpy as np

from .launch import blocks, empty, launch, real_type, shared
from .views import view_of

MOST = 8                        # numbers in one launch of tally
KINDS = {"int32": 0, "uint32": 0, "float32": 1, "float64": 2}
# Tally in memory.cu
TALLY = np.dtype([("target", "u8", MOST), ("source", "u8", MOST), ("factor", "f8", MOST), ("kind", "i4", MOST),
                  ("count", "i4")], align=True)


def fill(value, out):
    """out[...] = value"""
    value = real_type(out.dtype).type(value)
    launch("memory", "fill", blocks(out.size), (out, value, np.int64(out.size), view_of(out.shape, out)),
           S=out.dtype, T=out.dtype)
    return out


def copy(x, dtype=None, out=None):
    """Cast, broadcast, gather from strides, scatter to strides: `out[...] = x`."""
    out = empty(x, x.shape, dtype) if out is None else out
    if np.broadcast_shapes(x.shape, out.shape) != tuple(out.shape):
        raise ValueError(f"copy: x of shape {x.shape} does not fit into out of shape {out.shape}")
    launch("memory", "copy", shared(out), (x, out, np.int64(out.size), view_of(out.shape, out, x)),
           S=x.dtype, T=out.dtype)
    return out


def tally(targets, sources, factors):
    """target += factor * source, for single numbers; sources None: += factor"""
    for first in range(0, len(targets), MOST):
        table, mine = np.zeros(1, TALLY), slice(first, first + MOST)
        table["count"] = len(targets[mine])
        for i, (target, source, factor) in enumerate(zip(targets[mine], sources[mine], factors[mine], strict=True)):
            table["target"][0, i], table["source"][0, i] = target.data.ptr, 0 if source is None else source.data.ptr
            table["factor"][0, i], table["kind"][0, i] = factor, KINDS[target.dtype.name]
        launch("memory", "tally", 1, (table,), block=32, like=targets[0], S=np.float32, T=np.float32)
