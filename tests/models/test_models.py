"""Sequential, functional and subclassed models: structure, counts, configs, errors."""
import json

import numpy as np
import pytest

import gpunn
from gpunn import layers, ops

from .zoo import MODELS, data


def seq(*stack):
    return gpunn.Sequential(list(stack))


@pytest.mark.parametrize("model, count", [
    (lambda: seq(layers.Dense(512, activation="relu", input_shape=(784,)), layers.Dense(10, activation="softmax")),
     407_050),
    (lambda: seq(layers.Input((4, 4, 3)), layers.Flatten(), layers.Dense(8), layers.Reshape((2, 2, 2))), 392),
    (lambda: seq(layers.Input((3,)), layers.Dense(4), layers.Dense(2)), 26),
    (lambda: seq(layers.Input((3,)), layers.Dense(4), layers.Dense(4), layers.Dense(1)), 41),
    (lambda: seq(layers.Input((10_000,)), layers.Dense(1000)), 10_001_000),
])
def test_parameters(model, count):
    assert model().count_params() == count


def test_input_five_by_seven_stride_two():
    assert seq(layers.Input((5, 7, 1)), layers.Conv2D(1, 3, strides=2, padding="same")).output_shape == (None, 3, 4, 1)


@pytest.mark.parametrize("name", MODELS)
def test_config_round_trip(name):
    model = MODELS[name]()
    config = json.loads(json.dumps(model.get_config()))
    copy = type(model).from_config(config)
    copy.set_weights(model.get_weights())
    x, _ = data(model)
    np.testing.assert_array_equal(copy.predict(x, verbose=0), model.predict(x, verbose=0))
    assert copy.name == model.name and [a.name for a in copy.layers] == [b.name for b in model.layers]


def shared():
    a, b = layers.Input((4,), name="a"), layers.Input((4,), name="b")
    one = layers.Dense(3, name="one")
    joined = layers.Concatenate()([one(a), one(b)])
    return gpunn.Model([a, b], [layers.Dense(2, name="p")(joined), layers.Dense(1, name="q")(joined)], name="shared")


def test_shared_layers_have_one_set_of_weights():
    model = shared()
    assert [w.path for w in model.weights] == ["one/kernel", "one/bias", "p/kernel", "p/bias", "q/kernel", "q/bias"]
    a, b = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    kernel, bias, *_ = model.get_weights()
    h = np.concatenate([a @ kernel + bias, b @ kernel + bias], 1)
    p, q = model.predict([a, b], verbose=0)
    np.testing.assert_allclose(p, h @ model.get_weights()[2], rtol=1e-5)
    np.testing.assert_allclose(q, h @ model.get_weights()[4], rtol=1e-5)


def test_shared_config_round_trip():
    model = shared()
    copy = gpunn.Model.from_config(json.loads(json.dumps(model.get_config())))
    assert [w.path for w in copy.weights] == [w.path for w in model.weights] and copy.output_names == ["p", "q"]


def test_layers_come_in_keras_order():
    i, j, k = (layers.Input((4,), name=n) for n in "ijk")
    dense = {n: layers.Dense(4, name=n) for n in "abcdefgs"}
    a, c = dense["a"](i), dense["c"](j)
    b, d = dense["b"](a), dense["d"](dense["e"](dense["f"](k)))
    shared_twice = layers.Add(name="m")([dense["s"](i), dense["s"](dense["g"](j))])
    for inputs, outputs, names in (
            ([i, j], layers.Add(name="add")([b, c]), "i a j b c add"), ([j, i], [c, b], "i j a c b"),
            ([i, j, k], layers.Concatenate(name="cat")([c, b, d]), "k i f j a e c b d cat"),
            ([i, j], shared_twice, "j i g s m"), ([i, j], ops.relu(c) + a, "j c i a"), ([i, j], b, "i a j b")):
        assert " ".join(layer.name for layer in gpunn.Model(inputs, outputs).layers) == names


def test_operators_and_ops_on_symbols():
    x = layers.Input((3,))
    y = ops.exp(x * 2.0 - 1.0) / (x.shape[-1] + 1)
    v = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    model = gpunn.Model(x, [y, ops.sum(y, axis=-1), y[:, 1:]])
    assert [s.shape for s in model.outputs] == [(None, 3), (None,), (None, 2)]
    exact = np.exp(v * 2 - 1) / 4
    for got, want in zip(model.predict(v, verbose=0), [exact, exact.sum(-1), exact[:, 1:]], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5)


def test_models_nest():
    inner = seq(layers.Input((3,)), layers.Dense(2))
    x = layers.Input((3,))
    outer = gpunn.Model(x, inner(x) + inner(x * 2.0))
    v = np.ones((2, 3), "float32")
    kernel, bias = inner.get_weights()
    np.testing.assert_allclose(outer.predict(v, verbose=0), v @ kernel * 3 + 2 * bias, rtol=1e-6)
    assert outer.count_params() == 8


class Twice(gpunn.Model):
    def __init__(self, units):
        super().__init__()
        self.inner = layers.Dense(units)
        self.drop = layers.Dropout(0.5)

    def call(self, inputs, training=None):
        return self.drop(self.inner(inputs), training=training) * 2.0


def test_subclass_builds_at_the_first_call_and_trains():
    model = Twice(2)
    assert model.weights == []
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(30, 3)).astype("float32")
    before = model.evaluate(x, x[:, :2], verbose=0)
    model.fit(x, x[:, :2], epochs=40, verbose=0)
    assert model.evaluate(x, x[:, :2], verbose=0) < before and len(model.weights) == 2


class OwnStep(gpunn.Model):
    """Counts its steps in a variable of its own and weighs the loss."""

    def train_step(self, data):
        x, y = data
        y_pred = self(x, training=True)
        loss = 2.0 * self.compute_loss(y=y, y_pred=y_pred)
        loss.backward()
        weights = self.trainable_weights
        self.optimizer.apply([w.grad for w in weights], weights)
        return {"twice": loss, "norm": ops.sum(ops.square(weights[0]))}


def test_own_train_step_is_recorded(capfd):
    x = layers.Input((3,))
    model = OwnStep(x, layers.Dense(1)(x))
    model.compile("sgd", "mse")
    v = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
    history = model.fit(v, v.sum(1), batch_size=10, epochs=6, verbose=0).history
    assert list(history) == ["twice", "norm"] and history["twice"][-1] < history["twice"][0]
    assert "eagerly" not in capfd.readouterr().err
    np.testing.assert_allclose(history["norm"][-1], np.square(model.get_weights()[0]).sum(), rtol=1e-5)


def test_frozen_layers_do_not_move():
    model = seq(layers.Input((3,)), layers.Dense(4), layers.Dense(1))
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(np.ones((8, 3)), np.ones(8), verbose=0)
    after = model.get_weights()
    assert (before[0] == after[0]).all() and (before[2] != after[2]).any()
    assert [w.shape for w in model.trainable_weights] == [(4, 1), (1,)]


def test_summary_counts_and_shapes():
    lines = []
    seq(layers.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.BatchNormalization()).summary(print_fn=lines.append)
    text = "\n".join(lines)
    for part in ("(None, 6, 6, 2)", "20", "8", "Total params: 28", "Trainable params: 24", "Non-trainable params: 4"):
        assert part in text


def test_a_summary_says_who_served_a_layer():
    model, lines = seq(layers.Input((12, 12, 16)), layers.Conv2D(16, 3, padding="same"), layers.Conv2D(8, 3, 2),
                       layers.DepthwiseConv2D(3), layers.Conv2D(4, 1), layers.Flatten(), layers.Dense(1)), []
    model.summary(print_fn=lines.append, show_engine=True)
    model.compile("sgd", "mse")
    model.fit(np.ones((2, 12, 12, 16)), np.ones(2), verbose=0)
    model.summary(print_fn=lines.append, show_engine=True)
    before, after = ([line.split("│")[-2].strip() for line in text.splitlines() if "│" in line][1:] for text in lines)
    back = "back: direct, product"                  # dw by windows, dx by a product
    assert before == ["-"] * 6 and after == ["Winograd", "direct", "depthwise", "product", back, "-", "-"]


@pytest.mark.parametrize("act, message", [
    (lambda: seq(3), "expected a layer, got int"),
    (lambda: seq(layers.Dense(2, name="a"), layers.Dense(2, name="a")), "two layers are named 'a'"),
    (lambda: seq(layers.Dense(2)).output_shape, "no output_shape yet"),
    (lambda: shared().get_layer("r"), "no layer is named 'r'; the layers are"),
    (lambda: shared().get_layer("a", 0), "get_layer expects a name or an index, got name='a', index=0"),
    (lambda: shared().predict(np.ones((2, 4)), verbose=0), "expected 2 inputs \\(a, b\\), got 1"),
    (lambda: seq().pop(), "no layer to remove"),
    (lambda: gpunn.Model(layers.Input((2,)), layers.Dense(1)(layers.Input((2,)))), "not among the inputs"),
    (lambda: float(layers.Input((2,))), "has no value yet"),
    (lambda: Twice(2).save_weights("w"), "has no weights yet"),
])
def test_errors(act, message):
    with pytest.raises((ValueError, AttributeError, TypeError), match=message):
        act()


GRAPH = """
Layer (type)              | Output Shape | Param # | Connected to      | Trainable
a (InputLayer)            | (None, 4)    |       0 |                   | yes
b (InputLayer)            | (None, 4)    |       0 |                   | yes
d (Dense)                 | (None, 4)    |      20 | a[0][0],          | yes
                          |              |         | b[0][0]           |
add (Add)                 | (None, 4)    |       0 | d[0][0],          |
                          |              |         | d[1][0]           |
tanh (Tanh)               | (None, 4)    |       0 | add[0][0]         |
inner (Sequential)        | (None, 3)    |      15 | tanh[0][0]        | no
  e (Dense)               | (None, 3)    |      15 |                   | no
tanh_1 (Tanh)             | (None, 3)    |       0 | inner[0][0]       |
concatenate (Concatenate) | (None, 7)    |       0 | tanh_1[0][0],     | yes
                          |              |         | tanh[0][0]        |
last (Dense)              | (None, 1)    |       8 | concatenate[0][0] | yes"""


def branching():
    a, b, dense = layers.Input((4,), name="a"), layers.Input((4,), name="b"), layers.Dense(4, name="d")
    sum_ = ops.tanh(dense(a) + dense(b))
    inner = gpunn.Sequential([layers.Input((4,)), layers.Dense(3, name="e")], name="inner")
    inner.trainable = False
    both = layers.Concatenate(name="concatenate")([ops.tanh(inner(sum_)), sum_])
    return gpunn.Model([a, b], layers.Dense(1, name="last")(both), name="graph")


def test_the_summary_of_a_graph_says_who_reads_whom():
    lines = []
    branching().summary(print_fn=lines.append, expand_nested=True, show_trainable=True)
    found = [[cell.strip() for cell in line[1:-1].split("│")] for line in lines[0].splitlines() if "│" in line]
    wanted = [[cell.strip() for cell in f"{line:87}|".split("|")[:5]] for line in GRAPH.strip("\n").splitlines()]
    assert found == wanted


def test_a_part_of_a_summary_and_a_chain_without_the_column():
    lines = []
    branching().summary(print_fn=lines.append, layer_range=("add", "inner"))
    text = "\n".join(lines)
    assert "d[1][0]" in text and "a (InputLayer)" not in text and "concatenate" not in text
    x = layers.Input((4,))
    gpunn.Model(x, layers.Dense(1)(layers.Dense(2)(x))).summary(print_fn=lines.append)
    assert "Connected" not in lines[-1] and "InputLayer" in lines[-1]
