"""Whole trainings on the CUDA sources: captured, equal to the eager ones bit for bit, in so many launches a step, which
move as many bytes as paper says.
"""
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

import gpunn
from benchmarks.contenders.keras_api import compiled
from benchmarks.workloads import SIX, data, resnet, transformer
from gpunn import backend
from gpunn.backend.cuda import Graph
from tests import sim
from tests.sim.capture import all_released

from .paper import Paper

WORKLOADS = {
    "tiny": SIX["tiny"],
    "mlp": replace(SIX["mlp"], batch=8),
    "cnn": replace(SIX["cnn"], batch=4),
    "resnet8": replace(SIX["resnet8"], batch=2, shape=(16, 16, 3)),
    "lstm": replace(SIX["lstm"], batch=4, shape=(5, 8)),
    "gpt": replace(SIX["gpt"], batch=2, shape=(8,)),
    "resnet50": resnet(1, 32, (1, 1, 1, 1)),
    "transformer": transformer(2, 6, 50, 32, 4, 3),
}
# launches a step; of the recurrent network, per 5 steps of time
NODES = {"tiny": 0, "mlp": 0, "cnn": 0, "resnet8": 0, "lstm": 0, "gpt": 0, "resnet50": 0, "transformer": 0}
STEPS = 5


@pytest.fixture
def graphs(monkeypatch):
    """Those that are captured; a step that is not captured is an error."""
    sim.install()
    monkeypatch.setattr(backend, "_current", None)
    capture, found = Graph.capture, []

    def watched(self, step):
        result = capture(self, step)
        found.append(self.graph)
        return result
    monkeypatch.setattr(Graph, "capture", watched)
    with all_released():
        backend.use("sim")
        yield found


def trained(work, eager: bool):
    gpunn.set_seed(7)
    model = compiled(gpunn, work)
    model.run_eagerly = eager
    x, y = data(work, STEPS)
    history = model.fit(x, y, batch_size=work.batch, epochs=1, verbose=0).history
    return [w.numpy() for w in model.weights], history


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_training_is_captured_and_equals_the_eager_one(graphs, name, capfd):
    work = WORKLOADS[name]
    weights, history = trained(work, False)
    assert len(graphs) == 1 and "eagerly" not in capfd.readouterr().err
    graph, = graphs
    launches = Counter(graph.names)
    assert len(graph.names) == NODES[name], launches
    moved = Counter()
    for kernel, numbers in zip(graph.names, graph.moved, strict=True):
        moved[kernel] += numbers / 4
    assert sum(moved.values()) == pytest.approx(Paper(work).moved, rel=0.05), moved
    eagerly, same = trained(work, True)
    assert history == same and np.isfinite(history["loss"]).all() and len(graphs) == 1
    for a, b in zip(weights, eagerly, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_goals():
    """Of a network of three layers: the batch, forward, loss and gradient, backward, optimizer, counters."""
    assert NODES["mlp"] <= 19 and NODES["cnn"] <= 24
