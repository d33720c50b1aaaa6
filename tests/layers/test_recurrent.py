"""Recurrent layers beyond single numbers: states that go on, cells of the user, both ways of computing."""
import numpy as np
import pytest

from gpunn import layers, ops
from gpunn.tensor import Tensor

X = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
KINDS = [layers.SimpleRNN, layers.LSTM, layers.GRU]


@pytest.mark.parametrize("cls", KINDS)
def test_two_halves_with_state_equal_one_whole(cls):
    layer = cls(4, return_sequences=True, return_state=True)
    whole = layer(X)[0].numpy()
    first, *states = layer(X[:, :2])
    second = layer(X[:, 2:], initial_state=states)[0]
    np.testing.assert_allclose(np.concatenate([first.numpy(), second.numpy()], 1), whole, atol=1e-6)


@pytest.mark.parametrize("cls", KINDS)
def test_a_stateful_layer_goes_on_where_it_stopped(cls):
    layer, plain = cls(4, stateful=True), cls(4)
    layer(X[:, :2])
    plain(X)
    plain.set_weights(layer.get_weights())
    layer.reset_state()
    layer(X[:, :2])
    np.testing.assert_allclose(layer(X[:, 2:]).numpy(), plain(X).numpy(), atol=1e-6)
    layer.reset_state()
    np.testing.assert_allclose(layer(X).numpy(), plain(X).numpy(), atol=1e-6)
    assert len(layer.weights) == 3, "states are no weights"


@pytest.mark.parametrize("cls", KINDS)
def test_one_kernel_and_steps_of_the_cell_agree(cls):
    layer = cls(4, return_sequences=True)
    mask = Tensor(np.array([[1, 1, 0, 1, 0, 1], [0, 1, 1, 1, 1, 0]], bool))
    for m in (None, mask):
        states = layer._begin(Tensor(X), None) if layer(X) is not None else None
        fused, last = layer._run(Tensor(X), states, m, False)
        stepped, other = layers.RNN._run(layer, Tensor(X), states, m, False)
        np.testing.assert_allclose(fused.numpy(), stepped.numpy(), atol=2e-6)
        for a, b in zip(last, other, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), atol=2e-6)


def test_the_forget_gate_starts_open():
    layer = layers.LSTM(3)
    layer(X)
    np.testing.assert_array_equal(layer.cell.bias.numpy(), [0] * 3 + [1] * 3 + [0] * 6)
    layer = layers.LSTM(3, unit_forget_bias=False)
    layer(X)
    assert not layer.cell.bias.numpy().any()


def test_a_cell_of_the_user():
    class Sum(layers.Layer):
        """Adds up its inputs."""
        state_size = 3

        def get_initial_state(self, batch_size=None):
            return [ops.zeros((batch_size, 3))]

        def call(self, inputs, states):
            total = states[0] + inputs
            return total, [total]
    layer = layers.RNN(Sum(), return_sequences=True)
    np.testing.assert_allclose(layer(X).numpy(), np.cumsum(X, 1), atol=1e-5)


def test_backwards_is_forwards_on_the_reversed_sequence():
    a, b = layers.GRU(4, go_backwards=True), layers.GRU(4)
    a(X)
    b(X)
    b.set_weights(a.get_weights())
    np.testing.assert_allclose(a(X).numpy(), b(X[:, ::-1].copy()).numpy(), atol=1e-6)


def test_bidirectional_halves_are_its_layers():
    layer = layers.Bidirectional(layers.LSTM(4, return_sequences=True))
    y = layer(X).numpy()
    np.testing.assert_allclose(y[..., :4], layer.forward_layer(X).numpy(), atol=1e-6)
    np.testing.assert_allclose(y[..., 4:], layer.backward_layer(X).numpy()[:, ::-1], atol=1e-6)
    assert [w.path for w in layer.weights] == [
        f"{layer.name}/{half.name}/lstm_cell/{w}" for half in (layer.forward_layer, layer.backward_layer)
        for w in ("kernel", "recurrent_kernel", "bias")]


def test_the_options_of_a_layer_are_those_of_its_cell():
    layer = layers.LSTM(4, kernel_initializer="ones", dropout=0.25)
    assert layer.units == 4 and layer.dropout == 0.25
    assert layer.get_config()["kernel_initializer"]["class_name"] == "Ones"
    with pytest.raises(AttributeError, match="LSTM has no attribute 'unit'"):
        assert layer.unit
