"""Names: near misses, counting, nested structures, what the user registers."""
import pytest

import gpunn
from gpunn import _names, _objects, tree


@pytest.mark.parametrize("name, known, words", [
    ("rleu", ["relu", "elu", "tanh"], "; did you mean 'relu'"),
    ("Dens", ["Dense", "Dropout"], "; did you mean 'Dense'?"),
    ("zzz", ["a", "b"], "; known: a, b"),
    ("zzz", [f"name{i}" for i in range(20)], ""),
])
def test_suggestions(name, known, words):
    assert _names.suggest(name, known).startswith(words) and (words or not _names.suggest(name, known))


@pytest.mark.parametrize("name, snake", [("Dense", "dense"), ("MaxPooling2D", "max_pooling2d"),
                                         ("LSTM", "lstm"), ("MyLayer", "my_layer"),
                                         ("GlobalAveragePooling1D", "global_average_pooling1d"), ("_Private",
                                                                                                  "private")])
def test_snake_case(name, snake):
    assert _names.snake_case(name) == snake


def test_trees():
    nested = {"b": [1, (2, 3)], "a": 4}
    assert tree.flatten(nested) == [4, 1, 2, 3] and tree.flatten(5) == [5]
    assert tree.map_structure(lambda x: x + 1, nested) == {"b": [2, (3, 4)], "a": 5}
    assert tree.map_structure(lambda a, b: a * b, [1, (2,)], [3, (4,)]) == [3, (8,)]
    with pytest.raises(ValueError, match="zip"):
        tree.map_structure(lambda a, b: a, [1, 2], [1])


def test_registered_things_are_found_by_full_and_by_short_name():
    @_objects.register_keras_serializable("pack")
    class Thing:
        def get_config(self):
            return {}
    try:
        assert _objects.get_registered_name(Thing) == "pack>Thing"
        assert _objects.get_registered_object("pack>Thing") is Thing
        config = _objects.serialize(Thing())
        assert config == {"class_name": "Thing", "config": {}, "registered_name": "pack>Thing"}
        assert isinstance(_objects.get("thing", config, {}),
                          Thing) and isinstance(_objects.get("thing", "Thing", {}), Thing)
    finally:
        del _objects.get_custom_objects()["pack>Thing"]


def test_a_scope_ends():
    with _objects.custom_object_scope({"five": int}):
        assert _objects.find("thing", "five", {}) is int
    with pytest.raises(ValueError, match="unknown thing 'five'"):
        _objects.find("thing", "five", {})


@pytest.mark.parametrize("make, near", [
    (lambda: gpunn.optimizers.SGD(lr=0.1), "learning_rate"),
    (lambda: gpunn.metrics.AUC(num_threshold=3), "num_thresholds"),
    (lambda: gpunn.callbacks.EarlyStopping(monitr="loss"), "monitor"),
    (lambda: gpunn.initializers.RandomNormal(std=1), "stddev"), (lambda: gpunn.regularizers.L2(l=1), "l2"),
    (lambda: gpunn.constraints.MaxNorm(max_val=1), "max_value"), (lambda: gpunn.losses.Huber(delt=1), "delta"),
    (lambda: gpunn.layers.Dense(1, activaton="relu"), "activation"),
    (lambda: gpunn.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5, stair=True), "staircase")])
def test_unknown_arguments_are_refused_everywhere(make, near):
    with pytest.raises((TypeError, ValueError), match=f"unknown argument .*did you mean .*'{near}'"):
        make()
