"""Callbacks against what Keras did on the same logs, and in real trainings."""
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

import gpunn
from gpunn import callbacks, layers
from tests.golden import callback_cases

KERAS = json.loads((Path(__file__).parents[1] / "golden" / "callbacks.json").read_text())


@pytest.mark.parametrize("name", KERAS)
def test_as_keras(name, tmp_path):
    run = getattr(callback_cases, name)
    found = run(gpunn, tmp_path) if name in ("saves", "tables") else run(gpunn)
    assert len(found) == len(KERAS[name])
    for own, other in zip(found, KERAS[name]):
        assert own == (pytest.approx(other, rel=1e-6) if name in ("plateaus", "stopping") else other)


def model(metrics=("accuracy",), optimizer=None):
    m = gpunn.Sequential([layers.Input((4,)), layers.Dense(5, activation="relu"),
                          layers.Dense(3, activation="softmax")])
    m.compile(optimizer or "sgd", "sparse_categorical_crossentropy", metrics=list(metrics))
    return m


def samples(n=40):
    r = np.random.default_rng(0)
    return r.normal(size=(n, 4)).astype("float32"), r.integers(0, 3, n)


def fit(m, *calls, epochs=3, **options):
    return m.fit(*samples(), epochs=epochs, verbose=0, callbacks=list(calls), **options)


def score(y, p):
    return gpunn.ops.mean(p, -1)


@pytest.mark.parametrize("callback, match", [
    (lambda: callbacks.ModelCheckpoint("x", save_best_only=True), "ModelCheckpoint monitors 'val_loss', but there"),
    (lambda: callbacks.ModelCheckpoint("x", "acuracy", save_best_only=True), "did you mean 'accuracy'"),
    (lambda: callbacks.ModelCheckpoint("{epoch}-{los:.2f}"), "'los', which is not among .*; did you mean 'loss'"),
    (lambda: callbacks.ReduceLROnPlateau("val_accuracy"), "Fix: pass validation_data"),
    (lambda: callbacks.EarlyStopping("score"), "not known whether that should rise or fall. Fix: mode='max'"),
])
def test_what_cannot_be_watched_is_said_before_the_first_epoch(callback, match):
    epochs = []
    look = callbacks.LambdaCallback(on_epoch_begin=lambda *a: epochs.append(a))
    with pytest.raises(ValueError, match=match):
        fit(model(["accuracy", score]), callback(), look)
    assert not epochs


@pytest.mark.parametrize("make, match", [
    (lambda: callbacks.EarlyStopping(mode="maximum"), "EarlyStopping: mode must be .* got 'maximum'"),
    (lambda: callbacks.ReduceLROnPlateau(factor=1.5), "factor must be below 1, got 1.5"),
    (lambda: callbacks.ModelCheckpoint("x", save_freq="batch"), "save_freq must be 'epoch' or a number of batches"),
    (lambda: callbacks.ModelCheckpoint("{val_mae}", save_freq=5), "'val_mae' has no value inside an epoch. Fix"),
    (lambda: callbacks.ModelCheckpoint("x", save_freq=5, save_best_only=True), "'val_loss' has no value inside"),
    (lambda: callbacks.BackupAndRestore(""), "backup_dir is empty"),
    (lambda: callbacks.TensorBoard(write_images=True), "write_images must be left out"),
    (lambda: callbacks.TensorBoard(profile_batch=2), "profile_batch must be left out"),
    (lambda: callbacks.TensorBoard(update_freq="step"), "update_freq must be 'epoch', 'batch' or a number"),
])
def test_wrong_arguments(make, match):
    with pytest.raises(ValueError, match=match):
        make()


@pytest.mark.parametrize("name, rises", [("val_accuracy", True), ("val_loss", False), ("mse", False),
                                         ("val_auc", True), ("part_loss", False)])
def test_metrics_know_their_direction(name, rises):
    stop = callbacks.EarlyStopping(name)
    stop.set_model(callback_cases.Scripted(None))
    stop.model.metrics = [gpunn.metrics.as_metric(m, ((1,), (1, 3))) for m in ("accuracy", "mse", "auc")]
    assert stop.rises() is rises


def test_epochs_without_validation_do_not_count():
    stop = callbacks.EarlyStopping(patience=2)
    history = fit(model(optimizer=gpunn.optimizers.SGD(0.0)), stop, epochs=9, validation_split=0.5, validation_freq=2)
    assert history.epoch[-1] == 5 and len(history.history["val_loss"]) == 3


def test_learning_rates_are_in_the_history():
    history = fit(model(), callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2))
    np.testing.assert_allclose(history.history["learning_rate"], [0.005, 0.0025, 0.00125], rtol=1e-6)
    with pytest.raises(ValueError, match="for epoch 0 must be a float, got 1"):
        fit(model(), callbacks.LearningRateScheduler(lambda epoch, rate: 1))


@pytest.mark.parametrize("callback", [callbacks.LearningRateScheduler(lambda epoch, rate: rate),
                                      callbacks.ReduceLROnPlateau("loss")])
def test_a_schedule_and_a_callback_do_not_fight(callback):
    schedule = gpunn.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    with pytest.raises(ValueError, match="learning rate follows a ExponentialDecay, which sets it at every step"):
        fit(model(optimizer=gpunn.optimizers.SGD(schedule)), callback)


def test_a_checkpoint_is_the_model_of_its_epoch(tmp_path, capsys):
    m, weights = model(), []
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(m.get_weights()[0]))
    path = tmp_path / "deep" / "{epoch}-{accuracy:.1f}.weights"
    fit(m, callbacks.ModelCheckpoint(path, save_weights_only=True, verbose=1), keep)
    files = sorted((tmp_path / "deep").iterdir())
    other = model()
    for file, w in zip(files, weights, strict=True):
        other.load_weights(file)
        np.testing.assert_array_equal(other.get_weights()[0], w)
    assert f"Epoch 2: saving model to {files[1]}\n" in capsys.readouterr().out
    with pytest.raises(IsADirectoryError, match="expected the name of a file"):
        fit(m, callbacks.ModelCheckpoint(tmp_path, save_weights_only=True))


def test_a_name_that_an_epoch_does_not_log(tmp_path):
    with pytest.raises(KeyError, match="needs 'val_loss', which epoch 1 did not log; it has loss, accuracy"):
        fit(model(), callbacks.ModelCheckpoint(tmp_path / "{val_loss}", save_weights_only=True), validation_split=0.5,
            validation_freq=2)


def test_batches_are_counted_over_epochs(tmp_path):
    fit(model(), callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}", save_weights_only=True, save_freq=3),
        batch_size=10)
    assert sorted(os.listdir(tmp_path)) == ["1-3", "2-2", "3-1", "3-4"]


@pytest.mark.parametrize("loss, stops", [(math.nan, True), (math.inf, True), (1e30, False)])
def test_terminate_on_nan(loss, stops, capsys):
    stop = callbacks.TerminateOnNaN()
    stop.set_model(callback_cases.Scripted(None))
    stop.on_train_batch_end(4, {"loss": loss})
    assert stop.model.stop_training is stops and ("Batch 4: Invalid loss" in capsys.readouterr().out) is stops
    hard = callbacks.TerminateOnNaN(raise_error=True)
    if stops:
        with pytest.raises(RuntimeError, match="the loss is (nan|inf) at batch 4. Fix: a lower learning rate"):
            hard.on_train_batch_end(4, {"loss": loss})


def test_nan_ends_a_training_at_its_batch():
    x, y = samples()
    x[25] = np.nan
    seen, m, batches = [], model(), ((x[i % 40:][:10], y[i % 40:][:10]) for i in range(0, 200, 10))
    with pytest.warns(UserWarning, match="became NaN"):
        m.fit(batches, steps_per_epoch=4, epochs=5, verbose=0, callbacks=[
            callbacks.TerminateOnNaN(), callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: seen.append(b))])
    assert seen == [0, 1, 2]


def test_convergence():
    """w goes half of the way to 1 at each epoch: |dw| / |w| = 0.5^n / (1 - 0.5^n)"""
    m = gpunn.Sequential([layers.Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    m.compile(gpunn.optimizers.SGD(0.25), "mse")
    ones = np.ones((8, 1), "float32")
    history = m.fit(ones, ones, batch_size=8, epochs=50, verbose=0, callbacks=[callbacks.StopOnConvergence(1e-2)])
    assert len(history.epoch) == 7 == next(n for n in range(50) if 0.5 ** n / (1 - 0.5 ** n + (n == 0)) < 1e-2)


def test_the_average_is_evaluated_and_left():
    """The weights after each step, and their running average, by hand."""
    m = gpunn.Sequential([layers.Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    m.compile(gpunn.optimizers.SGD(0.25, use_ema=True, ema_momentum=0.5), "mse")
    ones, seen = np.ones((8, 1), "float32"), []
    look = callbacks.LambdaCallback(on_epoch_end=lambda *_: seen.append(float(m.get_weights()[0][0, 0])))
    history = m.fit(ones, ones, batch_size=8, epochs=3, verbose=0, validation_data=(ones, ones),
                    callbacks=[callbacks.SwapEMAWeights(swap_on_epoch=True), look])
    weights, averages, w, average = [0.5, 0.75, 0.875], [], 0.0, 0.0
    for i, w in enumerate(weights):
        average = 0.5 * average + 0.5 * w if i else w
        averages.append(average)
    np.testing.assert_allclose(seen, averages, rtol=1e-6)
    np.testing.assert_allclose(history.history["loss"], [1, 0.25, 0.0625], rtol=1e-6)
    np.testing.assert_allclose(history.history["val_loss"], [(1 - a) ** 2 for a in averages], rtol=1e-5)
    np.testing.assert_allclose(m.get_weights()[0], averages[-1], rtol=1e-6)
    with pytest.raises(ValueError, match="keeps no average of the weights. Fix: use_ema=True"):
        fit(model(), callbacks.SwapEMAWeights(), validation_split=0.5)


def test_messages_go_to_the_log(caplog, capsys):
    gpunn.utils.disable_interactive_logging()
    try:
        assert not gpunn.utils.is_interactive_logging_enabled()
        with caplog.at_level("INFO", "gpunn"):
            model().fit(*samples(), epochs=2, callbacks=[callbacks.LearningRateScheduler(lambda *_: 0.5, verbose=1)])
    finally:
        gpunn.utils.enable_interactive_logging()
    assert not capsys.readouterr().out
    assert [record.message[:9] for record in caplog.records] == ["Epoch 1: ", "Epoch 1/2", "Epoch 2: ", "Epoch 2/2"]


def test_every_hook_gets_logs():
    """As in Keras, also where there is nothing to say yet."""
    seen, hooks = {}, [name for name in callbacks.callback.HOOKS if "predict" not in name]
    note = callbacks.LambdaCallback(**{name: lambda *args, name=name: seen.setdefault(name, args) for name in hooks})
    fit(model(), note, epochs=1, validation_data=samples(8))
    assert set(seen) == set(hooks)
    assert all(isinstance(args[-1], dict) and len(args) == 1 + ("batch" in name or "epoch" in name)
               for name, args in seen.items())


def test_the_old_names_of_batch_hooks_are_called():
    class Old(callbacks.Callback):
        seen = ()

        def on_batch_begin(self, batch, logs=None):
            self.seen += (("begin", batch),)

        def on_batch_end(self, batch, logs=None):
            self.seen += (("end", batch),)

    old = Old()
    fit(model(), old, epochs=1, batch_size=20)
    assert old.seen == (("begin", 0), ("end", 0), ("begin", 1), ("end", 1))
