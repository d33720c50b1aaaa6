"""Layers, models and functions of one's own in model files."""
import numpy as np
import pytest

import gpunn
from gpunn import layers, ops, optimizers
from gpunn.models import load_model
from gpunn.saving import register_keras_serializable

from .test_saving import again, same


@pytest.fixture(autouse=True, scope="module")
def registered():
    """What this module registers is forgotten at its end."""
    yield
    found = gpunn.saving.get_custom_objects()
    for name in [name for name in found if name.startswith("mine>")]:
        del found[name]


class Scale(layers.Layer):
    """Makes a layer in its build, draws from a generator without a seed, and has no get_config."""

    def __init__(self, units, function=None):
        super().__init__()
        self.units, self.seeds = units, gpunn.random.SeedGenerator()

    def build(self, input_shape):
        self.inner = layers.Dense(self.units)
        self.inner.build(input_shape)
        self.gain = self.add_weight((), "ones")

    def call(self, inputs, training=False):
        noise = ops.reshape(gpunn.random.uniform((1,), seed=self.seeds), ()) if training else 0.5
        return self.inner(inputs) * self.gain * noise


class Net(gpunn.Model):
    def __init__(self, units, name=None):
        super().__init__(name=name)
        self.units, self.parts = units, [layers.Dense(4), Scale(units)]
        self.parts[0].trainable = False

    def call(self, inputs, training=None):
        return self.parts[1](self.parts[0](inputs), training=training) * 2.0

    def get_config(self):
        return {"units": np.int64(self.units), "name": self.name}


def half(y_true, y_pred):
    return ops.mean(ops.abs(y_true - y_pred), axis=-1) * 0.5


OWN = {"Net": Net, "Scale": Scale, "half": half}


def test_a_subclass_comes_back_with_what_it_made_on_the_way(tmp_path):
    model, x = Net(3), np.random.default_rng(0).normal(size=(20, 5)).astype("float32")
    model.compile("adam", half, metrics=[half])
    model.fit(x, x[:, :3], verbose=0)
    copy = again(model, tmp_path / "m", custom_objects=OWN)
    assert [w.ndim for w in copy.trainable_weights] == [w.ndim for w in model.trainable_weights] == [0, 2, 1]
    for m in (model, copy):
        m.fit(x, x[:, :3], epochs=2, verbose=0)
    same(copy.get_weights(), model.get_weights())
    with gpunn.saving.custom_object_scope(OWN):
        same(load_model(tmp_path / "m").get_weights()[:1], model.get_weights()[:1])
    with pytest.raises(ValueError, match="unknown object 'Net'.*custom_objects={'Net': ...}"):
        load_model(tmp_path / "m")


@register_keras_serializable("mine")
class Dense(layers.Dense):
    """Named like one of the library's."""

    def call(self, inputs):
        return super().call(inputs) + 1.0


@register_keras_serializable("mine")
class Graph(gpunn.Model):
    """Made of inputs and outputs, with a step of its own."""

    def train_step(self, data):
        return super().train_step(data)


@register_keras_serializable("mine")
class Tower(gpunn.Model):
    """Makes its own graph."""

    def __init__(self, depth=2, **options):
        x = h = layers.Input((4,))
        for i in range(depth):
            h = Dense(4, activation=relu, name=f"d{i}")(h)
        super().__init__(x, h, **options)


@register_keras_serializable("mine")
def relu(x):
    """Another function than the library's."""
    return ops.abs(x)


def test_registered_classes_are_found_and_never_taken_for_the_librarys(tmp_path):
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    s = layers.Input((4,))
    for model in (Graph(s, Dense(2, activation=relu)(s)), Tower(3, name="t"),
                  gpunn.Sequential([layers.Input((4,)), Dense(2), layers.Lambda(relu)])):
        copy = again(model, tmp_path / "m")
        assert type(copy).__name__ == type(model).__name__ and copy.name == model.name
        same(copy.predict(x, verbose=0), model.predict(x, verbose=0))
        found = gpunn.saving.get_custom_objects()
        hidden = {k: found.pop(k) for k in list(found) if k.startswith("mine>")}
        try:
            with pytest.raises(ValueError, match=r"unknown \w+ '(Dense|Graph|Tower)'.*register it, or pass"):
                load_model(tmp_path / "m")
        finally:
            found.update(hidden)


class Watched(gpunn.Model):
    """Keeps metrics in attributes, its own and a layer's, and feeds all that there are in its steps."""

    def __init__(self):
        super().__init__()
        self.dense, self.seen, self.rows = layers.Dense(1), Seen(), gpunn.metrics.Sum(name="rows")

    def call(self, x, training=None):
        return self.dense(self.seen(x))

    def test_step(self, data):
        x, y = data
        y_pred = self(x, training=False)
        self.rows.update_state(ops.ones_like(y))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(self.compute_loss(y=y, y_pred=y_pred))
            elif metric.name not in ("rows", "seen"):
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}


class Seen(layers.Layer):
    def __init__(self):
        super().__init__()
        self.mean = gpunn.metrics.Mean(name="seen")

    def call(self, x):
        self.mean.update_state(x)
        return x


def test_metrics_in_attributes_are_reset_and_reported():
    x = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
    y, model = x[:, :1], Watched()
    model.compile("sgd", "mse", metrics=["mae"])
    assert not model.seen.weights and model.seen.metrics == [model.seen.mean] and len(model.seen.metrics_variables) == 2
    for _ in range(2):                                  # six steps each: recorded, then replayed
        got = model.evaluate(x, y, batch_size=4, verbose=0, return_dict=True)
        error = model.predict(x, verbose=0) - y
        assert list(got) == ["loss", "rows", "seen", "mae"] and got["rows"] == 24
        np.testing.assert_allclose(got["seen"], x.mean(), atol=1e-6)
        np.testing.assert_allclose([got["loss"], got["mae"]], [(error ** 2).mean(), abs(error).mean()], rtol=1e-5)
    history = model.fit(x, y, epochs=2, verbose=0).history
    assert list(history) == ["loss", "rows", "seen", "mae"]
    np.testing.assert_allclose(history["seen"], [x.mean()] * 2, atol=1e-6)


class OwnCompile(gpunn.Sequential):
    def compile(self, speed):
        super().compile(optimizers.SGD(speed), "mse")


def test_a_compile_of_ones_own_is_not_guessed(tmp_path):
    model = OwnCompile([layers.Input((2,)), layers.Dense(1)])
    model.compile(0.1)
    with pytest.warns(UserWarning, match="has a compile.. of its own"):
        copy = again(model, tmp_path / "m", custom_objects={"OwnCompile": OwnCompile})
    assert copy.optimizer is None
