"""A first run says that it compiles; a second one has nothing to say."""
import os
import subprocess
import sys
import types

import pytest

from gpunn.kernels.cpu import notice

PROGRAM = """
import numpy as np
from gpunn.kernels import cpu
x, labels = np.ones((8, 3), np.float32), np.zeros(8, np.int32)
cpu.pick(x, labels), cpu.softmax(x)
"""


def heard(tmp_path) -> list[str]:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True,
                         env=os.environ | {"GPUNN_CACHE_DIR": str(tmp_path)})
    assert run.returncode == 0, run.stderr
    return run.stderr.splitlines()


def test_a_first_run_speaks_once_and_a_second_is_silent(tmp_path):
    assert heard(tmp_path) == ["gpunn: compiling CPU kernels (first run only) ..."]
    assert heard(tmp_path) == []


def compiled(listener, clock, seconds, module=notice.__package__ + ".matmul", inner=()):
    dispatcher = types.SimpleNamespace(py_func=types.SimpleNamespace(__module__=module))
    event = types.SimpleNamespace(data={"dispatcher": dispatcher})
    listener.on_start(event)
    for part in inner:
        compiled(listener, clock, part)
    clock.now += seconds
    listener.on_end(event)


@pytest.mark.parametrize("steps, lines", [
    ([{"seconds": 0.1}] * 4, 0),                                        # little in all
    ([{"seconds": 0.2}] * 9, 1),                                        # much in all
    ([{"seconds": 9.0}], 0),                                            # over before anybody could speak
    ([{"seconds": 0.1, "inner": [0.4, 0.4, 0.1]}], 1),                       # while one compiles others
    ([{"seconds": 9.0, "module": "theirs"}] * 3 + [{"seconds": 0.1}] * 3, 0),       # somebody else's functions
])
def test_when_it_speaks(monkeypatch, capsys, steps, lines):
    clock = types.SimpleNamespace(now=7.0)
    monkeypatch.setattr(notice.time, "perf_counter", lambda: clock.now)
    listener = notice.Notice()
    for step in steps:
        compiled(listener, clock, **step)
    assert capsys.readouterr().err.count("gpunn: compiling CPU kernels") == lines


def test_without_a_stderr_it_is_silent(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    notice.say("nobody hears")
