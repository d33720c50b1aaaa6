"""Which of several ways to do the same is quickest on this GPU: timed at the first run, and kept for all later ones.

What is timed decides which bits come out, so a choice stays: by GPU, versions of libraries, and problem.
"""
import sys
from contextlib import suppress
from hashlib import sha256
from math import inf

from ..private import keep, private_folder
from ..served import options

REPEATS = 3                     # how often each way runs
WORKSPACE = 32 << 20            # bytes that a library may use, for each stream


def say(line: str):
    print(f"gpunn: {line}", file=sys.stderr, flush=True)


class Refused(Exception):
    """A library does not do this, or failed: a status, and why."""


class Choices:
    """What is chosen, on the current device, for the arrays of one library."""

    def __init__(self, library, kind: str, *versions):
        self.library, self.folder, self.workspaces = library, private_folder(kind), {}
        gpu = library.cuda.runtime.getDeviceProperties(library.cuda.Device().id)
        self.name = str([*versions, *map(gpu.get, ("name", "major", "minor", "multiProcessorCount"))])

    def ready(self, known: bool, what):
        """A problem is about to be solved, or known already; in a capture nothing is chosen, nor memory found."""
        stream = self.library.cuda.get_current_stream()
        if not (known and stream.ptr in self.workspaces) and stream.is_capturing():
            raise RuntimeError(f"no algorithm is chosen yet for a {what}, and a capture is no place to measure them: "
                               "run the step once before it is captured")
        if stream.ptr not in self.workspaces:       # its own, for good: graphs know where it lies
            with self.lasting():
                self.workspaces[stream.ptr] = self.library.empty(WORKSPACE, "uint8")

    def lasting(self):
        """Inside, memory is of no graph's pool."""
        return self.library.cuda.using_allocator(self.library.get_default_memory_pool().malloc)

    def here(self) -> tuple[int, int]:
        """The current stream and its workspace"""
        stream = self.library.cuda.get_current_stream().ptr
        return stream, self.workspaces[stream].data.ptr

    def best(self, problem, ways: list[bytes], run) -> int:
        """Which of run(0), run(1), ... is quickest, or was when it was chosen; 0 where nothing is kept."""
        if self.folder is None or len(ways) == 1 or options["deterministic"]:
            return 0
        key = f"{self.name} {problem!r}".encode()
        path, seals = self.folder / sha256(key).hexdigest(), [sha256(key + way).digest() for way in ways]
        with suppress(OSError, ValueError):         # no file, or none of ours
            return seals.index(path.read_bytes())
        times = [self.seconds(run, i) for i in range(len(ways))]
        keep(path, seals[times.index(min(times))])
        return times.index(min(times))

    def seconds(self, run, *args) -> float:
        start, stop = self.library.cuda.Event(), self.library.cuda.Event()
        with suppress(Refused, MemoryError):
            run(*args)                              # loads the kernel
            start.record()
            for _ in range(REPEATS):
                run(*args)
            stop.record()
            stop.synchronize()
            return self.library.cuda.get_elapsed_time(start, stop)
        return inf
