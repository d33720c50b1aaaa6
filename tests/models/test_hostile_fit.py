"""`fit` with wrong things: each is one clear error before the first step, and the model is as it was."""
import numpy as np
import pytest

import gpunn
from gpunn import callbacks, layers, losses
from gpunn.models import load_model

from .test_saving import same

R = np.random.default_rng(0)
X, Y = R.normal(size=(40, 4)), R.integers(0, 3, 40)


def classifier(loss="sparse_categorical_crossentropy", optimizer="adam"):
    model = gpunn.Sequential([layers.Input((4,)), layers.Dense(5, "relu"), layers.Dense(3, "softmax")])
    model.compile(optimizer, loss)
    return model


def at(place, value):
    y = Y.astype(type(value))
    y[place] = value
    return y


@pytest.mark.parametrize("arguments, error, words", [
    ({"y": at(39, 7)}, ValueError, r"labels must be 0 to 2, but sample 39 has the label 7. Fix: Dense\(8\)"),
    ({"y": at(11, -1)}, ValueError, "sample 11 has the label -1. Fix: other labels"),
    ({"y": at(5, float("nan"))}, ValueError, "sample 5 has the label nan"),
    ({"y": at(7, 0.5)}, ValueError, "sample 7 has the label 0.5"),
    ({"validation_data": (X, at(3, 4))}, ValueError, "validation_data: output .* sample 3 has the label 4"),
    ({"y": np.array(list("abcd" * 10))}, ValueError, "expected numbers, got <U1 .*np.unique"),
    ({"y": [None] * 40}, ValueError, "expected numbers, got object"),
    ({"y": None}, ValueError, "argument 'y' is missing"),
    ({"y": [Y, Y]}, ValueError, "the arrays of y must be as many as the outputs: 1, got 2"),
    ({"x": None}, ValueError, "argument 'x' is missing"),
    ({"x": X[:, :3]}, ValueError, r"expected shape \(None, 4\), got \(32, 3\)"),
    ({"x": [X, X]}, ValueError, "is one array, got a list of 2"),
    ({"x": {"a": X}}, ValueError, "is one array, got a dict of 1"),
    ({"x": [[1, 2], [1]], "y": [0, 1]}, ValueError, "do not all have the same shape"),
    ({"y": Y[:30]}, ValueError, "same number of samples"),
    ({"batch_size": 0}, ValueError, "batch_size must be an integer >= 1, got 0"),
    ({"batch_size": "32"}, ValueError, "batch_size must be an integer >= 1, got '32'"),
    ({"epochs": 2.5}, ValueError, "epochs must be an integer >= 0, got 2.5"),
    ({"steps_per_epoch": "a"}, ValueError, "steps_per_epoch must be an integer"),
    ({"epoch": 3}, TypeError, "fit: unknown argument 'epoch'; did you mean 'epochs'"),
    ({"validation_data": (X,)}, ValueError, r"must be \(x, y\).* got a tuple of 1"),
    ({"validation_data": (X, Y), "validation_freq": 0}, ValueError, "validation_freq must be an integer >= 1"),
    ({"validation_split": 1.5}, ValueError, "must be between 0 and 1"),
    ({"class_weight": [1, 2, 3]}, ValueError, "class_weight must be a dictionary"),
    ({"sample_weight": np.ones(3)}, ValueError, "same number of samples"),
    ({"callbacks": [callbacks.EarlyStopping("val_los")]}, ValueError, "did you mean 'val_loss'"),
    ({"callbacks": [callbacks.EarlyStopping]}, ValueError, r"expected Callback objects.* Fix: EarlyStopping\(...\)"),
    ({"x": iter([(X,)]), "y": None}, ValueError, "argument 'y' is missing"),
    ({"x": iter([(X, Y, Y, Y)]), "y": None}, ValueError, "got a tuple of 4"),
])
def test_refused_and_nothing_is_lost(arguments, error, words):
    model = classifier()
    before = model.get_weights()
    with pytest.raises(error, match=words):
        model.fit(**{"x": X, "y": Y, "verbose": 0, **arguments})
    same(model.get_weights(), before)
    assert model.fit(X.tolist(), Y.tolist(), verbose=0).history["loss"][0] < 5


@pytest.mark.parametrize("loss, y, words", [
    ("categorical_crossentropy", Y, "Fix: loss='sparse_categorical_crossentropy'"),
    ("sparse_categorical_crossentropy", np.eye(3)[Y], "looks one-hot"),
    ("mse", np.zeros((40, 2)), r"output .* has shape \(None, 3\), but y has shape \(40, 2\)")])
def test_losses_and_targets(loss, y, words):
    with pytest.raises(ValueError, match=words):
        classifier(loss).fit(X, y, verbose=0)


@pytest.mark.parametrize("loss, last, words", [
    ("sparse_categorical_crossentropy", None, "activation='softmax'"), ("bce", None, "activation='sigmoid'"),
    ("bce", "sigmoid", None), (losses.SparseCategoricalCrossentropy(from_logits=True), None, None)])
def test_scores_that_are_taken_for_probabilities(loss, last, words, recwarn):
    model = gpunn.Sequential([layers.Input((4,)), layers.Dense(1 if loss == "bce" else 3, last)])
    model.compile("sgd", loss)
    model.fit(X, Y % 2, verbose=0)
    messages = [str(w.message) for w in recwarn]
    assert [words in m and "from_logits=True" in m for m in messages] == [True] if words else not messages


def test_no_optimizer():
    with pytest.raises(ValueError, match="there is no optimizer"):
        classifier(optimizer=None).fit(X, Y, verbose=0)


@pytest.mark.parametrize("hook", ["on_train_batch_begin", "on_train_batch_end", "on_epoch_end", "on_test_batch_end"])
def test_control_c_leaves_a_model_that_goes_on(hook, tmp_path):
    seen = []

    def interrupt(*_):
        seen.append(hook)
        if len(seen) == 2:
            raise KeyboardInterrupt
    watch, model = type("Watch", (callbacks.Callback,), {hook: interrupt})(), classifier()
    options = {"batch_size": 8, "epochs": 3, "verbose": 0}
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, validation_data=(X, Y), callbacks=[watch], **options)
    model.save(tmp_path / "m")
    copy = load_model(tmp_path / "m")
    histories = [m.fit(X, Y, **options).history for m in (model, copy)]
    assert histories[0] == histories[1] and np.isfinite(histories[0]["loss"]).all()
    same(model.get_weights(), copy.get_weights())
    assert len(model.predict(X, verbose=0)) == 40 and model._fit is None
