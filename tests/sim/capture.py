"""Streams and graphs. While a stream captures, launches are written down and nothing runs.

A graph repeats them, with the arguments as they were.
"""
import contextlib
import itertools
import threading
import time

RELAXED, THREAD_LOCAL, GLOBAL = 2, 1, 0         # cudaStreamCaptureMode
_pointers = itertools.count(1)


class CaptureError(RuntimeError):
    """What CuPy or CUDA refuses on a capturing stream, or what a graph would not repeat."""


class _Here(threading.local):
    stream = None


_here = _Here()


def current_stream() -> "Stream":
    return _here.stream or Stream.null


def recording():
    """The graph that the current stream is writing, or None."""
    return current_stream().graph


def forbid(what: str) -> None:
    if recording() is not None:
        raise CaptureError(f"{what} is not permitted while the stream is capturing")


def forbid_growth(size: int) -> None:
    graph = recording()
    if graph is not None and graph.mode != RELAXED:
        raise CaptureError(f"cudaErrorStreamCaptureUnsupported: the memory pool would grow by {size} bytes "
                           "during a capture; run the step once before capturing it")


def note_garbage(memory) -> None:
    """Memory that a captured step takes is garbage again at each replay."""
    if (graph := recording()) is not None:
        graph.calls.append((memory.fill, 0xFF))


def submit(name: str, call, *args) -> None:
    """A kernel launch: at once, or into the graph."""
    graph = recording()
    if graph is None:
        if Stream.null is current_stream() and Stream.capturing:
            raise CaptureError("cudaErrorStreamCaptureImplicit: a launch on the default stream "
                               "while another stream captures")
        call(*args)
    else:
        graph.names.append(name)
        graph.calls.append((call, *args))


class Graph:
    def __init__(self, mode: int):
        self.mode, self.names, self.calls = mode, [], []
        self.moved = []                         # bytes, one number a node

    def launch(self, stream=None) -> None:
        forbid("launching a graph")
        for call, *args in self.calls:
            call(*args)

    def upload(self, stream=None) -> None:
        forbid("uploading a graph")

    def debug_dot_str(self, flags=None) -> str:
        nodes = "".join(f'"graph_1_node_{i}"[label="{i}\\n{name}"];\n' for i, name in enumerate(self.names))
        return f"digraph dot {{\n{nodes}}}\n"


class Stream:
    null: "Stream"
    capturing: list["Stream"] = []

    def __init__(self, null=False, non_blocking=False, ptds=False, priority=None):
        self.non_blocking, self.graph, self.outer = non_blocking, None, []
        self.copies, self.run = [], 0           # asynchronous copies: they run as late as somebody's waiting allows
        self.ptr = 0 if null else next(_pointers)

    def use(self) -> "Stream":
        _here.stream = self
        return self

    def __enter__(self) -> "Stream":
        self.outer.append(_here.stream)
        return self.use()

    def __exit__(self, *error) -> None:
        _here.stream = self.outer.pop()

    def synchronize(self) -> None:
        if self.graph is not None:
            raise CaptureError("synchronizing a stream is not permitted while it is capturing")
        self.catch_up(len(self.copies))

    def catch_up(self, count: int) -> None:
        """Run the first `count` of all the copies that were ever asked for, if that has not been done."""
        while self.run < count:
            self.copies[self.run]()
            self.copies[self.run], self.run = None, self.run + 1

    @property
    def done(self) -> bool:
        self.synchronize()
        return True

    def is_capturing(self) -> bool:
        return self.graph is not None

    def begin_capture(self, mode: int | None = None) -> None:
        if self.ptr == 0:
            raise CaptureError("cudaErrorStreamCaptureUnsupported: the default stream cannot capture")
        if self.graph is not None:
            raise CaptureError("cudaErrorIllegalState: the stream is capturing already")
        self.graph = Graph(RELAXED if mode is None else mode)
        Stream.capturing.append(self)

    def end_capture(self) -> Graph:
        if self.graph is None:
            raise CaptureError("cudaErrorIllegalState: the stream is not capturing")
        graph, self.graph = self.graph, None
        Stream.capturing.remove(self)
        return graph

    def record(self, event=None):
        return (event or Event()).record(self)

    def wait_event(self, event) -> None:
        """Kernels run at once, so a copy that this stream waits for runs now."""
        event.over()


Stream.null = Stream(null=True)


class Event:
    """Kernels are done when a launch returns, copies when somebody waits for an event behind them; `when` is the host's
    time."""

    def __init__(self, block=False, disable_timing=False, interprocess=False):
        self.ptr, self.when, self.stream, self.count = next(_pointers), None, None, 0

    def record(self, stream=None) -> "Event":
        self.when = time.perf_counter()
        self.stream = stream or current_stream()
        self.count = len(self.stream.copies)
        return self

    def over(self) -> None:
        if self.stream is not None:
            self.stream.catch_up(self.count)

    def synchronize(self) -> None:
        forbid("synchronizing an event")
        self.over()

    @property
    def done(self) -> bool:
        return self.stream is None or self.stream.run >= self.count


@contextlib.contextmanager
def all_released():
    """For tests: a stream left capturing by a failed step must not disturb the next test."""
    try:
        yield
    finally:
        for stream in list(Stream.capturing):
            stream.end_capture()
        _here.stream = None
