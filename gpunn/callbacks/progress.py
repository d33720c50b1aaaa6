"""The progress of one pass over the data, in the way that fits the place where it is shown.

In a terminal and a notebook tqdm refreshes a line, at most ten times a second, while the pass lasts; every place gets
one plain line when it is over. Metrics are read only for a line that is shown.
"""
import math
import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from .callback import Callback, numbers
from .messages import is_interactive_logging_enabled, say

REFRESH = 0.1                                   # seconds between two drawings


class ProgressBar:
    """`bar.update(steps_done)` after each step, `bar.close(logs)` at the end; `read()` gives current metrics.

    verbose: 0 silent, 1 or "auto" what fits the place, 2 one line at the end. style: "modern", or "classic"
    for the line of old Keras, which counts samples when it is told `samples` and `batch_size`.
    """

    def __init__(self, total_steps=None, epoch=0, epochs=1, verbose="auto", stream=None, read=dict, *,
                 style="modern", samples=None, batch_size=1, refresh=REFRESH):
        self.style = STYLES.get(style, style)
        if not isinstance(self.style, Style):
            raise ValueError(f"ProgressBar: style must be {' or '.join(map(repr, STYLES))}, got {style!r}")
        if verbose not in ("auto", 0, 1, 2):
            raise ValueError(f"verbose must be 'auto', 0, 1 or 2, got {verbose!r}")
        self.stream = sys.stdout if stream is None else stream
        self.silent = not verbose or self.stream is None                # pythonw has no stdout
        self.total, self.read, self.refresh = total_steps, read, refresh
        self.title = f"Epoch {epoch + 1}/{epochs}" if epochs > 1 else ""
        self.samples, self.batch_size = samples if self.style.classic else None, batch_size
        plain = self.silent or verbose == 2 or os.environ.get("CI") or not is_interactive_logging_enabled()
        self.tqdm = None if plain else tqdm_for(self.stream, self.style)
        self.began, self.done, self.first_step_seconds = time.perf_counter(), 0, None
        self._open()

    def _open(self) -> None:
        if self.style.classic and self.title and not self.silent:
            self._write(self.title)
        self.bar, self.next_drawing = None, math.inf
        if self.tqdm is not None:
            state = self._state({})
            bar = self.style.bar if state.total else ""
            self.bar = self.tqdm(total=state.total, file=self.stream, leave=False, ascii=self.style.glyphs,
                                 bar_format="{postfix[0]}" + bar + "{postfix[1]}", postfix=self._texts(state))
            self.next_drawing = time.perf_counter() + self.refresh

    def update(self, steps_done: int) -> None:
        now, self.done = time.perf_counter(), steps_done
        if self.first_step_seconds is None:
            self.first_step_seconds, self.first_steps = now - self.began, steps_done
        if now >= self.next_drawing:
            state = self._state(self.read())
            self.bar.n, self.bar.postfix = state.done, self._texts(state)
            self.bar.refresh()
            self.next_drawing = time.perf_counter() + self.refresh

    def close(self, logs: dict | None = None) -> None:
        """The last line: the time of all steps and the final metrics."""
        if self.bar is not None:
            self.bar.total = self.bar.n         # tqdm takes an early end for a failure
            self.bar.close()
        if not self.silent:
            state = self._state(self.read() if logs is None else logs)
            state.eta = None
            self._write(self.style.full_bar.join(self._texts(state)))

    def _state(self, logs) -> "State":
        seconds, done, total = time.perf_counter() - self.began, self.done, self.total
        eta = self._rate(seconds) * (total - done) if total else 0.0
        if self.samples:
            done, total = min(done * self.batch_size, self.samples), self.samples
        return State(self.title, done, total, seconds, eta, logs)

    def _rate(self, seconds: float) -> float:
        """Seconds a step, without the first: it also compiled the kernels."""
        steps = self.done - self.first_steps if self.done else 0
        return (seconds - self.first_step_seconds) / steps if steps else 0.0

    def _texts(self, state) -> list[str]:
        """What stands before and after the bar, in letters that the stream can show."""
        encoding = (getattr(self.stream, "encoding", None) if self.tqdm else None) or "ascii"
        return [text.encode(encoding, "backslashreplace").decode(encoding) for text in self.style.texts(state)]

    def _write(self, line: str) -> None:
        """A whole line; tqdm wipes its own, and other bars around this one, out of the way."""
        if not is_interactive_logging_enabled():
            say(line)
            return
        if self.tqdm is not None:
            from tqdm.std import tqdm
            tqdm.write(line, file=self.stream)
        else:
            self.stream.write(line + "\n")
        self.stream.flush()


def tqdm_for(stream, style):
    """What makes the line that refreshes there, or None where only whole lines belong."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    jupyter = stream is sys.stdout and hasattr(shell, "kernel")
    if not jupyter and not stream.isatty():
        return None
    if jupyter and not style.classic:
        from tqdm import notebook
        if notebook.IProgress is not None:      # ipywidgets are installed
            return notebook.tqdm
    from tqdm import std
    columns, lines = shutil.get_terminal_size()                         # tqdm shows nothing where it reads 0 x 0
    return partial(std.tqdm, ncols=columns - 1, nrows=lines)


class ProgbarLogger(Callback):
    """The progress of fit, evaluate and predict, in style "modern" or "classic"; metrics are read when it redraws."""
    reads_lazily = True

    def __init__(self, style: str = "modern"):
        super().__init__()
        self.style, self.bar, self.logs = style, None, None

    def _open(self, epoch: int, epochs: int):
        self.logs = None
        get = self.params.get
        self.bar = ProgressBar(get("steps"), epoch, epochs, get("verbose", "auto"), read=lambda: numbers(self.logs),
                               style=self.style, samples=get("samples"), batch_size=get("batch_size"))

    def _step(self, batch, logs):
        self.logs = logs
        self.bar.update(batch + 1)

    def on_epoch_begin(self, epoch, logs=None):
        self._open(epoch, self.params.get("epochs", 1))

    def on_train_batch_end(self, batch, logs=None):
        self._step(batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self.bar.close(logs)

    def on_test_begin(self, logs=None):
        self._open(0, 1)

    def on_test_end(self, logs=None):
        self.bar.close(logs)

    def on_predict_batch_end(self, batch, logs=None):
        self._step(batch, None)

    def on_predict_end(self, logs=None):
        self.bar.close({})

    on_predict_begin, on_test_batch_end = on_test_begin, on_train_batch_end


# --- what a line says

@dataclass
class State:
    """`eta` is None once the pass is over and 0 when nobody knows it; an unknown `total` is None."""
    title: str
    done: int
    total: int | None
    seconds: float
    eta: float | None
    logs: dict = field(default_factory=dict)

    @property
    def metrics(self) -> list[str]:
        return [f"{name}: {number(value)}" for name, value in self.logs.items()]


def modern_texts(state: State) -> tuple[str, str]:
    """`Epoch 1/5  `, the bar, `  231/469  1.2s  ETA 1.3s  loss: 0.3121`"""
    count = f"{state.done}/{state.total or (state.done if state.eta is None else '?')}"
    when = [duration(state.seconds), *([f"ETA {duration(state.eta)}"] if state.eta else [])]
    return state.title and state.title + "  ", "  ".join([count, *when, *state.metrics])


def classic_texts(state: State) -> tuple[str, str]:
    """`51328/60000 [`, the bar, `] - ETA: 1s - loss: 0.1035 - acc: 0.9692`"""
    total = state.total or state.done
    when = f"ETA: {state.eta:.0f}s" if state.eta is not None else f"{state.seconds:.0f}s"
    return f"{state.done:{len(str(total))}d}/{total} [", " - ".join(["]", when, *state.metrics])


@dataclass(frozen=True)
class Style:
    """`bar` and `glyphs` (rest, edge, body) are tqdm's; `full_bar` stands in the last line.

    A classic line counts samples, and its title stands above it."""
    texts: object
    bar: str
    glyphs: str | None
    full_bar: str
    classic: bool


STYLES = {"modern": Style(modern_texts, "{bar}  ", None, "", False),
          "classic": Style(classic_texts, "{bar:30}", "." + ">" * 9 + "=", "=" * 30, True)}


def number(value) -> str:
    value = float(np.mean(value))               # a metric may have a number for each class
    return f"{value:.4f}" if value == 0 or abs(value) > 1e-3 or value != value else f"{value:.4e}"


def duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f}s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{seconds:02d}s"
