"""gpunn on the CUDA sources without a GPU: a program, and a whole `fit`: eager, captured, and on the CPU."""
import gc

import numpy as np
import pytest

import gpunn
from gpunn import backend, config, layers, models
from gpunn.backend.program import WARMUP, Program
from tests import sim
from tests.sim.capture import all_released


@pytest.fixture
def chosen(monkeypatch):
    """chosen(name): new arrays are born there, until the test ends."""
    sim.install()
    monkeypatch.setattr(backend, "_current", None)
    before = config.matmul_precision()
    config.set_matmul_precision("highest")
    with all_released():
        yield backend.use
    config.set_matmul_precision(before)


def test_the_device_has_a_name(chosen, capsys):
    assert chosen("sim") == backend.device() == "sim"
    assert "gpunn: sim (CUDA sources on the CPU" in capsys.readouterr().err
    x = backend.asarray([1.0, 2.0])
    assert type(x) is sim.install().ndarray and backend.to_numpy(x).tolist() == [1, 2]


def descend(device: str, steps: int, eager: bool) -> np.ndarray:
    """Linear regression by hand: kernels only."""
    here = backend.backend_of(backend.asarray(0.0))
    r = np.random.default_rng(0)
    x, w = (backend.persistent(backend.asarray(r.normal(size=s).astype("float32"))) for s in ((8, 3), (3, 2)))
    hyper = backend.persistent(backend.asarray(np.array([0.1, 0, 0, 1, 1, 1], "float32")))
    k = here.kernels

    def step():
        y = k.dense(x, w, None, "tanh")
        _, dw, _ = k.dense_backward(y, y, x, w, "tanh", (None, True, None))
        k.optimize("sgd", w.reshape(-1), dw.reshape(-1), (), hyper)
        k.binary("multiply", hyper[:1], 0.9, out=hyper[:1])
        return y

    program = Program(here, step, eager=eager)
    for _ in range(steps):
        program()
    assert (program.replay is not None) == (not eager and steps > WARMUP)
    return backend.to_numpy(w)


def test_a_program_replays_what_it_did_eagerly(chosen):
    chosen("sim")
    replayed = descend("sim", 7, eager=False)
    np.testing.assert_array_equal(replayed, descend("sim", 7, eager=True))
    chosen("cpu")
    np.testing.assert_allclose(replayed, descend("cpu", 7, eager=False), rtol=1e-5)


def test_a_step_that_reads_a_value_stays_eager(chosen, capsys):
    chosen("sim")
    x = backend.persistent(backend.asarray(np.ones(3, "float32")))
    program = Program(backend.current(), lambda: float(backend.kernels_of(x).reduce("sum", x)))
    assert [program() for _ in range(5)] == [3.0] * 5
    assert "runs eagerly, step by step" in capsys.readouterr().err


def trained(eager: bool):
    """(weights, losses, accuracies) of a small network with convolution, normalisation, dropout."""
    gpunn.set_seed(7)
    r = np.random.default_rng(0)
    x, y = r.normal(size=(40, 8, 8, 1)).astype("float32"), r.integers(0, 3, 40)
    model = models.Sequential([
        layers.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(),
        layers.BatchNormalization(), layers.Flatten(), layers.Dropout(0.3),
        layers.Dense(3, activation="softmax")])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"],
                  run_eagerly=eager)
    history = model.fit(x, y, batch_size=16, epochs=3, verbose=0).history
    return model.get_weights(), history["loss"], history["accuracy"]


def test_fit_is_the_same_eager_captured_and_nearly_on_the_cpu(chosen, capsys):
    chosen("sim")
    captured, eager = trained(False), trained(True)
    assert "eagerly" not in capsys.readouterr().err
    for one, other in zip(captured[0], eager[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert captured[1:] == eager[1:]
    gc.collect()
    chosen("cpu")
    cpu = trained(False)
    np.testing.assert_allclose(captured[1], cpu[1], rtol=1e-4)
    for one, other in zip(captured[0], cpu[0], strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-4)


def test_a_recorded_step_does_not_outlive_its_precision(chosen):
    """Of ten steps of training the last five are made in TF32, whether the first ones are replayed or not."""
    def weights(eager: bool, precision: str) -> np.ndarray:
        gpunn.set_seed(1)
        x = np.random.default_rng(0).normal(size=(20, 6)).astype("float32")
        model = models.Sequential([layers.Input((6,)), layers.Dense(3)])
        model.compile("sgd", "mse", run_eagerly=eager)
        for chosen_precision in ("highest", precision):
            config.set_matmul_precision(chosen_precision)
            model.fit(x, x[:, :3], batch_size=4, verbose=0, shuffle=False)
        return np.concatenate([w.ravel() for w in model.get_weights()])

    chosen("sim")
    np.testing.assert_array_equal(weights(False, "high"), weights(True, "high"))
    assert (weights(False, "high") != weights(False, "highest")).any()
