"""Losses against values recorded from Keras 3, their names, and what they refuse."""
from pathlib import Path

import numpy as np
import pytest

from gpunn import losses, ops
from gpunn.tensor import Tensor, grad

from .golden import loss_cases as cases

GOLDEN = np.load(Path(__file__).parent / "golden" / "losses.npz")


def close(got, want):
    np.testing.assert_allclose(got.numpy(), want, 2e-5, 2e-6 * np.abs(want).max(initial=0.0))


@pytest.mark.parametrize("i", range(len(cases.LOSSES)), ids=lambda i: f"{cases.LOSSES[i][0]}-{i}")
def test_like_keras(i):
    name, options, y, p = cases.LOSSES[i]
    for reduction in cases.REDUCTIONS:
        loss = getattr(losses, name)(reduction=reduction, **options)
        close(loss(y, p), GOLDEN[f"{i}/{reduction}"])
        if f"{i}/{reduction}/weighted" in GOLDEN:
            close(loss(y, p, cases.WEIGHTS), GOLDEN[f"{i}/{reduction}/weighted"])


@pytest.mark.parametrize("reduction", cases.REDUCTIONS)
def test_masked_like_keras(reduction):
    loss = losses.SparseCategoricalCrossentropy(reduction=reduction)
    for name, weights in (("", None), ("/weighted", cases.DEEP_WEIGHTS)):
        p = Tensor(cases.DEEP)
        p.mask = Tensor(cases.MASK)
        close(loss(cases.DEEP_LABELS, p, weights), GOLDEN[f"masked/{reduction}{name}"])


@pytest.mark.parametrize("i", range(len(cases.LOSSES)), ids=lambda i: f"{cases.LOSSES[i][0]}-{i}")
def test_gradient_is_the_slope(i):
    """In float64 along a random direction, where the loss is smooth."""
    name, options, y, p = cases.LOSSES[i]
    loss, r = getattr(losses, name)(**options), np.random.default_rng(i)
    y, p = y.astype("float64") if y.dtype.kind == "f" else y, p.astype("float64")
    d, h = r.normal(size=p.shape), 1e-6
    want = (loss(y, p + h * d).item() - loss(y, p - h * d).item()) / (2 * h)
    got = (grad(lambda q: loss(y, q))(Tensor(p)).numpy() * d).sum()
    assert got == pytest.approx(want, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("name", [n for n in losses.CLASSES if n != "LossFunctionWrapper"])
def test_config_round_trip(name):
    loss = losses.CLASSES[name](reduction="sum", name="mine")
    again = losses.deserialize(losses.serialize(loss))
    assert type(again) is type(loss) and again.get_config() == loss.get_config()


def test_wrapped_function_round_trip():
    loss = losses.as_loss("mse")
    assert loss.name == "mean_squared_error"
    assert losses.deserialize(losses.serialize(loss)).fn is losses.mean_squared_error


@pytest.mark.parametrize(
    "alias", ["logcosh", "kullback_leibler_divergence", "cosine_proximity", "mse", "MAE", "huber_loss", "bce"]
)
def test_aliases(alias):
    assert callable(losses.get(alias))


def test_crossentropy_by_shapes():
    assert type(losses.as_loss("crossentropy", ((8,), (8, 1)))) is losses.BinaryCrossentropy
    assert type(losses.as_loss("ce", ((8,), (8, 10)))) is losses.SparseCategoricalCrossentropy
    assert type(losses.as_loss("crossentropy", ((8, 10), (8, 10)))) is losses.CategoricalCrossentropy


def test_own_loss_class():
    class Cubic(losses.Loss):
        def call(self, y_true, y_pred):
            return ops.mean(ops.abs(y_true - y_pred) ** 3, -1)
    assert Cubic()(np.ones((2, 2), "float32"), np.zeros((2, 2), "float32")).item() == 1.0


def test_unknown_name():
    with pytest.raises(
        ValueError, match="unknown loss 'mean_sqared_error'; did you mean 'mean_squared_error'"
    ):
        losses.get("mean_sqared_error")


def test_unknown_reduction():
    with pytest.raises(ValueError, match="MeanSquaredError: reduction must be .* got 'average'"):
        losses.MeanSquaredError(reduction="average")


def test_integer_labels_for_one_hot_loss():
    with pytest.raises(
        ValueError, match="expected one-hot labels of shape .6, 4.* use sparse_categorical_crossentropy"
    ):
        losses.categorical_crossentropy(cases.LABELS, cases.PROBABILITIES)


def test_one_hot_labels_for_sparse_loss():
    with pytest.raises(
        ValueError, match="expected integer labels of shape .6,.* use categorical_crossentropy"
    ):
        losses.sparse_categorical_crossentropy(cases.ONE_HOT, cases.PROBABILITIES)


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="binary_crossentropy: target and output must have one shape"):
        losses.binary_crossentropy(np.zeros((3, 2), "float32"), np.zeros((3, 4), "float32"))


def test_base_class_says_what_is_missing():
    with pytest.raises(NotImplementedError, match="Loss must implement call"):
        losses.Loss()(np.zeros(2), np.zeros(2))
