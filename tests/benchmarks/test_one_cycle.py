"""The benchmark of 1cycle: what its result file says, and that its network learns."""
import json
from pathlib import Path

import numpy as np

from benchmarks import one_cycle
from gpunn.datasets import mnist_5k

RESULTS = sorted((Path(one_cycle.__file__).parent / "results").glob("one-cycle-*.json"))


def test_f6_100_epochs_of_one_cycle_are_as_good_as_800():
    rows = json.loads(RESULTS[-1].read_text())["results"]
    assert list(rows) == list(one_cycle.WAYS)
    assert all(np.isclose(row["accuracy"], np.mean(row["runs"])) and len(row["runs"]) == 3 for row in rows.values())
    plain, _, cycle = rows.values()
    assert cycle["accuracy"] > plain["accuracy"] - 0.005 and cycle["seconds a run"] < plain["seconds a run"] / 3


def test_f6_the_network_of_the_benchmark_learns():
    (x, y), test = mnist_5k.load_data()
    (epochs, rates, schedule) = one_cycle.WAYS["1cycle, 100 epochs"]
    assert epochs == 100 and schedule(rates[0]).steps == 100 * one_cycle.STEPS == 3200
    assert one_cycle.trained(0, 3, 0.1, (x, y), test) > 0.8
