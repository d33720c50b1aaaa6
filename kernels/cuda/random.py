"""Random numbers by counting: Philox4x32-10."""
import numpy as np

from .launch import empty, launch, shared


def random_bits(key, clock, stream, out):
    """Raw words, uint32."""
    launch("random", "random_bits", shared(out), (key, clock, np.uint32(stream), out, np.int64(out.size)), T="float32")
    return out


def random_uniform(key, clock, stream, low, high, out):
    """low + (high - low) * u"""
    launch("random", "random_uniform", shared(out),
           (key, clock, np.uint32(stream), float(low), float(high - low), out, np.int64(out.size)), T=out.dtype)
    return out


def dropout(x, rate, key, clock, stream, out=None):
    """Its own backward: apply it to dy with the same key, clock and stream."""
    out = empty(x, x.shape) if out is None else out
    args = x, np.float32(rate), np.float32(1 / (1 - rate)), key, clock, np.uint32(stream), out, np.int64(out.size)
    launch("random", "dropout", shared(out), args, T=x.dtype)
    return out
