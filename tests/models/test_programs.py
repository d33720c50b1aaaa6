"""A recorded step is the eager step, bit for bit."""
import numpy as np
import pytest

import gpunn
from gpunn import optimizers
from gpunn.backend import current
from gpunn.backend.program import Program

from .zoo import MODELS, data


def trained(build, eager: bool, epochs=4):
    """Weights and history after training with a schedule, shuffles and a smaller last batch."""
    gpunn.set_seed(7)
    model = build()
    rate = optimizers.schedules.ExponentialDecay(0.01, 3, 0.7)
    model.compile(optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=eager)
    x, y = data(model)
    history = model.fit(x, y, batch_size=8, epochs=epochs, validation_data=data(model, 10, 1), verbose=0)
    return model.get_weights(), history.history


@pytest.mark.parametrize("name", MODELS)
def test_replay_equals_eager(device, name, capfd):
    eager, replayed = trained(MODELS[name], True), trained(MODELS[name], False)
    assert "runs eagerly" not in capfd.readouterr().err
    assert eager[1] == replayed[1]
    for a, b in zip(eager[0], replayed[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert eager[1]["loss"][-1] < eager[1]["loss"][0]


def test_steps_are_replayed_not_run(device):
    runs = []
    step = Program(current(), lambda: runs.append(1))
    for _ in range(10):
        step()
    assert step.replay is not None and len(runs) == 3


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_a_second_training_from_the_same_seed_is_the_same(device, name):
    first, second = trained(MODELS[name], False, 2), trained(MODELS[name], False, 2)
    for a, b in zip(first[0], second[0], strict=True):
        np.testing.assert_array_equal(a, b)


class ReadsTheLoss(gpunn.Model):
    def train_step(self, data):
        x, y = data
        loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        loss.backward()
        if float(loss) > 0:                                 # a value on the host decides: this cannot be replayed
            self.optimizer.apply([w.grad for w in self.trainable_weights], self.trainable_weights)
        return {"loss": loss}


def test_a_step_that_reads_values_runs_eagerly_and_says_so(device, capfd):
    x = gpunn.Input((12,))
    model = ReadsTheLoss(x, gpunn.layers.Dense(4)(x))
    model.compile("sgd", gpunn.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = model.fit(*data(model), batch_size=22, epochs=5, verbose=0).history["loss"]
    assert len(set(losses)) == 5 and losses[-1] < losses[0]
    message = capfd.readouterr().err
    assert message.count("runs eagerly") == 1 and "reads a value on the host" in message


class OutsideOps(gpunn.Layer):
    def call(self, x):
        return gpunn.ops.convert_to_tensor(np.tanh(x.numpy()))


def test_arithmetic_outside_ops_is_noticed(capfd):
    model = gpunn.Sequential([gpunn.Input((3,)), OutsideOps()])
    x = np.random.default_rng(0).normal(size=(50, 3)).astype("float32")
    np.testing.assert_allclose(model.predict(x, batch_size=10, verbose=0), np.tanh(x), rtol=1e-6)
    assert "runs eagerly" in capfd.readouterr().err


class PlainNumPy(gpunn.Layer):
    def call(self, x):
        return gpunn.ops.add(x, gpunn.ops.convert_to_tensor(np.sin(x.data)))


def test_arrays_born_outside_kernels_are_noticed(capfd):
    model = gpunn.Sequential([gpunn.Input((3,)), PlainNumPy()])
    x = np.random.default_rng(0).normal(size=(50, 3)).astype("float32")
    np.testing.assert_allclose(model.predict(x, batch_size=10, verbose=0), x + np.sin(x), rtol=1e-6)
    assert "outside gpunn.ops" in capfd.readouterr().err


def test_moving_weights_drops_old_programs():
    x, y = np.eye(4, dtype="float32"), np.arange(4)
    inner = gpunn.Sequential([gpunn.Input((4,)), gpunn.layers.Dense(4)])
    for _ in range(4):
        inner.predict_on_batch(x)
    outer = gpunn.Sequential([gpunn.Input((4,)), inner])
    outer.compile("sgd", gpunn.losses.SparseCategoricalCrossentropy(from_logits=True))
    outer.fit(x, y, epochs=5, verbose=0)
    kernel, bias = inner.get_weights()
    np.testing.assert_allclose(inner.predict_on_batch(x), kernel + bias, rtol=1e-6)
