"""Every layer against Keras 3: outputs, gradients, masks, losses, weights, configs, and shapes on symbols."""
import json
import pathlib
from functools import reduce

import numpy as np
import pytest

from gpunn import layers, ops
from gpunn._names import reset_uids
from gpunn.backend import asarray, constant, current, persistent, to_numpy
from gpunn.backend.program import Program
from gpunn.symbol import Symbol
from gpunn.tensor import Tensor, backward
from gpunn.tree import flatten, map_structure
from tests.golden.layer_cases import CASES

GOLDEN = np.load(pathlib.Path(__file__).parents[1] / "golden" / "layers.npz")
KEYS, ABOUT = list(GOLDEN.keys()), json.loads(str(GOLDEN["about"]))
# what Keras writes and gpunn has no use for
IGNORED = {"activity_regularizer", "quantization_config", "lora_rank", "lora_alpha", "autocast",
           "build_config"}
EXTRA = {"activity_regularizer", "trainable", "seed",
         "flash_attention"}       # Keras leaves them out in some layers
NAMESPACE = vars(layers)


def recorded(name, kind):
    found = [k for k in KEYS if k.startswith(f"{name}/{kind}") and k[len(name) + 1 + len(kind):].isdigit()]
    return [GOLDEN[k] for k in sorted(found, key=lambda k: int(k[len(name) + 1 + len(kind):]))]


def tensor(array):
    return Tensor(asarray(array.copy()), requires_grad=array.dtype.kind == "f")


def arranged(spec, arrays):
    """Recorded arrays in the nesting of the case."""
    values = iter(arrays)
    return [[tensor(next(values)) for _ in s] if isinstance(s, list) else tensor(next(values)) for s in spec]


def call_options(name, options):
    given = {k: v for k, v in options.items() if isinstance(v, bool)}
    for k in options:
        values = [tensor(a) for a in recorded(name, f"option_{k}")]
        if values:
            given[k] = values if isinstance(options[k], list) else values[0]
    return given


def prepared(name):
    """(layer with the recorded weights, inputs, options)"""
    expression, inputs, train, options = CASES[name]
    reset_uids()
    layer = eval(expression, NAMESPACE)
    x, options = arranged(inputs, recorded(name, "x")), call_options(name, options)
    layer(*x, **options)
    layer.set_weights(recorded(name, "w"))
    return layer, x, {**options, **({"training": True} if train else {})}


def close(actual, expected, what):
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, expected {expected.shape}"
    scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
    np.testing.assert_allclose(to_numpy(actual), expected, rtol=1e-5, atol=2e-6 * scale, err_msg=what)


@pytest.mark.parametrize("name", CASES)
def test_numbers_are_those_of_keras(name):
    layer, x, options = prepared(name)
    y = flatten(layer(*x, **options))
    for i, (a, b) in enumerate(zip(y, recorded(name, "y"), strict=True)):
        close(a.data, b, f"output {i}")
    check_masks(name, y)
    np.testing.assert_allclose([float(v) for v in layer.losses], ABOUT[name]["losses"], rtol=1e-5)
    check_gradients(name, layer, x, y)
    if recorded(name, "after"):
        for w, expected in zip([w for w in layer.weights if not w.trainable], recorded(name, "after"),
                               strict=True):
            close(w.data, expected, w.path)


def check_masks(name, y):
    expected = recorded(name, "mask")
    masks = [t.mask for t in y if t.mask is not None]
    assert len(masks) == len(expected)
    for m, e in zip(masks, expected):
        np.testing.assert_array_equal(m.numpy(), e)


def check_gradients(name, layer, x, y):
    if not any(t.requires_grad for t in y):
        return
    parts = [ops.sum(t * Tensor(r)) for t, r in zip(y, recorded(name, "r"))]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    backward(total)
    floats = [t for t in flatten(x) if t.requires_grad]
    for i, (t, expected) in enumerate(zip(floats, recorded(name, "dx"), strict=True)):
        close(t.grad, expected, f"gradient of input {i}")
    for w, expected in zip(layer.trainable_weights, recorded(name, "dw"), strict=True):
        close(w.grad, expected, f"gradient of {w.path}")


@pytest.mark.parametrize("name", CASES)
def test_weights_and_config_are_those_of_keras(name):
    layer, x, options = prepared(name)
    config, expected = layer.get_config(), ABOUT[name]["config"]
    assert set(config) - EXTRA <= set(expected), "keys that Keras does not have"
    assert set(expected) - set(config) <= IGNORED, "keys that only Keras has"
    for key in set(config) & set(expected):
        assert same(config[key], expected[key]), f"{key}: {config[key]!r}, expected {expected[key]!r}"
    assert [w.path.split("/", 1)[1] for w in layer.weights] == ABOUT[name]["weights"]


def same(value, expected):
    """Equal, where Keras writes more around the same thing."""
    if isinstance(expected, dict) and expected.get("class_name") == "DTypePolicy":
        return value == expected["config"]["name"]
    if isinstance(expected, dict) and "class_name" in expected:
        of = expected["class_name"]
        return value == expected["config"] if of == "function" else value["class_name"] == of
    value = json.loads(json.dumps(value))
    return value == expected or [value] == expected or value == [expected]


@pytest.mark.parametrize("name", CASES)
def test_a_config_makes_the_same_layer(name):
    layer, x, options = prepared(name)
    config = json.loads(json.dumps(layers.serialize(layer)))
    copy = layers.deserialize(config)
    assert json.loads(json.dumps(copy.get_config())) == config["config"]
    copy.build_from_config(json.loads(json.dumps(layer.get_build_config())))
    copy(*x, **options)
    layer, x, options = prepared(name)
    copy.set_weights(layer.get_weights())
    for a, b in zip(flatten(layer(*x, **options)), flatten(copy(*x, **options)), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("name", CASES)
def test_a_config_written_by_keras_makes_the_layer(name):
    layer, x, options = prepared(name)
    copy = layers.deserialize({"class_name": type(layer).__name__, "config": ABOUT[name]["config"]})
    copy(*x, **options)
    copy.set_weights(recorded(name, "w"))
    options.pop("training", None)
    for a, b in zip(flatten(layer(*x, **options)), flatten(copy(*x, **options)), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("name", CASES)
def test_symbols_have_the_shapes_of_results(name):
    layer, x, options = prepared(name)
    eager = flatten(layer(*x, **options))
    fresh = layers.deserialize(layers.serialize(layer))
    for batch in (None, flatten(x)[0].shape[0]):
        def symbol(t, batch=batch):
            return Symbol((batch, *t.shape[1:]), t.dtype) if isinstance(t, Tensor) else t
        symbols = flatten(fresh(*map_structure(symbol, x), **map_structure(symbol, options)))
        assert [s.dtype for s in symbols] == [t.dtype for t in eager]
        assert [s.shape for s in symbols] == [(batch, *t.shape[1:]) for t in eager]




@pytest.mark.parametrize("name", CASES)
def test_a_step_can_be_recorded(name):
    """Forward and backward as one program: the replay repeats the eager numbers, bit for bit."""
    layer, x, options = prepared(name)
    inputs = [t for t in flatten([x, options]) if isinstance(t, Tensor)]
    for t in inputs:
        persistent(t.data)
    seeds = [constant(r) for r in recorded(name, "r")]

    def step():
        for t in [*inputs, *layer.weights]:
            t.grad = None
        y = flatten(layer(*x, **options))
        if any(t.requires_grad for t in y):
            backward(reduce(ops.add, [ops.sum(t * Tensor(r)) for t, r in zip(y, seeds)]))
        grads = [t.grad for t in [*flatten(x), *layer.trainable_weights] if t.grad is not None]
        return [t.data for t in y] + grads
    saved = [w.numpy().copy() for w in layer.weights]
    program, results = Program(current(), step, what=name), []
    for _ in range(4):
        layer.set_weights(saved)
        results.append([to_numpy(a).copy() for a in program()])
    assert program.replay is not None and not program.eager
    for a, b in zip(results[0], results[-1], strict=True):
        np.testing.assert_array_equal(a, b)
