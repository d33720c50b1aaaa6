"""Host memory that ends, or begins, at a page nobody may touch: one element too far is a fault, not a wrong number."""
import ctypes
import itertools
import mmap

import numpy as np

PAGE = mmap.PAGESIZE
ALIGN = 16                      # what a float4 asks for
_libc = ctypes.CDLL(None, use_errno=True)
_turn = itertools.count()


def _protect(address: int) -> None:
    if _libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(PAGE), 0):
        raise OSError(ctypes.get_errno(), "mprotect failed: too many guarded arrays are alive")


def guarded(nbytes: int) -> np.ndarray:
    """`nbytes` of 0xFF (NaN to a float) against a guard page; the side alternates from call to call."""
    room = max(-(-nbytes // PAGE), 1) * PAGE
    mapping = mmap.mmap(-1, room + 2 * PAGE)
    base = ctypes.addressof(ctypes.c_char.from_buffer(mapping))
    _protect(base)
    _protect(base + PAGE + room)
    start = (room - nbytes) // ALIGN * ALIGN if next(_turn) % 2 else 0
    whole = np.frombuffer(mapping, np.uint8, room, PAGE)
    whole[:] = 0xFF
    return whole[start:start + nbytes]
