"""What users of Keras do with models now and then."""
import numpy as np
import pytest

import gpunn
from gpunn import layers, metrics, ops

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 5)).astype("float32"), RNG.normal(size=(20, 1)).astype("float32")


def net(**options):
    model = gpunn.Sequential([layers.Input((5,)), layers.Dense(4, "tanh"), layers.Dense(1)])
    model.compile("sgd", "mse", **options)
    return model


def test_one_batch_tells_of_that_batch():
    model = net(metrics=["mae"])
    for part in (slice(0, 8), slice(8, 20)):
        error = model.predict_on_batch(X[part]) - Y[part]
        expected = [np.mean(error ** 2), np.mean(abs(error))]
        np.testing.assert_allclose(model.test_on_batch(X[part], Y[part]), expected, rtol=1e-5)
        np.testing.assert_allclose(model.train_on_batch(X[part], Y[part]), expected, rtol=1e-5)


def test_a_metric_asked_for_twice_has_two_names():
    weight = np.linspace(0.1, 2, 20).astype("float32")
    model = net(metrics=["mae"], weighted_metrics=["mae"])
    logs = model.evaluate(X, Y, sample_weight=weight, verbose=0, return_dict=True)
    error = abs(model.predict(X, verbose=0) - Y)[:, 0]
    assert list(logs) == ["loss", "mae", "weighted_mae"]
    np.testing.assert_allclose(logs["mae"], error.mean(), rtol=1e-5)
    np.testing.assert_allclose(logs["weighted_mae"], np.average(error, weights=weight), rtol=1e-5)


def test_a_metric_is_logged_by_the_name_it_was_given():
    assert "AUC" in net(metrics=["AUC"]).fit(X, Y > 0, verbose=0).history


def test_a_metric_may_have_several_results():
    class Two(metrics.Mean):
        def update_state(self, y_true, y_pred, sample_weight=None):
            super().update_state(y_true)

        def result(self):
            return {"once": super().result(), "twice": super().result() * 2}
    logs = net(metrics=[Two()]).evaluate(X, Y, verbose=0, return_dict=True)
    np.testing.assert_allclose([logs["once"], logs["twice"]], [Y.mean(), 2 * Y.mean()], rtol=1e-4)


def test_the_input_and_output_of_a_graph():
    a, b = layers.Input((4,)), layers.Input((4,))
    hidden = layers.Concatenate(name="both")([a, b])
    model = gpunn.Model([a, b], layers.Dense(2)(hidden))
    assert model.input == [a, b] and model.output.shape == (None, 2)
    part = gpunn.Model(model.input, model.get_layer("both").output)
    assert part.predict([X[:, :4], X[:, 1:]], verbose=0).shape == (20, 8)
    assert net().input.shape == (None, 5) and net().output.shape == (None, 1)


def test_a_subclass_is_built_from_a_shape():
    class Net(gpunn.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, inputs):
            return self.dense(inputs)
    model = Net()
    model.build((None, 5))
    assert model.built and [w.shape for w in model.weights] == [(5, 3), (3,)]


def test_masks_are_joined_where_all_have_one():
    x, mask = np.ones((2, 3, 1), "float32"), np.array([[True, False, False], [True, True, False]])
    a, b, c = gpunn.Tensor(x), gpunn.Tensor(x), gpunn.Tensor(x)
    a.mask, b.mask = gpunn.Tensor(mask), gpunn.Tensor(~mask)
    assert layers.Add()([a, b]).mask.numpy().all() and layers.Add()([a, c]).mask is None


def test_a_cell_without_states_of_its_own_starts_from_zeros():
    class Sum(layers.Layer):
        state_size = 2

        def call(self, inputs, states):
            return (y := inputs + states[0]), [y]
    x = RNG.normal(size=(3, 4, 2)).astype("float32")
    for cell in (Sum(), [Sum()]):
        np.testing.assert_allclose(layers.RNN(cell)(x).numpy(), x.sum(1), rtol=1e-5, atol=1e-6)


def test_normalization_tells_what_it_measured():
    layer = layers.Normalization()
    layer.adapt(X)
    np.testing.assert_allclose(layer.mean.numpy(), X.mean(0, keepdims=True), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.variance.numpy(), X.var(0, keepdims=True), rtol=1e-5)
    assert layer.get_config()["mean"] is None


@pytest.mark.parametrize("weights, names", [([None, "mse"], ["loss"]), (["mse", "mse"], ["loss", "p_loss", "q_loss"])])
def test_an_output_without_a_loss_is_not_told_of(weights, names):
    x = layers.Input((5,))
    model = gpunn.Model(x, [layers.Dense(1, name="p")(x), layers.Dense(1, name="q")(ops.tanh(x))])
    model.compile("sgd", weights)
    assert list(model.fit(X, [Y, Y], verbose=0).history) == names
