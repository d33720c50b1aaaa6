"""The benchmark harness: who is timed when, and that its figures are those of the clock."""
import json

import pytest

from benchmarks import harness


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(harness.time, "perf_counter", lambda: now[0])

    def spend(seconds):
        now[0] += seconds
    return spend


def test_contenders_take_turns_and_the_order_is_reversed(clock):
    calls = []
    harness.paired({name: lambda name=name: (calls.append(name), clock(1)) for name in "abc"}, rounds=3)
    assert "".join(calls[6:]) == "abc" + "cba" + "abc"       # two calls each to compile and to count


def test_short_steps_are_repeated_until_a_sample_is_long_enough(clock):
    assert harness.calls_needed(lambda: clock(0.001)) == 20
    assert harness.calls_needed(lambda: clock(5)) == 1


def test_a_step_is_timed_without_its_compilation(clock):
    first = [True]

    def step():
        clock(100 if first.pop() else 2) if first else clock(2)
    assert harness.paired({"a": step}, rounds=4) == {"a": [2, 2, 2, 2]}


def test_the_speed_is_paired_by_rounds():
    """The machine is three times slower in the last rounds, for both alike."""
    rows = harness.summary({"a": [4, 4, 12, 12, 12], "b": [2, 2, 6, 6, 6]})
    assert rows["a"]["speed"] == 1 and rows["b"] == {"min": 2, "median": 6, "speed": 2}


def test_table_and_record(tmp_path):
    rows = harness.summary({"gpunn": [0.001], "other": [0.002]})
    text = harness.table("dense", rows)
    assert "min     1.000 ms" in text and "speed x0.50" in text
    harness.save(tmp_path / "a.json", {"dense": rows})
    record = json.loads((tmp_path / "a.json").read_text())
    assert record["results"]["dense"]["other"]["median"] == 0.002 and record["machine"]["processor"]
