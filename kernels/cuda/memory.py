"""Filling, casting, moving, counting."""
import numpy as np

from .launch import blocks, empty, launch, quarter
from .views import view_of


def fill(value, out):
    """out[...] = value"""
    launch("memory", "fill", blocks(out.size),
           (out, out.dtype.type(value), np.int64(out.size), view_of(out.shape, out)), S=out.dtype, T=out.dtype)
    return out


def copy(x, dtype=None, out=None):
    """Cast, broadcast, gather from strides, scatter to strides: `out[...] = x`."""
    out = empty(x, x.shape, dtype) if out is None else out
    if np.broadcast_shapes(x.shape, out.shape) != tuple(out.shape):
        raise ValueError(f"copy: x of shape {x.shape} does not fit into out of shape {out.shape}")
    launch("memory", "copy", quarter(out), (x, out, np.int64(out.size), view_of(out.shape, out, x)),
           S=x.dtype, T=out.dtype)
    return out


def tick(out):
    """out += 1, in place"""
    launch("memory", "tick", blocks(out.size), (out, out.size), S=out.dtype, T=out.dtype)
    return out
