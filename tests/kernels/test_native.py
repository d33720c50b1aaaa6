"""Recorded calls as machine code do, bit for bit, what they do from Python; what cannot be code stays Python's."""
import numpy as np
import pytest

from gpunn.kernels import cpu
from gpunn.kernels.cpu import native
from gpunn.kernels.cpu.launch import recording

R = np.random.default_rng(0)
X, Y = (R.normal(size=(6, 5)).astype("float32") for _ in range(2))
N = np.arange(7, dtype=np.int32)
LABELS = np.array([0, 4, 2, 9, 1, 3], np.int32)
BUFFER = np.arange(12, dtype="float32")

STEPS = {
    "kernels": lambda: (cpu.softmax(X), *cpu.softmax_cross_entropy(X, LABELS), cpu.matmul(X, Y, transpose_b=True)),
    "numpy": lambda: tuple(cpu.binary(name, X, Y) for name in ("add", "divide", "less", "maximum")),
    "numbers": lambda: (cpu.binary("multiply", X, 2.5), cpu.binary("subtract", 1.0, X), cpu.binary("add", N, 3)),
    "unary": lambda: tuple(cpu.unary(name, X) for name in ("square", "log", "sqrt", "isnan", "tanh")),
    "one line": lambda: cpu.binary("add", X[:, 0], Y[0, 0]),
    "a column": lambda: cpu.copy(X[:, 1]),
    "casts": lambda: (cpu.copy(N, dtype="float32"), cpu.copy(X > 0, dtype="float32"), cpu.copy(X, dtype="int32")),
    "fills": lambda: (cpu.fill(7, np.empty(5, "int32")), cpu.fill(-0.5, np.empty((2, 3), "float64"))),
    "broadcast": lambda: (cpu.binary("add", X, Y[0]), cpu.copy(X[0], out=np.empty((4, 5), "float32"))),
    "turned": lambda: cpu.copy(X.T),
    "empty": lambda: (cpu.binary("add", X[:0], 1.0), cpu.fill(1, np.empty((0, 3), "float32"))),
    "whole and broken": lambda: cpu.binary("multiply", N, 0.5),
    "reductions": lambda: (cpu.reduce("max", X, 0), cpu.reduce("sum", X, 1), cpu.reduce("sum", N)),
}


def flat(result) -> list:
    return [a for part in result for a in flat(part)] if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("name", STEPS)
def test_code_is_what_python_does(name):
    calls = []
    with recording(lambda f, args: calls.append((f, args))), np.errstate(all="ignore"):
        results = flat(STEPS[name]())
    expected = [a.copy() for a in results]
    for a in results:
        a[...] = 77
    native.joined_parts(calls)()
    for ours, theirs in zip(results, expected, strict=True):
        assert ours.tobytes() == theirs.tobytes()


def test_an_output_on_its_input_is_left_to_numpy():
    assert native.native(native.assign, (BUFFER[:-1], BUFFER[1:])) is None
    assert native.native(np.add, (BUFFER[:-1], 1, BUFFER[1:])) is None
    assert native.native(np.add, (BUFFER, 1, BUFFER)) is not None


def test_a_replay_turns_into_code_after_a_while(monkeypatch):
    monkeypatch.setattr(native, "PATIENCE", 3)
    x = np.zeros(1, np.int32)
    replay = native.Replay([(np.add, (x, 1, x))])
    runs = []
    for _ in range(6):
        runs.append(replay.run)
        replay()
    assert x[0] == 6 and runs[3] == replay.first and runs[4] != replay.first


def test_what_a_kernel_refuses_is_reported():
    refusing = native.ctypes.CFUNCTYPE(native.ctypes.c_int)(lambda: -1)
    address = native.ctypes.cast(refusing, native.ctypes.c_void_p).value
    with pytest.raises(RuntimeError, match="a recorded step failed"):
        native.machine_code([native.Call(address, [], [], refusing, "i32")])()
