"""Every public kernel at a large size against what the device can do at most."""
from gpunn.kernels import cuda

from . import arithmetic, failed, left_out, limits, streaming
from .clock import Clock
from .row import Arrays, Row

TITLE, SHARE = "Share of the floor: least bytes over the copy's rate, or operations over the TF32 product's", 55
LARGE, SMALL = 1 << 25, 1 << 12         # numbers of an array
SAMPLES, MOST = 11, 8           # of a measurement; input sets of a row at most,
ROOM = 4e9                      # and bytes for all of them


def table(short: bool) -> dict[str, Row]:
    return streaming.table(SMALL if short else LARGE) | arithmetic.table(short)


def rows(chosen):
    backend = chosen.backend()
    bounds, lines = limits.measured(chosen)
    yield from lines
    yield from (limit(name, value) for name, value in bounds.items())
    new, clock = Arrays(backend), Clock(backend)
    for name, row in table(chosen.short).items():
        if chosen.late():
            yield left_out(f"{name}: no time")
            continue
        try:
            calls = [row.bound(cuda, new) for _ in range(1 if chosen.short else sets(row, backend))]
            yield measured(name, row, clock.replayed(calls, 1 if chosen.short else SAMPLES), bounds)
        except Exception as error:
            yield failed(f"{name}: {type(error).__name__}: {error}")


def limit(name: str, value: float) -> dict:
    return {"kernel": f"limit: {'copied' if name == 'bytes' else f'{name} product'}", "us": None,
            **({"GB/s": value / 1e9} if name == "bytes" else {"GB/s": None, "TFLOP/s": value / 1e12})}


def sets(row: Row, backend) -> int:
    """So many inputs in turn that the cache holds none of them when it is read again."""
    cache = backend.xp.cuda.runtime.getDeviceProperties(0)["l2CacheSize"]
    return max(1, min(MOST, round(3 * cache / (4 * row.moved) + 1), int(ROOM / (4 * row.moved))))


def measured(name: str, row: Row, seconds: float, bounds: dict) -> dict:
    floor = row.floor(bounds)
    return {"kernel": name, "us": seconds * 1e6, "GB/s": 4 * row.moved / seconds / 1e9,
            "TFLOP/s": row.flops / seconds / 1e12 if row.flops else None,
            "floor us": None if floor is None else floor * 1e6,
            "share": None if floor is None else floor / seconds}


def once(chosen):
    """Every kernel once, on small arrays, without a recording: for those who watch. No pool: each array is a piece of
    memory with an end."""
    backend = chosen.backend()
    new = Arrays(backend)
    with backend.xp.cuda.using_allocator(None):
        for row in table(short=True).values():
            row.bound(cuda, new)()
            backend.stream.synchronize()
