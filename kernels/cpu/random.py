"""Philox4x32-10: a number is a function of (key, stream, clock, index), the same bits on every device."""
from functools import partial

import numpy as np

from .launch import Inner, inner_kernel, parallel_kernel, share

CHUNK = 4096        # numbers a job
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
MULTIPLY = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
ADD = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)

# rounded as written: the same bits on every device
exact = partial(Inner, fastmath=False, forceinline=True)


@exact
def _philox(block, stream, clock, key):
    """Ten rounds: the four words of one block. Words travel in 64 bits, so that all steps are one type's."""
    block, k0, k1 = np.uint64(block), np.uint64(key[0]), np.uint64(key[1])
    c0, c1, c2, c3 = block & LOW, block >> HALF, np.uint64(stream) & LOW, np.uint64(clock[0])
    for _ in range(10):
        p0, p1 = MULTIPLY[0] * c0, MULTIPLY[1] * c2
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1 & LOW, (p0 >> HALF) ^ c3 ^ k1, p0 & LOW
        k0, k1 = (k0 + ADD[0]) & LOW, (k1 + ADD[1]) & LOW
    return np.uint32(c0), np.uint32(c1), np.uint32(c2), np.uint32(c3)


@exact
def _uniform(bits):
    """[0, 1) in steps of 2**-24: exact in float32."""
    return np.float32(np.int32(bits >> np.uint32(8))) * np.float32(2.0 ** -24)


@exact
def _between(bits, low, span):
    return low + span * type(low)(_uniform(bits))


@exact
def _kept(x, bits, rate, scale):
    return x * type(x)(scale) if _uniform(bits) >= rate else type(x)(0)


@inner_kernel
def _words(start, size, key, clock, stream, words):
    """The bits of elements start to start + size, start a multiple of 4: whole blocks run in vectors."""
    first, whole = start // 4, size // 4
    for block in range(whole):
        a, b, c, d = _philox(first + block, stream, clock, key)
        words[4 * block], words[4 * block + 1], words[4 * block + 2], words[4 * block + 3] = a, b, c, d
    if size % 4:
        rest = _philox(first + whole, stream, clock, key)
        for i in range(size % 4):
            words[4 * whole + i] = rest[i]


@parallel_kernel
def _random_bits(part, key, clock, stream, out):
    for job in share(part, (out.size + CHUNK - 1) // CHUNK):
        start = job * CHUNK
        _words(start, min(CHUNK, out.size - start), key, clock, stream, out[start:])


@parallel_kernel
def _random_uniform(part, key, clock, stream, low, span, out):
    T = out.dtype.type
    for job in share(part, (out.size + CHUNK - 1) // CHUNK):
        start, words = job * CHUNK, np.empty(CHUNK, np.uint32)
        size = min(CHUNK, out.size - start)
        _words(start, size, key, clock, stream, words)
        for i in range(size):
            out[start + i] = _between(words[i], T(low), T(span))


@parallel_kernel
def _dropout(part, x, rate, scale, key, clock, stream, out):
    rate, scale = np.float32(rate), np.float32(scale)
    for job in share(part, (x.size + CHUNK - 1) // CHUNK):
        start, words = job * CHUNK, np.empty(CHUNK, np.uint32)
        size = min(CHUNK, x.size - start)
        _words(start, size, key, clock, stream, words)
        for i in range(size):
            out[start + i] = _kept(x[start + i], words[i], rate, scale)


def random_bits(key, clock, stream, out):
    _random_bits(key, clock, stream, out.reshape(-1))
    return out


def random_uniform(key, clock, stream, low, high, out):
    _random_uniform(key, clock, stream, float(low), float(high - low), out.reshape(-1))
    return out


def dropout(x, rate, key, clock, stream, out=None):
    """Its own backward: apply it to dy with the same key, clock and stream."""
    out = np.empty(x.shape, x.dtype) if out is None else out
    _dropout(x.reshape(-1), float(rate), 1 / (1 - rate), key, clock, stream, out.reshape(-1))
    return out
