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
        """Everything runs in order here."""


Stream.null = Stream(null=True)


class Event:
    """Work is done when a launch returns, so an event is always over; `when` is the host's time."""

    def __init__(self, block=False, disable_timing=False, interprocess=False):
        self.ptr, self.when = next(_pointers), None

    def record(self, stream=None) -> "Event":
        self.when = time.perf_counter()
        return self

    def synchronize(self) -> None:
        forbid("synchronizing an event")

    @property
    def done(self) -> bool:
        return True


@contextlib.contextmanager
def all_released():
    """For tests: a stream left capturing by a failed step must not disturb the next test."""
    try:
        yield
    finally:
        for stream in list(Stream.capturing):
            stream.end_capture()
        _here.stream = None
