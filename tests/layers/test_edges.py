"""Rare options of the layers, in closed form, and inputs that must be refused."""
import re

import numpy as np
import pytest

from gpunn import layers, ops
from gpunn.tensor import Tensor, Variable, backward

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


REFUSED = {
    "a state must have shape (2, 4), got (2, 3)": lambda: layers.GRU(4)(normal(2, 5, 3), initial_state=normal(2, 3)),
    "initial_state must be a list of 2 states": lambda: layers.LSTM(4)(normal(2, 5, 3), initial_state=normal(2, 4)),
    "the mask must have shape (2, 5), got (2, 4)":
        lambda: layers.SimpleRNN(4)(normal(2, 5, 3), mask=np.ones((2, 4), bool)),
    "a mask must have shape (2, 2, 4, 6), or sizes of 1, got (2, 1, 3, 3)":
        lambda: layers.MultiHeadAttention(2, 3)(normal(2, 4, 5), normal(2, 6, 5),
                                                attention_mask=np.ones((2, 3, 3), bool)),
    "expected 3 axes, got 2": lambda: layers.LSTM(4)(normal(2, 3)),
    "expects 1 input(s), got 2": lambda: layers.Dense(4)([normal(2, 3), normal(2, 3)]),
    "expected equal sizes on every axis": lambda: layers.Concatenate()([normal(2, 3), normal(2, 3, 4)]),
    "axes after the batch's": lambda: layers.Dot(0),
    "axis must be from -3 to 2, got 5": lambda: layers.Normalization(axis=5)(normal(2, 3, 4)),
    "[query's, value's] or None": lambda: layers.Attention()([normal(2, 3, 4)] * 2, mask=[np.ones((2, 3), bool)]),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_does_not_fit_is_refused(message):
    with pytest.raises(ValueError, match=re.escape(message)):
        REFUSED[message]()


@pytest.mark.parametrize("error", [TypeError, ValueError])
def test_an_unknown_argument_is_an_error_of_both_kinds(error):
    with pytest.raises(error, match="unknown argument 'unit'; did you mean 'units'"):
        layers.Dense(4, unit=3)


def test_a_masked_end_gives_zeros_where_zeros_are_wanted():
    mask = np.array([[True, True, False], [True, True, True]])
    y = layers.LSTM(4, zero_output_for_mask=True)(normal(2, 3, 2), mask=mask).numpy()
    assert not y[0].any() and y[1].all()


def test_attention_takes_any_axes_before_time():
    q, v = normal(2, 3, 4, 5), normal(2, 3, 6, 5)
    for layer in (layers.Attention(), layers.Attention(score_mode="concat"), layers.AdditiveAttention()):
        y = layer([q, v]).numpy()
        flat = layer([q.reshape(6, 4, 5), v.reshape(6, 6, 5)]).numpy()
        np.testing.assert_allclose(y, flat.reshape(2, 3, 4, 5), rtol=1e-5, atol=1e-6)


def test_layer_normalization_sorts_its_axes():
    layer = layers.LayerNormalization(axis=[-1, -2])
    layer.build((2, 5, 3))
    assert layer.gamma.shape == (5, 3) and layer.get_config()["axis"] == [-2, -1]


def test_a_gradient_has_its_weights_shape_where_normalized_axes_lie_apart():
    layer, x = layers.LayerNormalization(axis=[-1, 1]), normal(2, 4, 3, 5)
    backward(ops.sum(layer(x) * x))
    grad = layer.gamma.grad
    assert grad.shape == layer.gamma.shape == (5, 4)
    z = (x - x.mean((1, 3), keepdims=True)) / np.sqrt(x.var((1, 3), keepdims=True) + 1e-3)
    np.testing.assert_allclose(np.reshape(grad, (4, 5)), (z * x).sum((0, 2)), rtol=1e-4, atol=1e-4)


def test_normalization_along_another_axis_than_the_last():
    x, mean, variance = normal(2, 3, 4), [1.0, 2.0, 3.0], [4.0, 1.0, 9.0]
    y = layers.Normalization(axis=1, mean=mean, variance=variance)(x).numpy()
    expected = (x - np.reshape(mean, (1, 3, 1))) / np.sqrt(np.reshape(variance, (1, 3, 1)))
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


def test_a_lambda_finds_its_shape():
    layer = layers.Lambda(lambda x: ops.sum(x, axis=1))
    assert layer.compute_output_shape((None, 5, 3)) == (None, 3)


def test_up_sampling_of_a_slope_is_a_slope():
    x = np.broadcast_to(np.arange(8, dtype="float32")[None, None, :, None], (1, 8, 8, 1))
    y = layers.UpSampling2D(2, interpolation="bicubic")(x).numpy()
    assert y.shape == (1, 16, 16, 1)
    np.testing.assert_allclose(y[0, 8, 6:10, 0], [2.75, 3.25, 3.75, 4.25], rtol=1e-5)


def test_weights_say_whether_they_train():
    layer = layers.Dense(4, trainable=False)
    layer.build((2, 3))
    assert not layer.kernel.trainable
    layer.trainable = True
    assert layer.kernel.trainable and layer.trainable_weights == [layer.kernel, layer.bias]
    layer.kernel.trainable = False
    assert layer.trainable_weights == [layer.bias] and layer.weights == [layer.kernel, layer.bias]
    assert not Variable(Tensor(normal(2)), trainable=False).trainable


def test_stacked_cells_take_states_as_they_are_nested():
    cells = layers.StackedRNNCells([layers.LSTMCell(4), layers.GRUCell(3)])
    states = [[normal(2, 4), normal(2, 4)], [normal(2, 3)]]
    output, new = cells(normal(2, 5), states)
    assert output.shape == (2, 3) and [s.shape for s in new] == [(2, 4), (2, 4), (2, 3)]


def attended(mask, **options):
    """The result for a mask of the queries, and the mean of the projected values."""
    layer, x = layers.MultiHeadAttention(1, 2, **options), Tensor(normal(1, 3, 2))
    x.mask = ops.convert_to_tensor(mask)
    y = layer(x, Tensor(normal(1, 4, 2)))
    layer.set_weights([np.ones(w.shape) for w in layer.weights])
    value = normal(1, 4, 2)
    y = layer(x, Tensor(value)).numpy()
    return y[0], (value.sum(-1, keepdims=True) + 1).mean(1)[0] * 2 + 1


def test_who_may_look_nowhere_sees_the_mean_of_all():
    y, mean = attended(np.array([[True, True, False]]))
    np.testing.assert_allclose(y[2], np.repeat(mean, 2), rtol=1e-5)
    y, _ = attended(np.array([[True, True, False]]), dropout=0.5)
    np.testing.assert_allclose(y[2], 1.0)                      # as in Keras: the bias alone


def test_a_stateless_call_changes_nothing():
    layer, x = layers.BatchNormalization(momentum=0.5), normal(4, 3)
    layer(x)
    before = layer.get_weights()
    y, after, losses = layer.stateless_call([np.full(3, 2.0), np.ones(3)], [np.zeros(3), np.ones(3)], x, training=True,
                                            return_losses=True)
    np.testing.assert_allclose(after[0].numpy(), x.mean(0) / 2, atol=1e-6)
    np.testing.assert_allclose(y.numpy(), 2 * (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3) + 1, atol=1e-5)
    assert losses == [] and all(map(np.array_equal, before, layer.get_weights()))


def test_paths_begin_with_the_outer_layer():
    class Block(layers.Layer):
        def __init__(self, name):
            super().__init__(name=name)
            self.first, self.second = layers.LSTM(2, name="r"), layers.Dense(1, name="d")

        def build(self, input_shape):
            self.first.build(input_shape)

        def call(self, x):
            return self.second(self.first(x))
    block = Block("b")
    block(normal(2, 3, 4))
    assert [w.path for w in block.weights] == ["b/r/lstm_cell/kernel", "b/r/lstm_cell/recurrent_kernel",
                                               "b/r/lstm_cell/bias", "b/d/kernel", "b/d/bias"]


def test_statistics_at_every_step():
    x, layer = normal(4, 3, 2), layers.TimeDistributed(layers.BatchNormalization(momentum=0.5))
    y = layer(x, training=True).numpy()
    np.testing.assert_allclose(y, (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3), atol=1e-5)
    expected = x[:, 0].mean(0) / 8 + x[:, 1].mean(0) / 4 + x[:, 2].mean(0) / 2
    np.testing.assert_allclose(layer.layer.moving_mean.numpy(), expected, atol=1e-6)


def test_layers_that_keep_integers():
    x = np.arange(-8, 8).reshape(1, 2, 4, 2)
    for kind in (layers.ReLU, layers.MaxPooling2D, layers.GlobalMaxPooling2D, layers.Flatten, layers.Masking):
        assert kind()(x.astype("int32")).dtype == "int32"
    np.testing.assert_array_equal(layers.MaxPooling2D()(x).numpy(), x.reshape(1, 1, 2, 2, 2, 2).max((2, 4)))


def test_a_function_of_ops_goes_around():
    config = layers.Lambda(ops.relu).get_config()
    assert config["function"] == "relu" and config["arguments"] == {}
    np.testing.assert_array_equal(layers.Lambda.from_config(config)(np.array([-1.0, 2.0])).numpy(), [0, 2])


def test_numbers_beyond_the_categories():
    with pytest.raises(ValueError, match="the inputs must be less than num_tokens=3, got 3"):
        layers.CategoryEncoding(3)(np.array([[0, 3]]))


def test_sums_of_nothing():
    assert float(ops.logsumexp(np.zeros((0, 3), "float32"))) == -np.inf
    assert ops.logsumexp(np.zeros((0, 3), "float32"), axis=1).shape == (0,)


def test_groups_of_an_empty_batch():
    assert layers.GroupNormalization(2)(np.zeros((0, 3, 3, 4), "float32")).shape == (0, 3, 3, 4)


def test_a_container_that_holds_itself_is_walked_through_once():
    layer = layers.Dense(2)
    layer.tree = {"children": [weight := Variable(1.0)]}
    layer.tree["parents"] = [layer.tree]
    layer.build((None, 3))
    assert [w is weight for w in layer.weights] == [False, False, True]


def test_a_number_has_one_place():
    np.testing.assert_array_equal(ops.argsort(np.float32(3)).numpy(), [0])
