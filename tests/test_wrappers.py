"""scikit-learn's protocol, asked for as scikit-learn does it."""
import numpy as np
import pytest

import gpunn as keras
from gpunn.wrappers import SKLearnClassifier, SKLearnRegressor

X = np.random.default_rng(0).normal(size=(200, 4))


def network(X, y, units=8):
    model = keras.Sequential([keras.Input((X.shape[1],)), keras.layers.Dense(units, "relu"),
                              keras.layers.Dense(y.shape[1], "softmax")])
    model.compile(keras.optimizers.Adam(0.02), "categorical_crossentropy")
    return model


def line():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def test_a_classifier_learns_labels_of_any_kind():
    labels = np.where(X[:, 0] > 0, "yes", "no")
    made = SKLearnClassifier(network, model_kwargs={"units": 16}, fit_kwargs={"epochs": 20, "verbose": 0})
    assert made.fit(X, labels) is made and made.model_.layers[0].units == 16
    assert made.classes_.tolist() == ["no", "yes"] and made.n_features_in_ == 4
    assert made.score(X, labels) > 0.9 and set(made.predict(X)) == {"no", "yes"}
    assert made.decision_function(X).shape == (200, 2) and len(made.history_.history["loss"]) == 20


def test_a_regressor_copies_a_compiled_model():
    model, y = line(), X @ [1, 2, 3, 4]
    before = model.get_weights()
    made = SKLearnRegressor(model).fit(X, y, epochs=20, verbose=0)
    assert made.score(X, y) > 0.999 and made.predict(X).shape == (200,)
    assert made.predict(X[:3]).shape == made.fit(X, y[:, None], epochs=1, verbose=0).predict(X[:3])[:, 0].shape
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_a_warm_start_goes_on():
    y = X @ [1, 2, 3, 4]
    made = SKLearnRegressor(line(), warm_start=True).fit(X, y, epochs=20, verbose=0)
    first = made.model_
    loss = made.fit(X, y, epochs=1, verbose=0).history_.history["loss"][0]
    assert made.model_ is first and loss < 1e-6


def test_parameters_are_read_set_and_cloned():
    made = SKLearnClassifier(network, fit_kwargs={"epochs": 3})
    assert made.get_params() == {"model": network, "warm_start": False, "model_kwargs": None,
                                 "fit_kwargs": {"epochs": 3}}
    assert made.set_params(warm_start=True).warm_start and not made.__sklearn_is_fitted__()
    assert made.__sklearn_clone__().get_params() == made.get_params()


@pytest.mark.parametrize("f, error, match", [
    (lambda: SKLearnClassifier(network).predict(X), ValueError, "not fitted yet: call fit"),
    (lambda: SKLearnClassifier(network).fit(X, np.ones(200)), ValueError, "of at least two classes, got"),
    (lambda: SKLearnClassifier(network).set_params(epoch=3), ValueError, "the parameter must be .* got 'epoch'"),
    (lambda: SKLearnRegressor(keras.Sequential([keras.layers.Dense(1)])).fit(X, X[:, 0]), RuntimeError,
     "must be compiled with a loss and an optimizer"),
])
def test_says(f, error, match):
    with pytest.raises(error, match=match):
        f()
