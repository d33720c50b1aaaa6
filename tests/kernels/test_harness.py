"""The harness finds planted defects: wrong numbers, changed inputs, ignored `out`, unstable bits."""
import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from . import __main__ as program
from . import harness
from .devices import Cpu


def run(kernel, make, reference, schedules=1, **options):
    """Check one kernel, outside the table of cases."""
    harness.case("kernel", make, reference, **options)
    case = harness.CASES.pop()
    device = Cpu()
    device.kernels = SimpleNamespace(kernel=kernel)
    device.schedules = lambda: Cpu.schedules(device) * schedules
    for dtype in case.dtypes:
        harness.check(case, device, dtype)


def add(a, b, out=None):
    out = np.empty(a.shape, a.dtype) if out is None else out
    return np.add(a, b, out)


def two(r):
    return r.normal(size=(3, 4)), r.normal(size=(4, 3)).T


def total(a, b):
    return a + b


@pytest.mark.parametrize("make", [
    two, lambda r: (r.normal(size=(3, 8))[::-1, ::-2], np.broadcast_to(r.normal(size=4), (3, 4))),
    lambda r: (np.zeros((0, 3)), np.zeros((0, 3))), lambda r: (np.float64(3), np.array(4.0))])
def test_a_sound_kernel_passes(make):
    run(add, make, total)


def test_strides_travel():
    seen = []

    def kernel(a):
        seen.append((a.strides, a.dtype))
        return a.copy()
    run(kernel, lambda r: (r.normal(size=(3, 8))[::-1, ::2],), np.copy)
    assert seen == [((-32, 8), "float32"), ((-64, 16), "float64")]


def test_need_and_none():
    def kernel(x, need, out=None):
        out = out or (np.empty_like(x), None)
        np.multiply(x, 2, out[0])
        return out[0], None
    run(kernel, lambda r: (r.normal(size=3), (True, None)), lambda x, need: (2 * x, None))


def test_in_place():
    def kernel(p, g):
        p -= g
    run(kernel, two, lambda p, g: p - g, inplace=(0,))
    with pytest.raises(AssertionError, match="argument 0 was changed"):
        run(kernel, two, lambda p, g: ())


def test_a_wrong_number():
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        run(add, two, lambda a, b: (a + b) * 1.0001)


@pytest.mark.parametrize(("convert", "complaint"), [
    (lambda y: y.astype("float16"), "dtype float16, expected float32"),
    (lambda y: y[None], r"shape \(1, 3, 4\)"),
    (lambda y: (y, y), "2 results and in-place values, expected 1"), (lambda y: None, "0 results")])
def test_a_wrong_form(convert, complaint):
    with pytest.raises(AssertionError, match=complaint):
        run(lambda a, b: convert(a + b), two, total)


def test_an_ignored_out():
    with pytest.raises(AssertionError, match="another array was returned"):
        run(lambda a, b, out=None: a + b, two, total)


def test_an_output_that_is_not_wholly_written():
    def kernel(a, b, out=None):
        if out is None:
            return a + b
        out[1:] = a[1:] + b[1:]
        return out
    with pytest.raises(AssertionError, match="other bits"):
        run(kernel, two, total)


def test_a_write_into_the_gaps_of_a_strided_output():
    def kernel(out):
        np.lib.stride_tricks.as_strided(out, (4, 5), (out.strides[0], out.itemsize))[...] = 1
    with pytest.raises(AssertionError, match="argument 0 was changed"):
        run(kernel, lambda r: (np.zeros((4, 6))[:, ::2],), np.ones_like, inplace=(0,))


def test_bits_that_change_from_schedule_to_schedule():
    turn = itertools.count()
    with pytest.raises(AssertionError, match="another schedule"):
        run(lambda a, b: a + b + 1e-7 * next(turn), two, total, schedules=2, dtypes=("float32",))


def test_the_cases_as_a_program(monkeypatch):
    """Every second of three kernels' cases; the one that is wrong is counted and named."""
    references = {"right": lambda x: np.exp(x) / np.exp(x).sum(), "left out": None, "wrong": lambda x: x + 1}
    cases = [harness.Case(kernel, lambda r: (r.normal(size=5),), reference, {}, (), None, None, False, ("float32",),
                          name) for kernel, (name, reference) in zip(("softmax", "unary", "copy"), references.items())]
    monkeypatch.setattr(program, "CASES", cases)
    counts = program.run(SimpleNamespace(device="cpu", first=0, every=2, sample=1, seconds=60))
    assert counts["passed"] == counts["same bits as the shim"] + counts["near the shim"] == 1
    assert [line.partition(":")[0] for line in counts["failed"]] == ["wrong-float32"]
    assert program.dealt(0, 1, 2) == [(cases[0], "float32"), (cases[2], "float32")]
    assert program.run(SimpleNamespace(device="cpu", first=0, every=1, sample=1, seconds=-1))["no time"] == 3
