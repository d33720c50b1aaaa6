"""Models that train at once, each in its thread, end with the very numbers that they have one after the other."""
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

import gpunn
from gpunn import ops

from .zoo import MODELS, data

NAMES = [*MODELS, "mlp", "cnn"]


@pytest.fixture(autouse=True)
def restless():
    """Threads take turns far more often than they would."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def at_once(jobs) -> list:
    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def compiled(name):
    model = MODELS[name]()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def trained(model, epochs=4) -> list:
    losses = model.fit(*data(model), batch_size=8, epochs=epochs, validation_data=data(model, 10, 1), verbose=0).history
    return [*model.get_weights(), losses["loss"], losses["val_accuracy"]]


def same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def jobs(seed=7) -> list:
    """Trainings of models that were compiled in this order."""
    gpunn.set_seed(seed)
    return [partial(trained, compiled(name)) for name in NAMES]


def test_training_at_once_is_training_one_after_the_other():
    alone = [job() for job in jobs()]
    for _ in range(3):
        for one, other in zip(alone, at_once(jobs()), strict=True):
            same(one, other)


def whole_life(name, seed):
    gpunn.set_seed(seed)
    return trained(compiled(name))


def test_a_thread_with_a_seed_of_its_own_builds_and_trains_as_if_alone():
    lives = [partial(whole_life, name, seed) for seed, name in enumerate(NAMES)]
    for one, other in zip([life() for life in lives], at_once(lives), strict=True):
        same(one, other)


def test_a_seed_set_in_a_thread_changes_nothing_in_another():
    gpunn.set_seed(3)
    expected = ops.dropout(np.ones(99, "float32"), 0.5).numpy()
    gpunn.set_seed(3)
    at_once([lambda: gpunn.set_seed(4)])
    np.testing.assert_array_equal(ops.dropout(np.ones(99, "float32"), 0.5).numpy(), expected)


@pytest.mark.parametrize("name", MODELS)
def test_predicting_meanwhile_changes_no_training(name):
    gpunn.set_seed(5)
    alone = trained(compiled(name), 12)
    gpunn.set_seed(5)
    model, done = compiled(name), threading.Event()

    def predict():
        outputs = [model.predict(data(model)[0], batch_size=6, verbose=0)]
        while not done.is_set():
            outputs.append(model.predict(data(model)[0], batch_size=6, verbose=0))
        return np.array(outputs)

    def train():
        try:
            return trained(model, 12)
        finally:
            done.set()
    ours, outputs = at_once([train, predict])
    same(ours, alone)
    assert np.isfinite(outputs).all() and outputs.shape[1:] == (22, 4)


def test_validation_leaves_the_training_as_it_is():
    results = []
    for options in ({}, {"validation_data": data(MODELS["mlp"](), 10, 1)}):
        gpunn.set_seed(2)
        model = compiled("mlp")
        model.fit(*data(model), batch_size=8, epochs=3, verbose=0, **options)
        results.append(model.get_weights())
    same(*results)


FIRST_USE = """
import threading
import numpy as np
from gpunn.kernels import cpu
x, labels, found = np.random.default_rng(0).normal(size=(8, 3)).astype("float32"), np.zeros(8, "int32"), []
threads = [threading.Thread(target=lambda: found.append(cpu.softmax_cross_entropy(x, labels))) for _ in range(4)]
[t.start() for t in threads], [t.join() for t in threads]
assert len(found) == 4 and all(np.array_equal(a, b) for one in found for a, b in zip(one, found[0]))
"""


def test_threads_may_meet_at_a_kernel_that_is_not_compiled_yet(tmp_path):
    run = subprocess.run([sys.executable, "-c", FIRST_USE], capture_output=True, text=True,
                         env=os.environ | {"GPUNN_CACHE_DIR": str(tmp_path)})
    assert run.returncode == 0, run.stderr
