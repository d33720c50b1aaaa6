"""The progress bar: what each place gets, how often, and what the lines say."""
import io
import os
import pty
import re
import subprocess
import sys
import time
import types

import numpy as np
import pytest
from tqdm import notebook, std

import gpunn
from gpunn.callbacks import progress
from gpunn.callbacks.progress import ProgressBar


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress.time, "perf_counter", clock)
    return clock


@pytest.fixture(autouse=True)
def no_ci(monkeypatch):
    monkeypatch.delenv("CI", raising=False)


class Screen(io.StringIO):
    """A terminal of some encoding that remembers what it was told."""

    def __init__(self, encoding="utf-8"):
        super().__init__()
        self._encoding = encoding

    encoding = property(lambda self: self._encoding)

    def isatty(self):
        return True

    def write(self, text):
        text.encode(self._encoding)             # raises what a real one would raise
        return super().write(text)

    def lines(self):
        """Each line in all its states that show something."""
        lines = [line.split("\r") for line in self.getvalue().split("\n")]
        return [[state.rstrip() for state in line if state.strip()] for line in lines]


@pytest.fixture
def columns(monkeypatch):
    def set_columns(number):
        monkeypatch.setenv("COLUMNS", str(number))
        monkeypatch.setenv("LINES", "20")
    set_columns(120)
    return set_columns


def one_pass(clock, steps=469, seconds=2.1, **options):
    bar = ProgressBar(steps, **options)
    for step in range(1, steps + 1):
        clock.now += seconds / steps
        bar.update(step)
    bar.close({"loss": 0.25244, "accuracy": 0.92731, "val_loss": 0.00012})


def test_a_file_gets_one_ascii_line(clock):
    out = io.StringIO()
    one_pass(clock, epoch=0, epochs=5, stream=out)
    assert out.getvalue() == ("Epoch 1/5  469/469  2.1s  loss: 0.2524  accuracy: 0.9273"
                              "  val_loss: 1.2000e-04\n")


def test_one_pass_has_no_epoch_in_front(clock):
    out = io.StringIO()
    one_pass(clock, stream=out)
    assert out.getvalue().startswith("469/469  2.1s  loss: ")


@pytest.mark.parametrize("verbose, lines", [(0, 0), (1, 1), (2, 1), ("auto", 1)])
def test_verbose_in_a_file(clock, verbose, lines):
    out = io.StringIO()
    one_pass(clock, stream=out, verbose=verbose)
    assert out.getvalue().count("\n") == lines


def test_verbose_2_and_ci_give_a_terminal_one_line_too(clock, monkeypatch):
    for verbose, ci in ((2, ""), (1, "true")):
        screen = Screen()
        monkeypatch.setenv("CI", ci)
        one_pass(clock, stream=screen, verbose=verbose)
        assert screen.getvalue().count("\n") == 1 and "\r" not in screen.getvalue()


def test_a_terminal_refreshes_one_line_ten_times_a_second_at_most(clock, columns):
    screen, reads = Screen(), []
    one_pass(clock, 1000, 5.0, stream=screen, read=lambda: reads.append(1) or {"loss": 1})
    (states, rest) = screen.lines()
    assert rest == [] and 45 <= len(reads) <= 51 and len(states) <= 53
    assert states[-1] == "1000/1000  5.0s  loss: 0.2524  accuracy: 0.9273  val_loss: 1.2000e-04"
    assert "█" in states[25] and "ETA 2." in states[25]


def test_the_last_line_stands_where_the_refreshed_one_was_wiped(clock):
    screen = Screen()
    one_pass(clock, stream=screen)
    *_, drawn, wiped, last = screen.getvalue().removesuffix("\n").split("\r")
    assert not wiped.strip() and len(wiped) >= len(drawn) and last.startswith("469/469")


@pytest.mark.parametrize("steps", [469, None])
def test_a_line_never_wraps_while_it_refreshes(clock, columns, steps):
    columns(40)
    screen = Screen()
    bar = ProgressBar(steps, 0, 2, stream=screen, read=lambda: {"a_metric_with_a_long_name": 1})
    clock.now += 1
    bar.update(1)
    bar.close({"a_metric_with_a_long_name": 1, "val_loss": 1})
    *states, last = screen.lines()[0]
    assert max(map(len, states)) == 39 and last.endswith("val_loss: 1.0000")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_any_encoding_is_safe(clock, encoding):
    screen = Screen(encoding)
    bar = ProgressBar(3, stream=screen, read=lambda: {"größe_λ": 1})
    clock.now += 1
    bar.update(1)
    bar.close({"größe_λ": 1})
    assert ("█" in screen.getvalue(), "#" in screen.getvalue()) == (encoding == "utf-8", encoding != "utf-8")
    assert {"ascii": r"gr\xf6\xdfe_\u03bb", "cp1252": r"größe_\u03bb"}.get(encoding, "größe_λ") in screen.lines()[0][-1]


def test_a_plain_line_is_ascii_whatever_a_metric_is_called(clock):
    out = io.StringIO()
    ProgressBar(1, stream=out).close({"größe": 1})
    assert out.getvalue().isascii()


def test_the_first_step_is_not_part_of_the_estimate(clock):
    screen = Screen()
    bar = ProgressBar(11, stream=screen)
    clock.now += 60                             # compiles
    bar.update(1)
    for step in range(2, 7):
        clock.now += 1
        bar.update(step)
    assert bar.first_step_seconds == pytest.approx(60)
    bar.close({})
    assert "ETA 5.0s" in screen.lines()[0][-2]


def test_metrics_are_not_read_where_nobody_sees_them(clock):
    def read():
        raise AssertionError("a read waits for the device")
    for verbose, stream in ((0, Screen()), (1, io.StringIO()), (2, Screen())):
        bar = ProgressBar(100, verbose=verbose, stream=stream, read=read)
        for step in range(1, 101):
            clock.now += 1
            bar.update(step)
        bar.close({})


def test_an_unknown_length(clock):
    screen = Screen()
    bar = ProgressBar(None, stream=screen)
    clock.now += 1
    bar.update(7)
    bar.close({})
    assert screen.lines()[0] == ["0/?  0.0s", "7/?  1.0s", "7/7  1.0s"]


@pytest.mark.parametrize("step, seconds, logs, line", [
    (401, 8.0, {"loss": 0.1035, "acc": 0.9692},
     "51328/60000 [=========================>....] - ETA: 1s - loss: 0.1035 - acc: 0.9692"),
    (1, 0.2, {}, "  128/60000 [..............................] - ETA: 0s"),
])
def test_the_classic_line_while_it_runs(clock, columns, step, seconds, logs, line):
    screen = Screen()
    bar = ProgressBar(469, 1, 5, 1, screen, lambda: logs, style="classic", samples=60000, batch_size=128)
    for done in range(1, step + 1):
        clock.now += seconds / step
        bar.next_drawing = clock.now
        bar.update(done)
    bar.close({})
    head, states, _ = screen.lines()
    assert head == ["Epoch 2/5"] and states[-2] == line


def test_the_modern_line_counts_steps(clock):
    out = io.StringIO()
    one_pass(clock, 4, stream=out, samples=100, batch_size=32)
    assert out.getvalue().startswith("4/4  ")


def test_the_classic_line_at_the_end(clock):
    out = io.StringIO()
    bar = ProgressBar(469, 0, 5, stream=out, style="classic", samples=60000, batch_size=128)
    clock.now += 9.2
    bar.update(469)
    bar.close({"loss": 0.2524, "acc": 0.9273})
    assert out.getvalue() == ("Epoch 1/5\n60000/60000 [==============================] - 9s"
                              " - loss: 0.2524 - acc: 0.9273\n")


@pytest.mark.parametrize("seconds, text", [(0.04, "0.0s"), (99, "99.0s"), (100.2, "1m40s"), (3725, "1h02m")])
def test_durations(seconds, text):
    assert progress.duration(seconds) == text


@pytest.mark.parametrize("value, text", [(0, "0.0000"), (1e-5, "1.0000e-05"), (-3, "-3.0000"),
                                         (float("nan"), "nan"), (float("-inf"), "-inf")])
def test_numbers(value, text):
    assert progress.number(value) == text


def test_a_notebook_gets_a_widget_that_goes_and_a_line_that_stays(clock, monkeypatch, capsys):
    """Widgets are recorded here: real ones need a browser."""
    states = []

    class Widget(std.tqdm):
        def __init__(self, **options):
            super().__init__(**options, gui=True)

        def refresh(self):
            states.append(self.format_meter(**self.format_dict | {"ascii": True, "ncols": 80}))
    ipython = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setattr(notebook, "IProgress", object())
    monkeypatch.setattr(notebook, "tqdm", Widget)
    one_pass(clock, seconds=1.0, read=lambda: {"acc": 1})
    assert 9 <= len(states) <= 11 and "#####" in states[-1] and states[-1].endswith("acc: 1.0000")
    assert capsys.readouterr().out.startswith("469/469  1.0s  loss: 0.2524")


def test_a_notebook_without_widgets_gets_a_line_of_text(monkeypatch):
    ipython = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setattr(notebook, "IProgress", None)
    assert progress.tqdm_for(sys.stdout, progress.STYLES["modern"]).func is std.tqdm


@pytest.mark.parametrize("options, match", [({"verbose": 3}, "verbose must be 'auto', 0, 1 or 2, got 3"),
                                            ({"style": "rich"}, "'modern' or 'classic', got 'rich'")])
def test_unknown_options(options, match):
    with pytest.raises(ValueError, match=match):
        ProgressBar(3, **options)


def test_fit_in_the_classic_style(capsys):
    model = gpunn.Sequential([gpunn.layers.Dense(1)])
    model.compile("sgd", "mse")
    bar = gpunn.callbacks.ProgbarLogger(style="classic")
    model.fit(np.ones((100, 3), "float32"), np.ones((100, 1), "float32"), batch_size=32, epochs=2, callbacks=[bar])
    form = r"Epoch 1/2\n100/100 \[={30}\] - \d+s - loss: \d.*\nEpoch 2/2\n100/100 \[={30}\] - 0s - loss: \d.*\n"
    assert re.fullmatch(form, capsys.readouterr().out)


PROGRAM = """
import time
from gpunn.callbacks.progress import ProgressBar
for epoch in range(2):
    bar = ProgressBar(40, epoch, 2, read=lambda: {"loss": 0.5})
    for step in range(1, 41):
        time.sleep(0.01)
        bar.update(step)
    bar.close({"loss": 0.25})
"""


def test_on_a_real_terminal():
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | {"PYTHONUTF8": "1"}
    child = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=theirs, stdin=theirs, env=environment)
    os.close(theirs)
    output, limit = b"", time.monotonic() + 60
    while time.monotonic() < limit:
        try:
            chunk = os.read(ours, 4096)
        except OSError:                         # Linux says so when the other side is closed
            break
        if not chunk:
            break
        output += chunk
    os.close(ours)
    assert child.wait() == 0
    lines = output.decode().replace("\r\n", "\n").split("\n")
    assert len(lines) == 3 and not lines[2].strip()
    for epoch, line in enumerate(lines[:2]):
        states = line.split("\r")
        assert re.match(rf"Epoch {epoch + 1}/2  40/40  \d\.\ds  loss: 0\.2500", states[-1])
        assert 3 <= len(states) <= 14 and any("ETA" in state for state in states)
