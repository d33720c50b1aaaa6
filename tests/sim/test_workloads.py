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
from gpunn import backend, layers, optimizers
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


def small(eager=False, policy="float32", kind="Adam", **options):
    """Two dense layers, five steps"""
    gpunn.set_seed(7)
    x, y = np.random.default_rng(0).normal(size=(40, 6)).astype("f"), np.arange(40) % 3
    model = gpunn.Sequential([layers.Input((6,), dtype="float32"), layers.Dense(5, "relu", dtype=policy),
                              layers.Dense(3, dtype=policy)])
    optimizer = getattr(optimizers, kind)(0.01, **options)
    model.compile(optimizers.LossScaleOptimizer(optimizer, 2.0**10, 3) if policy == "mixed_float16" else optimizer,
                  gpunn.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=eager)
    losses = model.fit(x, y, batch_size=8, verbose=0).history["loss"]
    return losses, [w.numpy() for w in [*model.weights, *model.optimizer.variables]]


AVERAGE, NORM, SCALE = {"use_ema": True}, {"global_clipnorm": 0.1}, {"loss_scale_factor": 8.0}
SOME = {"gradient_accumulation_steps": 2}
# launches more than those of the bare optimizer; of a float16 policy also three casts and the scale of the loss
PARTS = [({"clipvalue": 0.01}, {}), (AVERAGE, {}), (AVERAGE | {"ema_overwrite_frequency": 2}, {}),
         (NORM, {"measure": 1}), (SCALE, {"binary": 1}), ({"clipnorm": 0.1}, {"measure": 4, "optimize": 4}),
         (SCALE | NORM | AVERAGE | {"weight_decay": 0.1}, {"binary": 1, "measure": 1}),
         ({"kind": "Adam", "amsgrad": True, **AVERAGE}, {}), (SOME | AVERAGE, {"optimize": 1}),
         ({"policy": "mixed_float16"}, {"copy": 3, "binary": 1, "measure": 1}),
         ({"policy": "mixed_float16", **NORM, **AVERAGE}, {"copy": 3, "binary": 1, "measure": 1}),
         ({"policy": "mixed_float16", **SOME}, {"copy": 3, "binary": 1, "measure": 1})]


@pytest.mark.parametrize("options, more", PARTS, ids=["-".join(map(str, options.values())) for options, _ in PARTS])
def test_what_surrounds_a_step_is_part_of_its_launch(graphs, options, more):
    small()
    losses, state = small(**options)
    found = Counter(graphs[-1].names)
    found.subtract(graphs[0].names)
    assert {name: count for name, count in found.items() if count} == more
    same, eagerly = small(True, **options)
    assert losses == same and np.isfinite(losses).all()
    for a, b in zip(state, eagerly, strict=True):
        np.testing.assert_array_equal(a, b)


def test_gradients_are_measured_wherever_they_begin(graphs):
    g, hyper = np.random.default_rng(0).normal(size=4099).astype("f"), np.array([0, 0, 0, 1, 1, 1, 1, 0, 0], "f")
    there, known = backend.asarray(g), backend.asarray(hyper)
    for start in range(4):
        backend.kernels_of(there).measure(there[start:], known, 0.5)
        want = 0.5 / np.sqrt(np.sum(g[start:].astype("d")**2))
        np.testing.assert_allclose(backend.to_numpy(known)[5], want, rtol=1e-6)
