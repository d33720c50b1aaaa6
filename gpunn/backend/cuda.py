"""The CUDA backend on CuPy, and how it records a step: a CUDA graph of the whole of it, in a memory pool of its own.

Works on anything that speaks CuPy's language; the tests run it on a stand-in that executes the kernels on the CPU.
"""
import ctypes
import gc
import sys
from contextlib import suppress
from functools import cache
from importlib import metadata

import numpy as np

from . import here
from .base import Backend, Uncapturable, host_array

DATA_SHARE = 0.5                # of the free memory that a data set may take; larger ones stay with the host
WHEELS = ("cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x", "cupy")


def wheels() -> list[str]:
    """The CuPy distributions that are installed; more than one is a conflict."""
    return [name for name in WHEELS if _installed(name)]


def _installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def driver_library() -> str:
    return "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


def count() -> int:
    """How many devices there are that can be used."""
    if why_not() is not None:
        return 0
    import cupy
    return cupy.cuda.runtime.getDeviceCount()


def why_not() -> str | None:
    """What keeps CUDA from running here, with the repair; None when nothing does."""
    try:
        ctypes.CDLL(driver_library())
    except OSError:
        return f"no NVIDIA driver found ({driver_library()})"
    found = wheels()
    if not found:
        return "CuPy is not installed: pip install 'gpunn[cuda12]'"
    if len(found) > 1:
        return f"{' and '.join(found)} are both installed: pip uninstall {found[0]}"
    import cupy
    if not cupy.cuda.is_available():
        return f"{found[0]} sees no GPU: run 'python -m gpunn doctor'"
    return None


def cuda_backend(number: int) -> "CudaBackend":
    missing = why_not()
    if missing is not None:
        raise RuntimeError(f"device 'cuda' is not available: {missing}. Run 'python -m gpunn doctor'; "
                           "use('auto') or use('cpu') run on the CPU.")
    import cupy
    count = cupy.cuda.runtime.getDeviceCount()
    if number >= count:
        raise ValueError(f"device 'cuda:{number}' does not exist: this machine has {count} "
                         f"(cuda:0 to cuda:{count - 1})")
    from gpunn.kernels.cuda import cublaslt, cudnn
    cupy.cuda.Device(number).use()
    cublaslt.serve(cupy)
    cudnn.serve(cupy)
    return _backend(cupy, number)


@cache
def _backend(cupy, number: int) -> "CudaBackend":
    return CudaBackend(cupy, f"cuda:{number}")


class CudaBackend(Backend):
    """One GPU. Everything runs on one non-blocking stream, never on the default one: a capture forbids it."""
    steps_in_one = 16           # a launch costs what some kernels do
    lanes = 2                   # one is filled while a step reads the other

    def __init__(self, cupy, name: str):
        from gpunn.kernels import cuda
        self.name, self.xp, self.array_type, self.kernels = name, cupy, cupy.ndarray, cuda
        self.halves = {"float16": np.dtype("float16"), "bfloat16": cuda.launch.BFLOAT16}
        cuda.launch.libraries[cupy.ndarray] = cupy
        self.stream = cupy.cuda.Stream(non_blocking=True)
        self.stream.use()
        self.copies = cupy.cuda.Stream(non_blocking=True)

    def describe(self) -> str:
        properties = self.xp.cuda.runtime.getDeviceProperties(self.xp.cuda.Device().id)
        return f"{self.name} ({properties['name'].decode()}, CuPy {self.xp.__version__})"

    def asarray(self, value, dtype=None):
        if dtype == self.halves["bfloat16"]:
            return self.kernels.copy(self.asarray(value, "float32"), dtype=dtype)
        if isinstance(value, self.array_type):
            return self.xp.ascontiguousarray(value if dtype is None else value.astype(dtype, copy=False))
        return self.xp.asarray(host_array(value, dtype))

    def to_numpy(self, array) -> np.ndarray:
        """bfloat16, which NumPy does not have, as float32."""
        if array.dtype != self.halves["bfloat16"]:
            return self.xp.asnumpy(array)
        dense = array if array.flags.c_contiguous else self.kernels.copy(array)
        bits = self.xp.asnumpy(dense.view(np.uint16))
        return (bits.astype(np.uint32) << 16).view(np.float32)

    def free_bytes(self) -> int:
        gc.collect()                    # what a failed step left in cycles
        self.stream.synchronize()
        self.xp.get_default_memory_pool().free_all_blocks()
        return self.xp.cuda.runtime.memGetInfo()[0]

    def has_room(self, nbytes: int) -> bool:
        free = self.xp.cuda.runtime.memGetInfo()[0] + self.xp.get_default_memory_pool().free_bytes()
        return nbytes <= DATA_SHARE * free

    def lane(self, arrays) -> "PinnedLane":
        return PinnedLane(self, arrays)

    def recorder(self) -> "Graph":
        return Graph(self)


def reason(error: Exception) -> str:
    return str(error) if isinstance(error, Uncapturable) else f"{type(error).__name__}: {error}"


class PinnedLane:
    """Batches on their way: from page-locked memory into buffers on the device, on a stream of its own. Each side waits
    for the other by events: the copy for the step that reads the buffers, that step's successor for the copy."""

    def __init__(self, backend, arrays):
        self.stream, self.copies, cuda = backend.stream, backend.copies, backend.xp.cuda
        self.staged = [np.frombuffer(cuda.alloc_pinned_memory(max(1, a.nbytes)), a.dtype, a.size).reshape(a.shape)
                       for a in arrays]
        self.buffers = [backend.xp.empty(a.shape, a.dtype) for a in arrays]
        self.copied, self.read = (cuda.Event(disable_timing=True) for _ in range(2))

    def fill(self, arrays):
        self.copied.synchronize()
        for staged, a in zip(self.staged, arrays, strict=True):
            staged[...] = a
        self.copies.wait_event(self.read)
        for buffer, staged in zip(self.buffers, self.staged, strict=True):
            buffer.set(staged, self.copies)
        self.copied.record(self.copies)
        self.stream.wait_event(self.copied)

    def release(self):
        """All that reads the buffers has been launched."""
        self.read.record(self.stream)


class Capturing:
    """What the rest of the backend may tell a capture: new arrays are the pool's affair, a refusal ends it."""

    def adopt(self, array):
        """Nothing to do: the pool keeps what was allocated."""

    def refuse(self, reason: str):
        raise Uncapturable(reason)


class Graph:
    """A captured step. Its pool holds the temporaries where the graph knows them, so it must die after the graph."""

    def __init__(self, backend: CudaBackend):
        self.cuda, self.stream = backend.xp.cuda, backend.stream
        self.pool, self.graph, self.failures = self.cuda.MemoryPool(), None, 0

    @property
    def bytes(self) -> int:
        return self.pool.total_bytes()

    def eager(self, step, pure):
        """A real step in the graph's own pool: compiles the kernels, and gets all the memory a capture will ask for."""
        with self.cuda.using_allocator(self.pool.malloc), self.stream:
            return step()

    def record(self, step):
        """Capture, then launch: a capture runs nothing; a failed one leaves no trace, and the step runs eagerly.

        A kernel that is first used now, or memory that was not there yet, is there the next time: that is tried once.
        """
        try:
            result = self.capture(step)
        except RuntimeError as error:                   # what CuPy and CUDA raise; anything else is the user's affair
            self.failures += 1
            final = isinstance(error, Uncapturable) or self.failures > 1
            why = reason(error) if final else None
        else:
            self.launch()
            return result, self.launch, None
        return self.eager(step, pure=False), None, why

    def capture(self, step):
        self.stream.synchronize()
        gc.collect()
        gc.disable()                    # a collected array would free device memory in the middle of the capture
        try:
            self.stream.begin_capture(self.cuda.runtime.streamCaptureModeThreadLocal)
            here.recording = Capturing()
            try:
                result = self.eager(step, pure=False)
            except BaseException:
                self.abandon()
                raise
            finally:
                here.recording = None
            self.graph = self.stream.end_capture()
        finally:
            gc.enable()
        self.graph.upload(self.stream)
        return result

    def abandon(self):
        with suppress(Exception):       # the capture is already invalid: leaving it is all we want
            self.stream.end_capture()

    def launch(self):
        self.graph.launch(self.stream)

    def __del__(self):
        if self.graph is not None:
            self.stream.synchronize()
            self.graph = None
        self.pool = None
