"""Neighbours that run as one give the numbers of the nodes that run one by one."""
import numpy as np
import pytest

import gpunn
from gpunn import layers
from gpunn.models.fusion import Chain, Step

IMAGE = (8, 8, 3)


def conv_pool(x, activation="relu"):
    return layers.MaxPooling2D(2)(layers.Conv2D(6, 3, padding="same", activation=activation)(x))


def norm_relu(x):
    return layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(6, 3)(x)))


def norm_sum_relu(x):
    x = layers.Conv2D(6, 3)(x)
    y = layers.BatchNormalization()(layers.Conv2D(6, 3, padding="same")(x))
    return layers.Activation("relu")(layers.Add()([y, x]))


def two_norms(x):
    a, b = (layers.BatchNormalization()(layers.Conv2D(6, 1)(x)) for _ in range(2))
    return layers.ReLU()(layers.Add()([a, b]))


def model_of(body):
    gpunn.set_seed(1)
    x = layers.Input(IMAGE)
    y = layers.Dense(4)(layers.GlobalAveragePooling2D()(body(x)))
    model = gpunn.Model(x, y)
    model.compile(gpunn.optimizers.SGD(0.1), "mse")
    return model


def one_by_one(model):
    model._graph.steps = [Step(n) for n in model._graph.nodes]
    return model


def chains(model) -> list:
    return [s for s in model._graph.steps if isinstance(s, Chain)]


def trained(model):
    dice = np.random.default_rng(2)
    x, y = dice.normal(size=(12, *IMAGE)).astype("f"), dice.normal(size=(12, 4)).astype("f")
    model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    return [*model.get_weights(), model.predict(x, verbose=0)]


@pytest.mark.parametrize("body", [conv_pool, norm_relu, norm_sum_relu, two_norms])
def test_a_chain_gives_the_numbers_of_its_nodes(body):
    assert len(chains(model_of(body))) == 1 and not chains(one_by_one(model_of(body)))
    for a, b in zip(trained(model_of(body)), trained(one_by_one(model_of(body))), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


def test_a_sequential_model_has_chains_too():
    model = gpunn.Sequential([layers.Input(IMAGE), layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D()])
    assert len(chains(model)) == 1


class Doubled(layers.MaxPooling2D):
    def call(self, inputs):
        return 2 * super().call(inputs)


def read_twice(x):
    y = layers.Conv2D(6, 3, activation="relu")(x)
    return layers.Concatenate()([layers.MaxPooling2D(1)(y), y])


def watched(x):
    return layers.MaxPooling2D()(layers.Conv2D(6, 3, activation="relu", activity_regularizer="l2")(x))


def own_layer(x):
    return Doubled()(layers.Conv2D(6, 3, activation="relu")(x))


def broadcast(x):
    y = layers.BatchNormalization()(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return layers.ReLU()(layers.Add()([y, x]))


@pytest.mark.parametrize("body", [read_twice, watched, own_layer, broadcast, lambda x: conv_pool(x, "tanh")])
def test_what_must_not_be_joined_is_not(body):
    assert not chains(model_of(body))


def test_an_output_in_the_middle_stays():
    x = layers.Input(IMAGE)
    y = layers.Conv2D(6, 3, activation="relu")(x)
    assert not chains(gpunn.Model(x, [y, layers.MaxPooling2D()(y)]))


def frozen(model):
    model.get_layer(index=2).trainable = False
    return model


def test_a_frozen_norm_uses_its_moving_statistics():
    joined, single = trained(frozen(model_of(norm_relu))), trained(frozen(one_by_one(model_of(norm_relu))))
    for a, b in zip(joined, single, strict=True):
        np.testing.assert_array_equal(a, b)
