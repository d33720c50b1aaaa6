"""Device memory on the host. It ends, or begins, at a page nobody may touch; it is garbage until written.

A pool hands freed memory out again, as CuPy's does: memory that a graph knows and gave back is overwritten.
"""
import contextlib
import ctypes
import mmap
import random
import threading
from collections import defaultdict

import numpy as np

from . import capture

PAGE = mmap.PAGESIZE
ALIGN = 16                      # what a float4 asks for
UNIT = 512                      # the pool's size step
GARBAGE = 0xFF                  # NaN to a float, -1 to an int
_libc = ctypes.CDLL(None, use_errno=True)
_coin = random.Random(0)


def _protect(address: int) -> None:
    if _libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(PAGE), 0):
        raise OSError(ctypes.get_errno(), "mprotect failed: too many guarded arrays (vm.max_map_count)")


def pages(nbytes: int) -> np.ndarray:
    """At least `nbytes` in whole pages between two guard pages."""
    room = max(-(-nbytes // PAGE), 1) * PAGE
    mapping = mmap.mmap(-1, room + 2 * PAGE)
    base = ctypes.addressof(ctypes.c_char.from_buffer(mapping))
    _protect(base)
    _protect(base + PAGE + room)
    return np.frombuffer(mapping, np.uint8, room, PAGE)


def at_edge(whole: np.ndarray, nbytes: int) -> np.ndarray:
    """`nbytes` of it, filled with garbage, at the first or the last page's edge, by the toss of a coin."""
    start = (whole.size - nbytes) // ALIGN * ALIGN if _coin.getrandbits(1) else 0
    whole[:] = GARBAGE
    return whole[start:start + nbytes]


def guarded(nbytes: int) -> np.ndarray:
    return at_edge(pages(nbytes), nbytes)


class Memory:
    """A piece of a pool. It goes back when the array that owns it dies; a graph does not keep it."""
    __slots__ = ("pool", "size", "whole", "bytes")

    def __init__(self, pool, size: int, whole: np.ndarray, nbytes: int):
        self.pool, self.size, self.whole, self.bytes = pool, size, whole, at_edge(whole, nbytes)

    def __del__(self, garbage=GARBAGE):             # a default outlives the module when the interpreter ends
        self.whole[:] = garbage
        self.pool.idle[self.size].append(self.whole)


class OutOfMemoryError(MemoryError):
    """As CuPy has it."""

    def __init__(self, size, total, limit=0):
        super().__init__(f"Out of memory allocating {size:,} bytes (allocated so far: {total:,} bytes).")


class device:
    """All pools together; `left`: so many allocations go well, and then none; None: all do."""
    total, used, left = 1 << 33, 0, None


class MemoryPool:
    def __init__(self):
        self.idle, self.total = defaultdict(list), 0

    def __del__(self, device=device):
        device.used -= self.total

    def malloc(self, nbytes: int) -> Memory:
        if device.left is not None:
            device.left -= 1
            if device.left < 0:
                raise OutOfMemoryError(nbytes, self.total)
        size = max(-(-nbytes // UNIT), 1) * UNIT
        whole = self.idle[size].pop() if self.idle[size] else self._grow(size)
        memory = Memory(self, size, whole, nbytes)
        capture.note_garbage(memory.bytes)
        return memory

    def _grow(self, size: int) -> np.ndarray:
        capture.forbid_growth(size)
        if device.used + size > device.total:
            raise OutOfMemoryError(size, self.total)
        self.total += size
        device.used += size
        return pages(size)

    def total_bytes(self) -> int:
        return self.total

    def free_bytes(self) -> int:
        return sum(size * len(blocks) for size, blocks in self.idle.items())

    def used_bytes(self) -> int:
        return self.total - self.free_bytes()

    def free_all_blocks(self, stream=None) -> None:
        capture.forbid("cudaFree")
        device.used -= self.free_bytes()
        self.total -= self.free_bytes()
        self.idle.clear()


default_pool = MemoryPool()


class _Here(threading.local):
    allocator = None


_here = _Here()


def allocate(nbytes: int) -> Memory:
    return (_here.allocator or default_pool.malloc)(nbytes)


@contextlib.contextmanager
def using_allocator(allocator=None):
    before, _here.allocator = _here.allocator, allocator
    try:
        yield
    finally:
        _here.allocator = before
