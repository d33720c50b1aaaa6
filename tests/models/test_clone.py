"""clone_model: the same structure, weights of its own."""
import numpy as np
import pytest

import gpunn
from gpunn import layers
from gpunn.models import clone_model

from .test_own_classes import Net, Scale
from .test_saving import same, several
from .zoo import MODELS, data


def shapes(model):
    return [w.shape for w in model.weights]


@pytest.mark.parametrize("name", MODELS)
def test_a_clone_has_the_structure_and_weights_of_its_own(name):
    model = MODELS[name]()
    copy = clone_model(model)
    assert type(copy) is type(model) and copy.name == model.name and copy.get_config() == model.get_config()
    assert copy.optimizer is None and not {id(w) for w in copy.weights} & {id(w) for w in model.weights}
    assert any((a != b).any() for a, b in zip(copy.get_weights(), model.get_weights(), strict=True))
    copy.set_weights(model.get_weights())
    x, _ = data(model)
    same([copy.predict(x, verbose=0)], [model.predict(x, verbose=0)])


def test_graphs_with_shared_layers_models_and_operations():
    model = several()
    copy = clone_model(model)
    assert shapes(copy) == shapes(model) and copy.get_config() == model.get_config()
    assert copy.get_layer("inner") is not model.get_layer("inner")


def test_own_functions_make_and_call_the_layers():
    seen = []

    def without_dropout(layer):
        seen.append(layer.name)
        if isinstance(layer, layers.Dropout):
            return layers.Identity(name=layer.name)
        return type(layer).from_config(layer.get_config())

    def call(layer, *args, **options):
        seen.append("call")
        return layer(*args, **options)
    model = several()
    deep = clone_model(model, clone_function=without_dropout, call_function=call, recursive=True)
    assert isinstance(deep.get_layer("inner").layers[1], layers.Identity)
    seen.clear()
    clone_model(model, clone_function=without_dropout, call_function=call)
    assert seen.count("call") == len(model._graph.nodes) and seen.count("one") == 1
    flat = clone_model(MODELS["mlp"](), clone_function=without_dropout)
    assert [type(layer).__name__ for layer in flat.layers] == ["Dense", "BatchNormalization", "Identity", "Dense"]


def test_other_inputs():
    x = layers.Input(batch_shape=(5, 12))
    assert clone_model(MODELS["mlp"](), x).output_shape == (5, 4)
    a, b = layers.Input(batch_shape=(3, 4)), layers.Input(batch_shape=(3, 4))
    s = layers.Input((4,))
    model = gpunn.Model([s, t := layers.Input((4,))], layers.Dense(2)(layers.Add()([s, t])))
    assert clone_model(model, [a, b]).output_shape == (3, 2)


def test_subclasses_are_made_anew_from_their_config():
    model = Net(3)
    model(np.ones((2, 5), "float32"))
    copy = clone_model(model)
    assert type(copy) is Net and copy.units == 3 and isinstance(copy.parts[1], Scale) and copy.weights == []


@pytest.mark.parametrize("act", [
    lambda: clone_model(Net(3), clone_function=lambda layer: layer),
    lambda: clone_model(MODELS["mlp"](), call_function=lambda layer, x: layer(x))])
def test_what_cannot_be_done(act):
    with pytest.raises(ValueError, match="work on models that are made of a graph"):
        act()
