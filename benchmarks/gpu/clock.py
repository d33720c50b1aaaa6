"""Time on the device, by its own events."""
import statistics
from collections.abc import Callable

from gpunn.backend.program import WARMUP, Program


class Clock:
    def __init__(self, backend):
        self.backend, self.cuda, self.stream = backend, backend.xp.cuda, backend.stream

    def once(self, run: Callable) -> float:
        """Seconds between two events around what `run` submits."""
        start, end = self.cuda.Event(), self.cuda.Event()
        start.record(self.stream)
        run()
        end.record(self.stream)
        end.synchronize()
        return self.cuda.get_elapsed_time(start, end) / 1e3

    def median(self, run: Callable, samples: int) -> float:
        run()
        return statistics.median(self.once(run) for _ in range(samples))

    def replayed(self, calls: list[Callable], samples: int) -> float:
        """Seconds of one of the calls, as a recorded program submits them: no Python in between."""
        def all_calls():
            for call in calls:
                call()
        program = Program(self.backend, all_calls, what="a kernel's benchmark")
        for _ in range(WARMUP + 1):
            program()
        return self.median(program, samples) / len(calls)
