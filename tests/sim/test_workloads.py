"""Whole trainings on the CUDA sources: captured, equal to the eager ones bit for bit, in so many launches a step, which
move as many bytes as paper says.
"""
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

import gpunn
from benchmarks import workloads
from benchmarks.contenders.keras_api import compiled
from benchmarks.workloads import MEAN, POOL, RELU, SIX, Workload, bottleneck, conv, data, dense, layer, transformer
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
    "resnet50": Workload(2, (16, 16, 3), (conv(8, 7, 2, "same", "linear"), layer("norm"), RELU, POOL,
                                          *bottleneck(8, 1, True), *bottleneck(16, 2, True), MEAN, dense(10))),
    "transformer": transformer(2, 6, 50, 32, 4, 3),
}
WORKLOADS = workloads.also_bf16(WORKLOADS)
# Launches a step, on our own kernels. An MLP of L layers: 3 L - 1 products, the batch, the loss and its gradient, the
# optimizer, the bookkeeping. A recurrent layer is one forward and two backward, attention one and two.
# In bf16 one more casts the input, and two the output of `tiny`, whose loss is computed in float32, and its gradient.
NODES = {"tiny": 20, "mlp": 12, "cnn": 22, "resnet8": 111, "lstm": 18, "gpt": 87, "resnet50": 109, "transformer": 124}
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
    plain, _, few = name.partition(", ")
    casts = bool(few) * ((work.tokens is None) + 2 * (work.classes is None))
    assert len(graph.names) == NODES[plain] + casts, launches
    moved = Counter()
    for kernel, numbers in zip(graph.names, graph.moved, strict=True):
        moved[kernel] += numbers / 4
    assert sum(moved.values()) == pytest.approx(Paper(work).moved, rel=0.05), moved
    eagerly, same = trained(work, True)
    assert history == same and np.isfinite(history["loss"]).all() and len(graphs) == 1
    for a, b in zip(weights, eagerly, strict=True):
        np.testing.assert_array_equal(a, b)

