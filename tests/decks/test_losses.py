"""Rows C: the loss names as the lectures list them, against their formulas in NumPy."""
import numpy as np
import pytest

import gpunn as keras
from gpunn import losses, ops

Y, P = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]), np.array([[0.2, 0.7, 0.1], [0.5, 0.3, 0.2]])
LABELS, SIGNS, C = np.array([1, 0]), 2 * Y - 1, np.clip


def norm(x):
    return x / np.sqrt((x * x).sum(-1, keepdims=True))


NAMES = {            # as printed; `mean_absolute_percentage_error` and `kullback_leibler_divergence` stand there twice
    "mean_squared_error": lambda: ((Y - P) ** 2).mean(-1),
    "mean_absolute_error": lambda: abs(Y - P).mean(-1),
    "mean_absolute_percentage_error": lambda: 100 * (abs(Y - P) / np.maximum(abs(Y), 1e-7)).mean(-1),
    "mean_squared_logarithmic_error": lambda: ((np.log1p(Y) - np.log1p(P)) ** 2).mean(-1),
    "squared_hinge": lambda: (np.maximum(0, 1 - SIGNS * P) ** 2).mean(-1),
    "hinge": lambda: np.maximum(0, 1 - SIGNS * P).mean(-1),
    "categorical_hinge": lambda: np.maximum(0, 1 + ((1 - Y) * P).max(-1) - (Y * P).sum(-1)),
    "logcosh": lambda: np.log(np.cosh(P - Y)).mean(-1),
    "categorical_crossentropy": lambda: -(Y * np.log(P)).sum(-1),
    "sparse_categorical_crossentropy": lambda: -np.log(P[[0, 1], LABELS]),
    "binary_crossentropy": lambda: -(Y * np.log(P) + (1 - Y) * np.log(1 - P)).mean(-1),
    "kullback_leibler_divergence": lambda: (C(Y, 1e-7, 1) * np.log(C(Y, 1e-7, 1) / P)).sum(-1),
    "poisson": lambda: (P - Y * np.log(P + 1e-7)).mean(-1),
    "cosine_proximity": lambda: -(norm(Y) * norm(P)).sum(-1),
}


@pytest.mark.parametrize("name", NAMES)
def test_a17_c1_to_c13_the_names_of_the_list(name):
    y = LABELS if name.startswith("sparse") else Y
    want = NAMES[name]()
    np.testing.assert_allclose(losses.get(name)(y, P).numpy(), want, rtol=1e-5)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Identity()])
    model.compile("sgd", name)
    assert model.evaluate(P, y, verbose=0) == pytest.approx(want.mean(), rel=1e-5)


@pytest.mark.parametrize("kind, total", [
    (losses.MeanAbsoluteError, lambda y, p: abs(y - p).sum()),                  # the slide's L1
    (losses.MeanSquaredError, lambda y, p: ((y - p) ** 2).sum()),               # sum of squared errors
    (losses.BinaryCrossentropy, lambda y, p: (-y * np.log(p) - (1 - y) * np.log(1 - p)).sum()),     # LogLoss
])
def test_c2_c14_c15_sums(kind, total):
    y, p = Y.reshape(-1, 1), P.reshape(-1, 1)
    assert kind(reduction="sum")(y, p).item() == pytest.approx(total(y, p), rel=1e-5)
    assert kind()(y, p).item() == pytest.approx(total(y, p) / 6, rel=1e-5)      # c24: the mean


def test_c5_labels_0_and_1_are_signs():
    np.testing.assert_allclose(losses.hinge(Y, P).numpy(), losses.hinge(SIGNS, P).numpy())


def test_c17_mean_of_losses_and_l2_without_a_half():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.1))])
    model.compile("sgd", losses.CategoricalCrossentropy(from_logits=True))
    w, b = model.get_weights()
    s = P @ w + b
    data = -np.log(np.exp(s)[[0, 1], LABELS] / np.exp(s).sum(-1)).mean()
    assert model.evaluate(P, Y, verbose=0) == pytest.approx(data + 0.1 * np.sum(w * w), rel=1e-5)


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_c19_softmax_loss_from_scores_is_stable(scale):
    s = scale * np.array([[3.2, 5.1, -1.7], [1.0, -1.0, 0.5]])
    m = s.max(-1)
    want = m + np.log(np.exp(s - m[:, None]).sum(-1)) - s[[0, 1], LABELS]
    got = losses.sparse_categorical_crossentropy(LABELS, s, from_logits=True)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-6, atol=1e-7)


def test_c25_x5_predicted_02_actual_1():
    y, p = np.array([[1.0]]), np.array([[0.2]])
    assert losses.BinaryCrossentropy()(y, p).item() == pytest.approx(1.6094, abs=5e-5)
    assert losses.MeanSquaredError()(y, p).item() == pytest.approx(0.64)


def test_c23_likelihood_and_loss():
    """Weights that maximise the likelihood minimise the cross-entropy: loss = -log likelihood / n."""
    p = np.linspace(0.05, 0.95, 19)
    y = np.array([1, 1, 1, 0])
    likelihood = np.prod(np.where(y[:, None], p, 1 - p), axis=0)
    loss = [losses.BinaryCrossentropy()(y[:, None], np.full((4, 1), q)).item() for q in p]
    np.testing.assert_allclose(loss, -np.log(likelihood) / 4, rtol=1e-5)
    assert p[np.argmin(loss)] == p[likelihood.argmax()] == pytest.approx(0.75)


def test_c18_max_margin_is_not_the_categorical_hinge():
    scores, y = np.array([[2.2, 2.5, -3.1]]), np.array([[0.0, 0.0, 1.0]])
    both = keras.classic.svm_loss(np.eye(3), scores, np.array([2]))[0]
    assert both == pytest.approx(12.9) and losses.categorical_hinge(y, scores).numpy()[0] == pytest.approx(6.6)


def test_c26_loss_optimizer_and_metric_are_what_compile_needs():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, "softmax")])
    model.compile(optimizer="adam", loss=lambda y, p: ops.mean(ops.square(y - p), -1), metrics=["mae"])
    assert set(model.fit(P, Y, verbose=0).history) == {"loss", "mae"}
