"""Whole models in files: everything comes back, training goes on bit for bit, in another process too."""
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gpunn
from gpunn import layers, losses, metrics, ops, optimizers, storage
from gpunn.callbacks import LambdaCallback
from gpunn.models import load_model, model_from_json, save_model
from gpunn.saving import register_keras_serializable
from gpunn.tree import flatten, map_structure

from ..golden.layer_cases import CASES
from ..layers.test_golden import prepared
from .zoo import MODELS, data


def same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def again(model, path, **options):
    model.save(path)
    return load_model(path, **options)


def compiled(name, **options):
    model = MODELS[name]()
    schedule = optimizers.schedules.ExponentialDecay(0.01, 5, 0.9)
    model.compile(optimizers.Adam(schedule, clipnorm=1.0, amsgrad=True), "sparse_categorical_crossentropy",
                  metrics=["accuracy", metrics.SparseTopKCategoricalAccuracy(2)], **options)
    return model


@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_model_predicts_evaluates_and_trains_on(name, tmp_path):
    model, (x, y) = compiled(name), data(MODELS[name]())
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    copy = again(model, tmp_path / "m.keras")
    assert type(copy) is type(model) and copy.name == model.name
    assert [w.name for w in copy.weights] == [w.name for w in model.weights]
    assert json.dumps(copy.get_config()) == json.dumps(model.get_config())
    assert copy.get_compile_config() == model.get_compile_config()
    same(copy.predict(x, verbose=0), model.predict(x, verbose=0))
    assert copy.evaluate(x, y, verbose=0, return_dict=True) == model.evaluate(x, y, verbose=0, return_dict=True)
    histories = [m.fit(x, y, batch_size=8, epochs=2, verbose=0).history for m in (model, copy)]
    assert histories[0] == histories[1]
    same(copy.get_weights(), model.get_weights())


RESUME = """
import sys
import numpy as np
import gpunn
from tests.models.zoo import MODELS, data
for name in MODELS:
    model = gpunn.models.load_model(f"{sys.argv[1]}/{name}.keras")
    model.fit(*data(model), batch_size=8, initial_epoch=1, epochs=3, verbose=0)
    np.savez(f"{sys.argv[1]}/{name}.npz", *model.get_weights())
"""


def test_training_goes_on_in_another_process_as_if_it_had_not_stopped(tmp_path):
    """Dropout, shuffles, statistics, moments, schedule: what was saved after the first of three epochs is enough."""
    whole = {}
    for name in MODELS:
        model, path = compiled(name), tmp_path / f"{name}.keras"
        saving = LambdaCallback(on_epoch_end=lambda epoch, logs, m=model, p=path: epoch or m.save(p))
        model.fit(*data(model), batch_size=8, epochs=3, callbacks=[saving], verbose=0)
        whole[name] = model.get_weights()
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", RESUME, str(tmp_path)], cwd=root, check=True,
                   env={**os.environ, "PYTHONPATH": str(root)})
    for name, expected in whole.items():
        resumed = np.load(tmp_path / f"{name}.npz")
        same([resumed[k] for k in resumed], expected)


def small(c):
    return c(optimizers.Adam(0.01)) if c.__name__ == "LossScaleOptimizer" else c()


@pytest.mark.parametrize("make", [
    *(lambda c=c: small(c) for name, c in optimizers.KNOWN.items() if name == c.__name__),
    lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True), lambda: optimizers.Adam(0.01, amsgrad=True),
    lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    lambda: optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=2),
    lambda: optimizers.SGD(0.1, gradient_accumulation_steps=3), lambda: optimizers.SGD(0.1, loss_scale_factor=8.0)])
def test_optimizers_go_on_in_the_middle(make, tmp_path):
    model, (x, y) = MODELS["mlp"](), data(MODELS["mlp"]())
    model.compile(make(), "sparse_categorical_crossentropy")
    for _ in range(4):
        model.train_on_batch(x, y)
    model.optimizer.learning_rate = 0.05
    copy = again(model, tmp_path / "m")
    assert float(copy.optimizer.learning_rate) == float(np.float32(0.05)) and int(copy.optimizer.calls) == 4
    for m in (model, copy):
        for _ in range(4):
            m.train_on_batch(x, y)
    same(copy.get_weights(), model.get_weights())


def test_without_compile_and_without_the_state_of_the_optimizer(tmp_path):
    model, (x, y) = compiled("mlp"), data(MODELS["mlp"]())
    model.fit(x, y, verbose=0)
    bare = again(model, tmp_path / "m", compile=False)
    assert bare.optimizer is None and bare.get_compile_config() is None
    with pytest.raises(ValueError, match="call compile"):
        bare.fit(x, y)
    save_model(model, tmp_path / "m", include_optimizer=False)
    assert int(load_model(tmp_path / "m").optimizer.calls) == 0


def test_weights_can_be_taken_from_a_whole_model(tmp_path):
    model, other = compiled("mlp"), MODELS["mlp"]()
    model.fit(*data(model), verbose=0)
    model.save(tmp_path / "m")
    other.load_weights(tmp_path / "m")
    same(other.get_weights(), model.get_weights())


def test_on_every_device_and_from_one_to_the_other(device, tmp_path, full_precision):
    model, (x, y) = compiled("mlp"), data(MODELS["mlp"]())
    model.fit(x, y, batch_size=8, verbose=0)
    copy = again(model, tmp_path / "m")
    for m in (model, copy):
        m.fit(x, y, batch_size=8, verbose=0)
    same(copy.get_weights(), model.get_weights())
    model.save(tmp_path / "m")
    expected = model.predict(x, verbose=0)
    gpunn.use("cpu")
    np.testing.assert_allclose(load_model(tmp_path / "m").predict(x, verbose=0), expected, rtol=1e-4)


@pytest.mark.parametrize("layer, shape", [
    (layers.RandomFlip("horizontal", seed=3), (6, 6, 2)), (layers.RandomRotation(0.2), (6, 6, 2)),
    (layers.RandomTranslation(0.1, (0.0, 0.2)), (6, 6, 2)), (layers.RandomZoom((-0.2, 0.1)), (6, 6, 2)),
    (layers.Dropout(0.5, noise_shape=(None, 1), seed=1), (6,)), (layers.GaussianDropout(0.2), (6,)),
    (layers.AlphaDropout(0.2), (6,)), (layers.SpatialDropout1D(0.5), (4, 3)), (layers.Maxout(3), (6,)),
    (layers.Rescaling(np.float32(0.1), np.arange(3.0)), (3,)), (layers.Dense(np.int64(3)), (4,))],
    ids=lambda value: type(value).__name__)
def test_layers_that_draw_and_numbers_of_numpy(layer, shape, tmp_path):
    """Also in training: the same numbers are drawn."""
    model = gpunn.Sequential([layers.Input(shape), layer, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    copy, x = again(model, tmp_path / "m"), np.random.default_rng(0).normal(size=(9, *shape)).astype("float32")
    for m in (model, copy):
        m.fit(x, x.reshape(9, -1)[:, :1], batch_size=4, epochs=2, verbose=0)
    same(copy.get_weights(), model.get_weights())
    assert json.dumps(copy.to_json()) == json.dumps(model.to_json())


def test_measured_statistics_come_back(tmp_path):
    norm, x = layers.Normalization(), np.random.default_rng(0).normal(3, 2, (50, 4)).astype("float32")
    norm.adapt(x)
    model = gpunn.Sequential([layers.Input((4,)), norm, layers.BatchNormalization()])
    model.compile("sgd", "mse")
    model.fit(x, x, verbose=0)
    same(again(model, tmp_path / "m").predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("name", CASES)
def test_every_layer_comes_back(name, tmp_path):
    layer, x, options = prepared(name)
    symbols = map_structure(lambda t: layers.Input(batch_shape=t.shape, dtype=t.dtype), x)
    model = gpunn.Model(flatten(symbols), layer(*symbols, **options))
    copy = again(model, tmp_path / "m")
    assert json.dumps(copy.get_config()) == json.dumps(model.get_config())
    same([t.numpy() for t in flatten(copy(flatten(x)))], [t.numpy() for t in flatten(model(flatten(x)))])


def several():
    """Two inputs, a layer used twice, a model inside, operations, two outputs."""
    a, b = layers.Input((4,), name="a"), layers.Input((4,), name="b")
    one = layers.Dense(3, name="one")
    inner = gpunn.Sequential([layers.Input((3,)), layers.Dense(3), layers.Dropout(0.5)], name="inner")
    h = ops.exp(one(a) * 0.5) + np.float32(1) / (inner(one(b)) ** 2 + 1)
    h = ops.concatenate([h[:, 1:], ops.transpose(ops.reshape(h, (-1, 3, 1)), (0, 2, 1))[:, 0, ::2]], axis=-1)
    return gpunn.Model({"a": a, "b": b}, {"p": layers.Dense(2, name="p")(h), "q": ops.sum(h, axis=-1)})


def test_graphs_with_everything(tmp_path):
    model = several()
    copy = again(model, tmp_path / "m")
    x = {k: np.random.default_rng(i).normal(size=(5, 4)).astype("float32") for i, k in enumerate("ab")}
    ours, theirs = copy.predict(x, verbose=0), model.predict(x, verbose=0)
    assert list(ours) == list(theirs) == ["p", "q"]
    same(ours.values(), theirs.values())
    assert copy.get_layer("inner").name == "inner" and json.dumps(copy.get_config()) == json.dumps(model.get_config())


@pytest.mark.parametrize("options", [
    {"loss": ["mse", losses.Huber(0.5)], "loss_weights": [1.0, 2.0],
     "metrics": [["mae"], [metrics.MeanSquaredError()]]},
    {"loss": {"p": "mse", "q": losses.mean_absolute_error}, "loss_weights": {"p": 0.5},
     "weighted_metrics": {"q": ["mse", metrics.RootMeanSquaredError(name="r")]}},
    {"loss": losses.LogCosh(), "run_eagerly": True, "steps_per_execution": 3}], ids=["lists", "dicts", "one"])
def test_compiled_losses_and_metrics_come_back(options, tmp_path):
    a = layers.Input((4,))
    model = gpunn.Model(a, [layers.Dense(2, name="p")(a), layers.Dense(1, name="q")(a)])
    model.compile("rmsprop", **options)
    x, y = np.ones((6, 4), "float32"), [np.ones((6, 2), "float32"), np.zeros((6, 1), "float32")]
    copy = again(model, tmp_path / "m")
    assert copy.evaluate(x, y, verbose=0, return_dict=True) == model.evaluate(x, y, verbose=0, return_dict=True)
    assert copy.get_compile_config() == model.get_compile_config()


def test_states_of_stateful_layers_come_back(tmp_path):
    model = gpunn.Sequential([layers.Input(batch_shape=(2, 5, 3)), layers.GRU(4, stateful=True)])
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    model.predict(x, batch_size=2, verbose=0)
    copy = again(model, tmp_path / "m")
    same(copy.predict(x, batch_size=2, verbose=0), model.predict(x, batch_size=2, verbose=0))


@pytest.mark.parametrize("name", MODELS)
def test_json_round_trip(name):
    model = compiled(name)
    copy = model_from_json(model.to_json(indent=1))
    assert copy.to_json() == model.to_json() and copy.optimizer is not None
    assert [w.shape for w in copy.weights] == [w.shape for w in model.weights]


@pytest.mark.parametrize("thing", [
    layers.Dense(3, activation="relu", kernel_regularizer="l2"), losses.Huber(0.5), metrics.AUC(num_thresholds=7),
    optimizers.Adam(optimizers.schedules.CosineDecay(0.1, 10)), optimizers.schedules.CosineDecay(0.1, 10),
    gpunn.initializers.HeNormal(3), gpunn.regularizers.L1(0.5), gpunn.constraints.MaxNorm(2.0),
    metrics.MeanSquaredError(), losses.MeanSquaredError()], ids=lambda thing: type(thing).__name__)
def test_any_object_is_plain_data_and_back(thing):
    config = json.loads(json.dumps(gpunn.utils.serialize_keras_object(thing)))
    copy = gpunn.utils.deserialize_keras_object(config)
    assert type(copy) is type(thing) and gpunn.utils.serialize_keras_object(copy) == config
    assert type(gpunn.saving.deserialize_keras_object({"a": [config, 1, "x"]})["a"][0]) is type(thing)
    keras = {**config, "module": config["module"].replace("gpunn", "keras"), "registered_name": None}
    assert type(gpunn.saving.deserialize_keras_object(keras)) is type(thing)


KERAS = {"module": "keras", "class_name": "Sequential", "registered_name": None, "config": {
    "name": "s", "trainable": True, "dtype": {"module": "keras", "class_name": "DTypePolicy",
                                              "config": {"name": "float32"}, "registered_name": None},
    "layers": [{"module": "keras.layers", "class_name": "InputLayer", "registered_name": None, "config": {
        "batch_shape": [None, 3], "dtype": "float32", "sparse": False, "ragged": False, "name": "i"}},
        {"module": "keras.layers", "class_name": "Dense", "registered_name": None, "build_config":
         {"input_shape": [None, 3]}, "config": {"name": "d", "trainable": True, "units": 2, "activation": "relu",
                                                "use_bias": True, "quantization_config": None}}],
    "build_input_shape": [None, 3]}, "build_config": {"input_shape": [None, 3]}, "compile_config": {
        "optimizer": {"module": "keras.src.backend.torch.optimizers.torch_adam", "class_name": "Adam", "config": {
            "name": "adam", "learning_rate": 0.5}, "registered_name": "Adam"}, "loss": "mse", "loss_weights": None,
        "metrics": ["mae"], "weighted_metrics": None, "run_eagerly": False, "steps_per_execution": 1,
        "jit_compile": False}}


def test_json_that_keras_wrote():
    model = model_from_json(json.dumps(KERAS))
    assert model.output_shape == (None, 2) and float(model.optimizer.learning_rate) == 0.5 and model.loss == "mse"


def test_a_model_without_weights_and_one_not_built(tmp_path):
    assert again(gpunn.Sequential([layers.Input((2, 3)), layers.Flatten()]), tmp_path / "m").output_shape == (None, 6)
    assert not again(gpunn.Sequential([layers.Dense(2)]), tmp_path / "m").built


def test_files_are_valid_safetensors_and_hold_no_code(tmp_path):
    model = compiled("mlp")
    model.fit(*data(model), verbose=0)
    model.save(tmp_path / "m")
    arrays, metadata = storage.load(tmp_path / "m")
    assert list(metadata) == ["format", "version", "description"] and "0000.kernel" in arrays
    assert set(json.loads(metadata["description"])) == {"model", "layers", "random", "optimizer"}


@pytest.mark.parametrize("act, error, match", [
    (lambda at: MODELS["mlp"]().save(at / "no" / "m"), FileNotFoundError, "there is no folder .*no"),
    (lambda at: (MODELS["mlp"]().save(at / "m"), MODELS["mlp"]().save(at / "m", overwrite=False)), FileExistsError,
     "exists; pass overwrite=True"),
    (lambda at: gpunn.Sequential([layers.Input((2,)), layers.Lambda(lambda x: x)]).save(at / "m"), ValueError,
     "Lambda.*registered"),
    (lambda at: gpunn.Sequential([layers.Input((2,)), layers.Dense(2, lambda x: x)]).save(at / "m"), ValueError,
     "a lambda has no name.*register it"),
    (lambda at: gpunn.Sequential([layers.Input((2,)), layers.Rescaling(float("nan"))]).save(at / "m"), ValueError,
     "a config holds nan of type float"),
    (lambda at: load_model(at / "none"), FileNotFoundError, "none"),
    (lambda at: (MODELS["mlp"]().save_weights(at / "w"), load_model(at / "w")), ValueError,
     r"holds only weights. Fix: make the model, then model.load_weights"),
    (lambda at: register_keras_serializable()(int), ValueError, "int has no get_config"),
])
def test_errors(act, error, match, tmp_path):
    with pytest.raises(error, match=match):
        act(tmp_path)
    assert not [p for p in tmp_path.iterdir() if p.suffix == ".tmp"]
