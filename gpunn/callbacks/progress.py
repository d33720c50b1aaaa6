"""The progress of one pass over the data, in the way that fits the place where it is shown.

A terminal and a notebook get one line that refreshes at most ten times a second; a file, a pipe or a CI log
gets one plain line when the pass is over. Metrics are read only for a line that is shown.
"""
import html
import math
import os
import shutil
import sys
import time
from dataclasses import dataclass, field

REFRESH = 0.1                                   # seconds between two drawings
WIDTH = 24
CLASSIC_WIDTH = 30
BAR, ASCII_BAR = "━╸─", "=>."                # body, edge, rest


@dataclass
class State:
    """What a line says. `eta` is None once the pass is over; `total` is None when nobody knows it."""
    title: str
    done: int
    total: int | None
    seconds: float
    eta: float | None
    logs: dict = field(default_factory=dict)


class ProgressBar:
    """`bar.update(steps_done)` after each step, `bar.close(logs)` at the end; `read()` gives current metrics.

    verbose: 0 silent, 1 or "auto" what fits the place, 2 one line at the end. style: "modern", or "classic"
    for the line of old Keras, which counts samples when it is told `samples` and `batch_size`.
    """

    def __init__(self, total_steps=None, epoch=0, epochs=1, verbose="auto", stream=None, read=dict, *,
                 style="modern", samples=None, batch_size=1):
        if style not in LINES:
            raise ValueError(f"ProgressBar: style must be {' or '.join(map(repr, LINES))}, got {style!r}")
        self.total, self.read = total_steps, read
        self.title = f"Epoch {epoch + 1}/{epochs}" if epochs > 1 else ""
        self.samples, self.batch_size, self.line = samples, batch_size, LINES[style]
        self.place = place_of(verbose, sys.stdout if stream is None else stream)
        self.began, self.done, self.first_step_seconds = time.perf_counter(), 0, None
        self.next_drawing = -math.inf
        self._draw(dict)

    def update(self, steps_done: int) -> None:
        now, self.done = time.perf_counter(), steps_done
        if self.first_step_seconds is None:
            self.first_step_seconds, self.first_steps = now - self.began, steps_done
        if self.place.refreshes and now >= self.next_drawing:
            self._draw(self.read)

    def close(self, logs: dict | None = None) -> None:
        """The last line: the time of all steps and the final metrics."""
        state = self._state(self.read() if logs is None else logs)
        state.eta = None
        self.place.finish(lambda glyphs: self.line(state, glyphs))

    def _draw(self, read) -> None:
        if self.place.refreshes:
            state = self._state(read())
            self.place.refresh(lambda glyphs: self.line(state, glyphs))
            self.next_drawing = time.perf_counter() + REFRESH

    def _state(self, logs) -> State:
        seconds, done, total = time.perf_counter() - self.began, self.done, self.total
        eta = self._rate(seconds) * (total - done) if total else 0.0
        if self.samples:
            done, total = min(done * self.batch_size, self.samples), self.samples
        return State(self.title, done, total, seconds, eta, logs)

    def _rate(self, seconds: float) -> float:
        """Seconds a step, without the first: it also compiled the kernels."""
        steps = self.done - self.first_steps if self.done else 0
        return (seconds - self.first_step_seconds) / steps if steps else 0.0


# --- what a line says

def modern_line(state: State, glyphs: str) -> str:
    """`Epoch 1/5  ======>.....  231/469  1.2s  ETA 1.3s  loss: 0.3121`, at the end without bar and ETA"""
    over, total = state.eta is None, state.total
    parts = [state.title] if state.title else []
    if not over and total:
        parts.append(bar_of(state.done, total, WIDTH, glyphs))
    parts += [f"{state.done}/{total or (state.done if over else '?')}", duration(state.seconds)]
    if not over and total:
        parts.append(f"ETA {duration(state.eta)}")
    return "  ".join(parts + metrics_of(state))


def classic_line(state: State, glyphs: str) -> str:
    """`51328/60000 [=====>.....] - ETA: 1s - loss: 0.1035 - acc: 0.9692`"""
    total = state.total or state.done
    count = f"{state.done:{len(str(total))}d}/{total} [{bar_of(state.done, total, CLASSIC_WIDTH, ASCII_BAR)}]"
    when = f"ETA: {state.eta:.0f}s" if state.eta is not None else f"{state.seconds:.0f}s"
    head = f"{state.title}\n" if state.title else ""
    return head + " - ".join([count, when, *metrics_of(state)])


def bar_of(done: int, total: int, width: int, glyphs: str) -> str:
    """The part that is done, its edge, the rest."""
    full, (body, edge, rest) = width * done // total if total else width, glyphs
    edge = edge if 0 < full < width else ""
    return body * (full - len(edge)) + edge + rest * (width - full)


def metrics_of(state: State) -> list[str]:
    return [f"{name}: {number(value)}" for name, value in state.logs.items()]


LINES = {"modern": modern_line, "classic": classic_line}


def number(value) -> str:
    value = float(value)
    return f"{value:.4f}" if value == 0 or abs(value) > 1e-3 or value != value else f"{value:.4e}"


def duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f}s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{seconds:02d}s"


# --- where it is shown

def place_of(verbose, stream):
    if verbose not in ("auto", 0, 1, 2):
        raise ValueError(f"verbose must be 'auto', 0, 1 or 2, got {verbose!r}")
    if not verbose or stream is None:           # pythonw has no stdout
        return Silent()
    if verbose == 2 or os.environ.get("CI"):
        return Plain(stream)
    if stream is sys.stdout and (shell := notebook_shell()):
        return Notebook(shell)
    return Terminal(stream) if stream.isatty() else Plain(stream)


def notebook_shell():
    """The running Jupyter shell, or None; IPython is asked only where it already runs."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell if shell is not None and hasattr(shell, "kernel") else None


class Silent:
    refreshes = False

    def finish(self, line) -> None:
        """Nothing is shown."""


class Plain:
    """One line of ASCII for each pass."""
    refreshes = False

    def __init__(self, stream):
        self.stream = stream

    def finish(self, line) -> None:
        text = line(ASCII_BAR).encode("ascii", "backslashreplace").decode()
        self.stream.write(text + "\n")
        self.stream.flush()


class Terminal:
    """One line that is written over itself; lines above the last one are written once."""
    refreshes = True

    def __init__(self, stream):
        self.stream, self.above, self.length = stream, "", 0
        self.encoding = getattr(stream, "encoding", None) or "ascii"
        self.glyphs = BAR if encodable(BAR, self.encoding) else ASCII_BAR

    def refresh(self, line) -> None:
        self._write(line, shutil.get_terminal_size().columns - 1, "")

    def finish(self, line) -> None:
        self._write(line, None, "\n")

    def _write(self, line, columns, end) -> None:
        above, _, text = line(self.glyphs).rpartition("\n")
        if above != self.above:
            self.stream.write(above + "\n")
            self.above = above
        text = text.encode(self.encoding, "backslashreplace").decode(self.encoding)[:columns]
        self.stream.write("\r" + text + " " * (self.length - len(text)) + end)
        self.length = len(text)
        self.stream.flush()


class Notebook:
    """One output that is replaced in its cell."""
    refreshes = True

    def __init__(self, shell):
        self.handle, self.display = None, sys.modules["IPython"].display

    def refresh(self, line) -> None:
        content = self.display.HTML(f"<pre style='margin:0'>{html.escape(line(BAR))}</pre>")
        if self.handle is None:
            self.handle = self.display.display(content, display_id=True)
        else:
            self.handle.update(content)

    finish = refresh


def encodable(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
