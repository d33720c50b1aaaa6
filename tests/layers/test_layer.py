"""The base of all layers: building, weights, freezing, names, contexts, losses, masks, configs."""
import warnings

import numpy as np
import pytest

from gpunn import layers, ops
from gpunn._names import reset_uids
from gpunn.layers import Dense, Input, Layer
from gpunn.symbol import Symbol
from gpunn.tensor import Tensor, Variable

X = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)


class Linear(Layer):
    """A user's layer."""

    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="ones", name="w")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=False, name="b")

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b


class Nested(Layer):
    """Sub-layers in attributes, lists and dictionaries, built when they are called."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.more, self.named = Linear(3), [Dense(2), Dense(2)], {"last": Dense(1)}

    def call(self, inputs, training=False):
        x = self.first(inputs)
        for layer in self.more:
            x = layer(x)
        return self.named["last"](x)


class Spy(Layer):
    """Says in which mode it was called."""

    def call(self, inputs, training=None):
        self.seen = training
        return inputs


def test_a_layer_builds_at_its_first_call_and_remembers_the_shape():
    layer = Linear(2)
    assert not layer.built and layer.weights == []
    np.testing.assert_allclose(layer(X).numpy(), X.sum(1, keepdims=True).repeat(2, 1), rtol=1e-6)
    assert layer.built and layer.get_build_config() == {"input_shape": (3, 4)} and layer.count_params() == 10


@pytest.mark.parametrize("x", [X, X.tolist(), X.astype("float64"), Tensor(X)],
                         ids=["array", "list", "float64", "tensor"])
def test_inputs_become_float32_tensors(x):
    assert Dense(2)(x).dtype == "float32"


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
def test_integers_are_numbers_to_a_layer_with_weights(dtype):
    x = np.array([[0, 1, 1, 0]], dtype)
    layer = Dense(1, kernel_initializer="ones")
    assert layer(x).item() == 2 and layer(x).dtype == "float32"
    assert layers.Flatten()(x).dtype == dtype


def test_a_layer_may_compute_in_float64():
    layer = Dense(2, dtype="float64")
    assert layer(X).dtype == layer.kernel.dtype == "float64"


def test_weights_come_own_first_then_those_of_sublayers_in_order():
    layer = Nested()
    layer(X)
    assert [w.name for w in layer.weights] == ["w", "b"] + ["kernel", "bias"] * 3
    inner = f"{layer.name}/{layer.more[0].name}"
    assert [w.path for w in layer.weights[2:4]] == [f"{inner}/kernel", f"{inner}/bias"]
    assert len(layer.trainable_weights) == 7 and len(layer.non_trainable_weights) == 1
    assert layer.variables == layer.weights and layer.trainable_variables == layer.trainable_weights


def test_a_variable_in_an_attribute_is_a_weight():
    class Scale(Layer):
        def __init__(self):
            super().__init__()
            self.s = Variable(2.0, name="s")

        def call(self, inputs):
            return inputs * self.s
    layer = Scale()
    assert layer(X).numpy()[0, 0] == -2 and [w.name for w in layer.weights] == ["s"]


def test_freezing_reaches_all_sublayers_and_comes_back():
    layer = Nested()
    layer(X)
    layer.trainable = False
    assert layer.trainable_weights == [] and len(layer.non_trainable_weights) == 8
    assert not layer.more[0].trainable and not layer(Tensor(X)).requires_grad
    layer.trainable = True
    assert len(layer.trainable_weights) == 7 and not layer.first.b.requires_grad
    layer.more[1].trainable = False
    assert len(layer.trainable_weights) == 5


def test_a_layer_born_frozen_makes_frozen_weights():
    layer = Dense(2, trainable=False)
    assert not layer(Tensor(X)).requires_grad and layer.trainable_weights == [] and len(layer.weights) == 2


def test_weights_are_written_in_place():
    layer = Linear(2)
    layer(X)
    memory = layer.w.data
    layer.set_weights([np.full((4, 2), 3.0), np.ones(2)])
    assert layer.w.data is memory and layer.get_weights()[0][0, 0] == 3


def test_names_count_up_and_start_again():
    reset_uids()
    assert [Dense(1).name, Dense(1).name, layers.MaxPooling2D().name, layers.Conv2D(1, 1).name,
            layers.ReLU().name] == \
        ["dense", "dense_1", "max_pooling2d", "conv2d", "re_lu"]
    reset_uids()
    assert Dense(1).name == "dense" and Dense(1, name="mine").name == "mine"


@pytest.mark.parametrize("outer, given, seen", [(None, None, False), (None, True, True), (True, None, True),
                                                (True, False, False)])
def test_training_comes_from_the_call_or_the_layer_around_it(outer, given, seen):
    class Outer(Layer):
        def __init__(self):
            super().__init__()
            self.spy = Spy()

        def call(self, inputs, training=None):
            return self.spy(inputs, training=given)
    layer = Outer()
    layer(X, training=outer)
    assert layer.spy.seen is seen
    layer.spy(X)
    assert layer.spy.seen is False, "the mode ends with the call"


def test_training_reaches_layers_inside_those_that_do_not_ask():
    class Plain(Layer):
        def __init__(self):
            super().__init__()
            self.spy = Spy()

        def call(self, inputs):
            return self.spy(inputs)
    layer = Plain()
    layer(X, training=True)
    assert layer.spy.seen is True


def test_the_mode_is_restored_after_an_error():
    class Broken(Layer):
        def call(self, inputs, training=None):
            raise RuntimeError("broken")
    with pytest.raises(RuntimeError, match="broken"):
        Broken()(X, training=True)
    spy = Spy()
    spy(X)
    assert spy.seen is False


def test_losses_are_those_of_the_last_call():
    class Penalty(Layer):
        def call(self, inputs, training=None):
            if training:
                self.add_loss(ops.sum(inputs))
            return inputs
    layer = Penalty()
    layer(X, training=True)
    layer(X + 1, training=True)
    assert [round(float(v), 4) for v in layer.losses] == [12.0]
    layer(X)
    assert layer.losses == []


def test_losses_of_weights_and_activities_can_be_differentiated():
    layer = Dense(2, kernel_regularizer=layers.layer.regularizers.L2(0.5), activity_regularizer="l1",
                  kernel_initializer="ones")
    layer(X)
    activity, weight = layer.losses
    assert float(weight) == pytest.approx(0.5 * 8)
    assert float(activity) == pytest.approx(0.01 * np.abs(X.sum(1)).sum() * 2 / 3, rel=1e-5)
    weight.backward()
    np.testing.assert_allclose(layer.kernel.grad, np.ones((4, 2)))
    layer.trainable = False
    layer(X)
    assert len(layer.losses) == 1


def test_masks_travel_with_tensors():
    ids = np.array([[1, 2, 0], [3, 0, 0]])
    y = layers.Dense(4)(layers.Dropout(0.5)(layers.Embedding(5, 2, mask_zero=True)(ids)))
    np.testing.assert_array_equal(y.mask.numpy(), ids != 0)
    assert layers.LSTM(2)(y).mask is None
    np.testing.assert_array_equal(layers.LSTM(2, return_sequences=True)(y).mask.numpy(), ids != 0)


def test_a_mask_reaches_the_layer_and_changes_its_result():
    x = Tensor(np.ones((1, 4, 2), "float32"))
    layer = layers.GlobalAveragePooling1D()
    x.data[0, 2:] = 5
    assert layer(x).numpy()[0, 0] == 3
    x.mask = Tensor(np.array([[True, True, False, False]]))
    assert layer(x).numpy()[0, 0] == 1


def test_a_layer_that_drops_a_mask_says_so():
    x = Tensor(X)
    x.mask = Tensor(np.ones(3, bool))
    with pytest.warns(UserWarning, match="Linear 'linear.*' got an input with a mask but does not support "
                                         "masking"):
        Linear()(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layers.Embedding(3, 2)(np.array([[1, 2]]))


def test_symbols_build_layers_and_know_their_layer():
    x, layer = Input((4,)), Dense(3)
    y = layer(x)
    assert y.shape == (None, 3) and layer.built and layer.output is y and layer.input is x
    assert y.node.f is layer and y.node.args == (x,)


def test_a_layer_without_a_shape_rule_is_tried_on_zeros():
    y = Nested()(Input((4,)))
    assert isinstance(y, Symbol) and y.shape == (None, 1)
    assert layers.Lambda(lambda x: ops.sum(x, axis=1))(Input((None, 3))).shape == (None, 3)


def test_a_spec_leaves_no_trace_and_own_variables_go_around():
    layer, store = Dense(3), {}
    assert layer.compute_output_spec(Input((5,))).shape == (None, 3) and not layer._nodes
    layer.save_own_variables(store)
    assert sorted(store) == ["0", "1"]
    other = Dense(3)
    with pytest.raises(ValueError, match="Dense 'dense.*expected 0 arrays, got 2. Fix: build it first"):
        other.load_own_variables(store)
    other.build((None, 5))
    other.load_own_variables(store)
    np.testing.assert_array_equal(other.kernel, layer.kernel)


def test_input_gives_a_symbol():
    assert Input((2, None), 3, "int32", name="ids").shape == (3, 2, None)
    assert Input(batch_shape=(None, 5)).dtype == "float32" and Input((1,), name="x").name == "x"


def test_a_config_is_what_the_constructor_got():
    layer = Linear.from_config({**Linear(5).get_config(), "name": "copy"})
    assert layer.units == 5 and layer.name == "copy"
    assert Linear(5).get_config() | {"name": ""} == {"name": "", "trainable": True, "dtype": "float32",
                                                     "units": 5}


def test_configs_of_keras_are_understood():
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"},
              "registered_name": None}
    ones = {"module": "keras.initializers", "class_name": "Ones", "config": {}, "registered_name": None}
    config = {"module": "keras.layers", "class_name": "Dense", "registered_name": None,
              "build_config": {"input_shape": [None, 4]},
              "config": {"name": "d", "trainable": True, "dtype": policy, "units": 2, "activation": "relu",
                         "kernel_initializer": ones}}
    layer = layers.deserialize(config)
    assert layer.name == "d" and layer.get_config()["activation"] == "relu"
    assert layer(X).numpy()[2, 0] == pytest.approx(X[2].sum())


def test_a_class_of_the_user_is_found_by_name():
    config = layers.serialize(Linear(3))
    assert layers.deserialize(config, {"Linear": Linear}).units == 3
    with pytest.raises(ValueError, match="unknown layer 'Linear'"):
        layers.deserialize(config)


def test_the_old_order_of_add_weight_still_works():
    class Old(Layer):
        def build(self, input_shape):
            self.w = self.add_weight("w", (input_shape[-1],), initializer="ones")

        def call(self, inputs):
            return inputs * self.w
    layer = Old()
    np.testing.assert_array_equal(layer(X).numpy(), X)
    assert layer.w.name == "w"


def test_a_class_on_top_of_a_library_layer_keeps_its_config():
    class Scaled(Dense):
        def __init__(self, factor=2.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor
    layer = Scaled.from_config({**Scaled(3.0, units=4, activation="relu").get_config(), "name": "again"})
    assert (layer.factor, layer.units, layer.get_config()["activation"]) == (3.0, 4, "relu")


def test_an_overridden_get_config_starts_from_the_base_alone():
    class Holder(Layer):
        def __init__(self, inner, **kwargs):
            super().__init__(**kwargs)
            self.inner = inner

        def get_config(self):
            return {**super().get_config(), "inner": layers.serialize(self.inner)}
    config = Holder(Dense(2), name="h").get_config()
    assert set(config) == {"name", "trainable", "dtype", "inner"} and config["inner"]["class_name"] == "Dense"


def test_long_lists_of_words_are_not_searched_for_layers():
    layer = Dense(1)
    layer.words = ["a"] * 3 + [Dense(1)]
    assert layer.sublayers() == []
    layer.words = [[Dense(1)], {"x": (Dense(1),)}]
    assert len(layer.sublayers()) == 2


def test_softmax_gives_nothing_to_masked_places():
    mask = np.array([[True, False, True, False], [False] * 4, [True] * 4])
    y = layers.Softmax()(X, mask=mask).numpy()
    e = np.exp(X) * mask
    np.testing.assert_allclose(y, e / np.maximum(e.sum(-1, keepdims=True), 1e-9), rtol=1e-6)


def test_time_distributed_takes_and_keeps_a_mask():
    mask = np.array([[True, False]] * 3)
    y = layers.TimeDistributed(Dense(2))(X.reshape(3, 2, 2), mask=mask)
    assert y.shape == (3, 2, 2) and np.asarray(y.mask).tolist() == mask.tolist()
