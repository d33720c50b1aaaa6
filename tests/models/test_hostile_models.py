"""Model files that are broken or made to harm: each is refused with one clear error, in little memory and time."""
import copy
import json
import os
import random
import sys
import tracemalloc

import numpy as np
import pytest

import gpunn
from gpunn import layers, ops, storage
from gpunn.models import load_model, model_from_json
from gpunn.storage import FormatError, read_json


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """(arrays, metadata, description) of a good file: a graph with an operation, trained a little."""
    x = layers.Input((4,), name="x")
    model = gpunn.Model(x, layers.Dense(1, name="last")(ops.exp(layers.Dense(3, name="first")(x))))
    model.compile("adam", "mse", metrics=["mae", gpunn.metrics.AUC(num_thresholds=5)])
    model.fit(np.ones((8, 4), "float32"), np.ones((8, 1), "float32"), verbose=0)
    path = tmp_path_factory.mktemp("models") / "m"
    model.save(path)
    arrays, metadata = storage.load(path)
    return arrays, metadata, json.loads(metadata["description"])


def written(path, arrays, metadata, description):
    text = description if isinstance(description, str) else json.dumps(description)
    storage.save(path, arrays, {**metadata, "description": text})
    return path


def entry(d, name):
    return next(e for e in d["model"]["config"]["layers"] if e["name"] == name)


def put(*path_and_value):
    """An edit of the description: the value at the end of a path of keys; `entry` names stand for layers."""
    *path, last, value = path_and_value

    def edit(d):
        for key in path:
            d = entry(d, key[1:]) if isinstance(key, str) and key.startswith("@") else d[key]
        if last == "pop":
            d.pop(value)
        else:
            d[last] = value
    return edit


FIRST, COMPILED = ("@first", "config"), ("model", "compile_config")
CODE = {"class_name": "__lambda__", "config": {"code": "4wEA"}}
SYMBOL = {"class_name": "__keras_tensor__", "config": {"keras_history": ["last", 0, 0]}}
TEXTS = {
    "nothing": ("", "not valid JSON"),
    "half of an object": ('{"model":', "not valid JSON"),
    "a duplicate key": ('{"model":1,"model":2}', "'model' occurs twice"),
    "NaN": ('{"model":NaN}', "NaN is not a number"),
    "Infinity": ('{"model":-Infinity}', "-Infinity is not a number"),
    "1e999": ('{"model":1e999}', "1e999 is not a number"),
    "a million digits": ('{"model":' + "9" * 10**6 + "}", "not valid JSON"),
    "half a surrogate pair": ('{"model":"\\ud800"}', "not valid JSON"),
    "nested 70 deep": ("[" * 70 + "]" * 70, "nested deeper than 64"),
    "nested 100,000 deep": ("[" * 10**5 + "]" * 10**5, "nested too deeply"),
    "two million lists": ("[" + "[]," * 2_000_000 + "[]]", "more than 1000000 parts"),
    "a number": ("3", "its description makes no model"),
    "a list": ("[]", "its description makes no model"),
    "null": ("null", "its description makes no model"),
}
EDITS = {
    "no model": (put("pop", "model"), "makes no model: KeyError: 'model'"),
    "a model that is a number": (put("model", 3), "makes no model"),
    "a loss as the model": (put("model", {"class_name": "Huber", "config": {}}), "makes no model"),
    "an unknown class": (put("@first", "class_name", "Dence"), "unknown layer 'Dence'; did you mean 'Dense'"),
    "a dotted class": (put("@first", "class_name", "os.system"), "unknown layer 'os.system'"),
    "a class from a module": (put("model", {"module": "os", "class_name": "system", "config": {"command": "true"}}),
                              "unknown object 'system'"),
    "a function as a layer": (put("@first", "class_name", "function"), "expected a name"),
    "an activation as a layer": (put("@first", "class_name", "tanh"), "unknown layer 'tanh'"),
    "a list as a class": (put("@first", "class_name", ["Dense"]), "expected a name, got"),
    "a lambda as an activation": (put(*FIRST, "activation", CODE), "Python code, which gpunn never runs"),
    "Keras' Lambda": (lambda d: entry(d, "first").update(class_name="Lambda", config={"function": CODE}), "Python co"),
    "a function that nobody registered": (put(*FIRST, "activation", "eval"), "unknown activation 'eval'"),
    "a layer of another package": (put("@first", "registered_name", "evil>Dense"), "unknown layer 'Dense'.*register"),
    "an unknown option": (put(*FIRST, "path", "/etc/passwd"), "unknown argument 'path'"),
    "a trillion units": (put(*FIRST, "units", 10**12), "more than all that the file holds"),
    "no units": (put(*FIRST, "units", -3), "units must be a positive integer, got -3"),
    "units as text": (put(*FIRST, "units", "3"), "units must be a positive integer, got '3'"),
    "another number of units": (put(*FIRST, "units", 5), "expected float32 of shape"),
    "an input of text": (put("@x", "config", "batch_shape", [None, "4"]), "shape must be of sizes >= 0"),
    "a negative input": (put("@x", "config", "batch_shape", [None, -4]), "shape must be of sizes >= 0"),
    "a huge input": (put("@x", "config", "batch_shape", [None, 10**15]), "more than all that the file holds"),
    "calls in a circle": (put("@first", "inbound_nodes", 0, "args", [SYMBOL]), "need .*'last', 0, 0.*in a circle"),
    "a call of nothing": (put("@first", "inbound_nodes", 0, "args", []), "makes no model"),
    "an unknown operation": (put("@operation 1", "config", "function", "os.system"), "unknown operation 'os.system'"),
    "code as an argument": (put("@operation 1", "inbound_nodes", 0, "kwargs", {"name": "exp(x); evil()"}),
                            "expected a plain word"),
    "an operation on objects": (put("@operation 1", "outputs", [[[None, 3], "O"]]), "expected a type of numbers"),
    "too few layers": (put("layers", []), "makes no model: StopIteration"),
    "too many layers": (lambda d: d["layers"].append([None, True, []]), "has 1 layers more"),
    "a note that is no note": (put("layers", 0, 3), "makes no model"),
    "weights that the optimizer cannot hold": (put("optimizer", "holds", [0, 1, 2, -1]), "makes no model: KeyError"),
    "fewer weights in the optimizer": (put("optimizer", "holds", [0]), "optimizer numbers, the file"),
    "a seed as text": (put("random", "train", "seed", "x"), "makes no model"),
    "a clock that runs over": (put("random", "train", "clock", 2**40), "makes no model"),
    "a mode that is missing": (put("random", "pop", "test"), "makes no model: KeyError: 'test'"),
    "an unknown optimizer": (put(*COMPILED, "optimizer", "class_name", "Adan"), "unknown object 'Adan'; did you mean"),
    "a metric as the optimizer": (put(*COMPILED, "optimizer", {"class_name": "AUC", "config": {}}), "makes no model"),
    "a learning rate of text": (put(*COMPILED, "optimizer", "config", "learning_rate", "fast"), "must be a number"),
    "an unknown loss": (put(*COMPILED, "loss", "evil"), "unknown loss 'evil'"),
    "an unknown way to compile": (put(*COMPILED, "hook", "evil"), "compile: unknown argument 'hook'"),
    "a trillion thresholds": (put(*COMPILED, "metrics", 1, "config", "num_thresholds", 10**12), "at most a million"),
}


def refused(path, match):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=match):
            load_model(path)
        assert tracemalloc.get_traced_memory()[1] < 200 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", TEXTS)
def test_texts_that_are_no_description(whole, tmp_path, name):
    text, match = TEXTS[name]
    refused(written(tmp_path / "m", *whole[:2], text), match)


@pytest.mark.parametrize("name", EDITS)
def test_descriptions_that_are_not_right(whole, tmp_path, name):
    edit, match = EDITS[name]
    description = copy.deepcopy(whole[2])
    edit(description)
    refused(written(tmp_path / "m", *whole[:2], description), match)


def without(key):
    return lambda a: {k: v for k, v in a.items() if k != key}


@pytest.mark.parametrize("change, match", [
    (without("0000.kernel"), "the model has 4 weights, the file 3"),
    (lambda a: {**a, "0009.more": np.zeros(2)}, "the model has 4 weights, the file 5"),
    (lambda a: {**a, "0000.kernel": np.zeros((3, 4), "f4")}, r"expected float32 of shape \(4, 3\), the file has"),
    (lambda a: {**a, "0000.kernel": np.zeros((4, 3), "f8")}, "the file has float64"),
    (without("optimizer/0003"), "optimizer numbers, the file"),
    (lambda a: {**a, "state/0000": np.zeros(2)}, "the model has 0 states, the file 1"),
    (lambda a: {}, "more than all that the file holds|the model has 4 weights, the file 0"),
])
def test_numbers_that_do_not_fit(whole, tmp_path, change, match):
    refused(written(tmp_path / "m", change(whole[0]), *whole[1:]), match)


@pytest.mark.parametrize("content, match", [
    (b"", "too short to hold a header"),
    (b"PK\x03\x04" + bytes(99), "a zip archive, as Keras' .keras files are"),
    (b"\x89HDF\r\n\x1a\n" + bytes(99), "an HDF5 file, as Keras' .h5 files are"),
    (b"\x80\x04\x95\x10\x00\x00\x00\x00" + bytes(99), "a pickle, which would run code"),
    (random.Random(0).randbytes(500), "is this a gpunn or safetensors file"),
    (b'{"class_name": "Sequential"}', "is this a gpunn or safetensors file"),
])
def test_other_files(tmp_path, content, match):
    (tmp_path / "m").write_bytes(content)
    refused(tmp_path / "m", match)


def test_other_formats_and_versions(whole, tmp_path):
    arrays, metadata, description = whole
    refused(written(tmp_path / "m", arrays, {**metadata, "version": "2"}, description), "not a model of this version")
    storage.save(tmp_path / "m", arrays)
    refused(tmp_path / "m", "but some other file")
    refused(tmp_path, "not a regular file")


def test_a_file_that_is_cut_off_anywhere(whole, tmp_path):
    raw = written(tmp_path / "m", *whole).read_bytes()
    for at in random.Random(0).sample(range(len(raw)), 60):
        (tmp_path / "m").write_bytes(raw[:at])
        with pytest.raises(FormatError):
            load_model(tmp_path / "m")


HARMFUL = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect", "pickle.find_class",
           "ctypes.dlopen", "os.remove", "os.rename", "os.mkdir")
watching, seen = [], []
sys.addaudithook(lambda event, args: seen.append(event) if watching and event in HARMFUL else None)


def leaves(value, path=()):
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, part in parts for found in [(*path, key), *leaves(part, (*path, key))]]


def test_any_part_replaced_by_anything(whole, tmp_path):
    """The model loads, or there is one ValueError; nothing runs, and no other file is touched."""
    dice, good = random.Random(1), written(tmp_path / "good", *whole)
    assert load_model(good).count_params() == 19
    values = [None, -1, 0, 10**18, 1e308, 0.5, "", "x", "../x", [], {}, [[]], True, [None, 10**9], {"class_name": 1}]
    refusals = 0
    for _ in range(400):
        d = copy.deepcopy(whole[2])
        *path, last = dice.choice(leaves(d))
        place = d
        for key in path:
            place = place[key]
        place[last] = dice.choice(values)
        written(tmp_path / "m", *whole[:2], d)
        watching.append(1)
        try:
            load_model(tmp_path / "m")
        except ValueError:
            refusals += 1
        finally:
            watching.clear()
    assert not seen and refusals > 200


@pytest.mark.parametrize("call", ["open", "fsync", "replace", "write"])
def test_a_failing_disk_leaves_the_old_model(whole, tmp_path, monkeypatch, call):
    path = written(tmp_path / "m", *whole)
    old, model = path.read_bytes(), load_model(path)
    model.layers[-1].set_weights([np.zeros((3, 1)), np.zeros(1)])

    def fail(*args, **options):
        raise OSError(28, "No space left")
    if call == "write":
        monkeypatch.setattr("struct.pack", fail)
    else:
        monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="No space left"):
        model.save(path)
    monkeypatch.undo()
    assert path.read_bytes() == old and [p.name for p in tmp_path.iterdir()] == ["m"]


def test_json_is_read_as_strictly():
    with pytest.raises(FormatError, match="'class_name' occurs twice"):
        model_from_json('{"class_name":"Sequential","class_name":"Model"}')
    assert read_json('{"a":[1,-2.5,"\\u00fc",null,true]}') == {"a": [1, -2.5, "ü", None, True]}


@pytest.mark.parametrize("change", [
    *(lambda raw, n=n: raw[:n] for n in (0, 7, 8, 100, *range(1024, 9000, 1024))),
    *(lambda raw, n=n: n.to_bytes(8, "little") + raw[8:] for n in (0, 1, 2**31, 2**63, 2**64 - 1)),
    lambda raw: raw + b"x", lambda raw: raw.replace(b"F32", b"F64"), lambda raw: raw.replace(b"F32", b"I32")])
def test_weights_files_that_are_cut_or_lie_change_nothing(change, tmp_path):
    model = gpunn.Sequential([layers.Input((40,)), layers.Dense(50), layers.BatchNormalization()])
    model.save_weights(tmp_path / "w")
    before, raw = model.get_weights(), (tmp_path / "w").read_bytes()
    assert len(raw) > 9000
    (tmp_path / "w").write_bytes(change(raw))
    with pytest.raises(ValueError, match=r".{20,500}"):
        model.load_weights(tmp_path / "w")
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
