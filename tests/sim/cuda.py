"""What gpunn uses of `cupy.cuda`."""
import os
import types

from . import capture, memory
from .capture import GLOBAL, RELAXED, THREAD_LOCAL, Event, Stream
from .capture import current_stream as get_current_stream
from .memory import MemoryPool, using_allocator

__all__ = [
    "Device", "Event", "MemoryPool", "Stream", "alloc_pinned_memory", "get_current_stream", "get_elapsed_time",
    "is_available", "runtime", "using_allocator",
]

PROPERTIES = {
    "name": b"CUDA sources on the CPU", "major": 8, "minor": 0, "multiProcessorCount": os.cpu_count(),
    "totalGlobalMem": memory.device.total, "sharedMemPerBlock": 48 << 10, "sharedMemPerBlockOptin": 99 << 10,
    "warpSize": 32, "maxThreadsPerBlock": 1024, "l2CacheSize": 4 << 20,
}


class Device:
    compute_capability = "80"

    def __init__(self, id: int = 0):
        self.id = id

    def use(self) -> "Device":
        return self

    __enter__ = use

    def __exit__(self, *error) -> None:
        pass

    def synchronize(self) -> None:
        get_current_stream().synchronize()

    @property
    def mem_info(self) -> tuple[int, int]:
        return memory.device.total - memory.device.used, memory.device.total


runtime = types.SimpleNamespace(
    streamCaptureModeRelaxed=RELAXED,
    streamCaptureModeThreadLocal=THREAD_LOCAL,
    streamCaptureModeGlobal=GLOBAL,
    getDeviceCount=lambda: 1,
    getDeviceProperties=lambda device: PROPERTIES,
    runtimeGetVersion=lambda: 12090,
    driverGetVersion=lambda: 12090,
    deviceSynchronize=lambda: get_current_stream().synchronize(),
    memGetInfo=lambda: Device().mem_info,
)


def alloc_pinned_memory(size: int) -> bytearray:
    return bytearray(size)


def is_available() -> bool:
    return True


def get_elapsed_time(start: Event, end: Event) -> float:
    """Milliseconds, by the host's clock."""
    if None in (start.when, end.when):
        raise capture.CaptureError("cudaErrorInvalidResourceHandle: an event was not recorded")
    return (end.when - start.when) * 1e3
