"""Which arrays outlast a step, and how a recorded step's temporaries share one slab of memory."""
import weakref

import numpy as np

LINE = 64                                           # bytes: no two temporaries share a cache line

_kept: dict[int, weakref.ref] = {}                  # id of the owning array -> the array, while it lives


def owner(array: np.ndarray) -> np.ndarray:
    """The array whose memory a view shows."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def persistent(array):
    """Declare that the array outlives every step (weights, slots, static inputs, constants); returns it."""
    if isinstance(array, np.ndarray):
        own, key = owner(array), id(owner(array))
        _kept[key] = weakref.ref(own, lambda _: _kept.pop(key, None))
    return array


def is_persistent(own: np.ndarray) -> bool:
    kept = _kept.get(id(own))
    return kept is not None and kept() is own


class Span:
    """One temporary: how many bytes, and the first and last call that touch it."""
    __slots__ = ("bytes", "first", "last", "ref", "offset")

    def __init__(self, own: np.ndarray, step: int, forget):
        self.bytes, self.first, self.last, self.offset = own.nbytes, step, step, 0
        self.ref = weakref.ref(own, forget)


def plan(spans) -> int:
    """Give each span an offset such that spans alive at the same time do not overlap; returns the bytes of the slab."""
    placed, end = [], 0
    for span in sorted(spans, key=lambda s: -s.bytes):
        busy = sorted((s.offset, s.offset + s.bytes) for s in placed if s.first <= span.last and span.first <= s.last)
        span.offset = 0
        for low, high in busy:
            if span.offset + span.bytes <= low:
                break
            span.offset = max(span.offset, -(-high // LINE) * LINE)
        placed.append(span)
        end = max(end, span.offset + span.bytes)
    return end


def slab(size: int) -> np.ndarray:
    """Bytes that start on a cache line."""
    raw = np.empty(size + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start:start + size]


class _Layout:
    version = object()          # another when weights moved or kernels changed: older programs must not be replayed


def moved():
    _Layout.version = object()


def layout_version() -> object:
    return _Layout.version
