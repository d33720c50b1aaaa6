"""Words, whole numbers, texts and ranges as numbers: places, unknown values, masks, modes, learned vocabularies."""
import json
from collections import Counter

import numpy as np
import pytest

from gpunn import Input, Model, layers
from gpunn.backend import constant, current, to_numpy
from gpunn.backend.program import Program
from gpunn.saving import register_keras_serializable
from gpunn.tensor import Tensor

WORDS = ["a", "b", "c", "d"]
DATA = [["a", "c", "d"], ["d", "z", "b"]]
NUMBERS = [12, 36, 1138, 42]


def again(layer):
    return layers.deserialize(json.loads(json.dumps(layers.serialize(layer))))


@pytest.mark.parametrize("options, data, expected", [
    ({}, DATA, [[1, 3, 4], [4, 0, 2]]),
    ({"mask_token": ""}, [["a", "", "z"]], [[2, 0, 1]]),
    ({"num_oov_indices": 0}, DATA[0], [0, 2, 3]),
    ({"output_mode": "one_hot"}, ["b", "z"], [[0, 0, 1, 0, 0], [1, 0, 0, 0, 0]]),
    ({"output_mode": "multi_hot"}, [["a", "c", "d", "d"], ["d", "z", "b", "z"]], [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1]]),
    ({"output_mode": "count", "mask_token": "b"}, [["a", "c", "d", "d"], ["d", "z", "b", "z"]],
     [[0, 1, 0, 1, 2], [2, 0, 0, 0, 1]]),
    ({"output_mode": "count", "pad_to_max_tokens": True, "max_tokens": 7}, [["a"]], [[0, 1, 0, 0, 0, 0, 0]]),
])
def test_words(options, data, expected):
    layer = layers.StringLookup(vocabulary=WORDS, **options)
    for one in (layer, again(layer)):
        np.testing.assert_array_equal(one(data).numpy(), expected)
        np.testing.assert_array_equal(one(np.array(data)).numpy(), expected)


def test_weights_of_words():
    layer = layers.StringLookup(output_mode="tf_idf")
    layer.set_vocabulary(WORDS, idf_weights=[0.25, 0.75, 0.6, 0.4])
    data = [["a", "c", "d", "d"], ["d", "z", "b", "z"]]
    np.testing.assert_allclose(layer(data).numpy(), [[0, 0.25, 0, 0.6, 0.8], [1, 0, 0.75, 0, 0.4]])
    layer.set_vocabulary(["[UNK]", *WORDS], idf_weights=[0.9, 0.25, 0.75, 0.6, 0.4])
    expected = [[0, 0.25, 0, 0.6, 0.8], [1.8, 0, 0.75, 0, 0.4]]
    np.testing.assert_allclose(layer(data).numpy(), expected)
    np.testing.assert_allclose(again(layer)(data).numpy(), expected)


def test_words_and_back():
    there, back = layers.StringLookup(vocabulary=WORDS), layers.StringLookup(vocabulary=WORDS, invert=True)
    assert back(there(DATA)).tolist() == [["a", "c", "d"], ["d", "[UNK]", "b"]]
    assert back([9, -3]).tolist() == ["[UNK]", "[UNK]"]


def test_a_vocabulary_is_learned_by_frequency():
    text = "the cat and the dog and the owl saw the cow".split()
    layer = layers.StringLookup(max_tokens=6)
    layer.adapt(text)
    counts = Counter(text)
    assert layer.get_vocabulary() == ["[UNK]", "the", "and", "saw", "owl", "dog"]
    assert [counts[w] for w in layer.get_vocabulary(False)] == [4, 2, 1, 1, 1]
    assert again(layer).get_vocabulary() == layer.get_vocabulary()
    layer.adapt(iter([["x", "y"], ["y"]]))
    assert layer.get_vocabulary(False) == ["y", "x"]


@pytest.mark.parametrize("options, data, expected", [
    ({}, [[12, 1138, 42], [42, 1000, 36]], [[1, 3, 4], [4, 0, 2]]),
    ({"num_oov_indices": 2}, [[12, 1138, 42], [37, 1000, 36]], [[2, 4, 5], [1, 0, 3]]),
    ({"mask_token": 0}, [[12, 0, 7]], [[2, 0, 1]]),
    ({"output_mode": "one_hot"}, [12, 36, 1138, 42, 7], np.eye(5)[[1, 2, 3, 4, 0]]),
    ({"output_mode": "count", "mask_token": 0}, [[12, 12, 0], [5, 42, 42]], [[0, 2, 0, 0, 0], [1, 0, 0, 0, 2]]),
])
def test_numbers(options, data, expected):
    layer = layers.IntegerLookup(vocabulary=NUMBERS, **options)
    x = Input(np.shape(data)[1:], dtype="int32")
    model = Model(x, layer(x))
    np.testing.assert_array_equal(layer(data).numpy(), expected)
    np.testing.assert_array_equal(again(layer)(np.array(data)).numpy(), expected)
    np.testing.assert_array_equal(model(np.array(data, "int32")).numpy(), expected)
    inputs = Tensor(constant(data, "int32"))
    program = Program(current(), lambda: [layer(inputs).data])
    for _ in range(4):
        np.testing.assert_array_equal(to_numpy(program()[0]), expected)
    assert program.replay is not None


def test_numbers_are_learned_and_turned_back():
    layer = layers.IntegerLookup()
    layer.adapt(np.array([[5, 7, 5], [9, 5, 7]]))
    assert layer.get_vocabulary() == [-1, 5, 7, 9]
    back = layers.IntegerLookup(vocabulary=layer.get_vocabulary(), invert=True)
    np.testing.assert_array_equal(back(layer(np.array([[7, 8], [5, 9]]))).numpy(), [[7, -1], [5, 9]])


def test_texts():
    layer = layers.TextVectorization(max_tokens=5000, output_sequence_length=4)
    layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    assert layer.get_vocabulary() == ["", "[UNK]", "baz", "bar", "foo", "boom", "bada"]
    np.testing.assert_array_equal(layer([["foo qux, BAR!"], ["qux baz"]]).numpy(), [[4, 1, 3, 0], [1, 2, 0, 0]])
    np.testing.assert_array_equal(again(layer)(["foo qux bar"]).numpy(), [[4, 1, 3, 0]])
    assert layer("bar").numpy().tolist() == [3, 0, 0, 0]


@pytest.mark.parametrize("options, expected", [
    ({"split": "character"}, ["", "[UNK]", "b", "a"]),
    ({"ngrams": 2}, ["", "[UNK]", "b", "b ab", "ab b", "ab"]),
    ({"ngrams": (2,)}, ["", "[UNK]", "b ab", "ab b"]),
    ({"standardize": None}, ["", "[UNK]", "b!", "b", "Ab"]),
    ({"standardize": "lower"}, ["", "[UNK]", "b!", "b", "ab"]),
    ({"standardize": "strip_punctuation", "output_mode": "count"}, ["[UNK]", "b", "Ab"]),
    ({"max_tokens": 3}, ["", "[UNK]", "b"]),
])
def test_how_texts_are_cut(options, expected):
    layer = layers.TextVectorization(**options)
    layer.adapt(["b Ab b!"] if "split" not in options else ["bab"])
    assert layer.get_vocabulary() == expected


def test_texts_by_own_functions_and_by_weights():
    @register_keras_serializable("test_lookup")
    def commas(text):
        return text.split(",")
    layer = layers.TextVectorization(split=commas, standardize=None, output_mode="tf_idf")
    layer.adapt(["a,b", "a,c"])
    a, rest = np.log(1 + 2 / 3), np.log(2)
    np.testing.assert_allclose(again(layer)(["a,a,q"]).numpy(), [[(a + 2 * rest) / 3, 2 * a, 0, 0]], rtol=1e-6)


def test_ranges_are_learned():
    x = np.arange(100.0)
    layer = layers.Discretization(num_bins=4)
    layer.adapt(x)
    assert np.abs(np.array(layer.bin_boundaries) - [25, 50, 75]).max() <= 1.5
    assert np.bincount(layer(x).numpy()).min() >= 23
    assert again(layer).bin_boundaries == layer.bin_boundaries
    batches = layers.Discretization(num_bins=4)
    batches.adapt(iter(np.split(np.random.default_rng(0).permutation(x), 4)))
    assert np.abs(np.array(batches.bin_boundaries) - [25, 50, 75]).max() <= 3


@pytest.mark.parametrize("make, words", [
    (lambda: layers.StringLookup(vocabulary=WORDS, num_oov_indices=0)(["z"]), "'z' is not in the vocabulary"),
    (lambda: layers.StringLookup(vocabulary=["a", "a"]), "values that differ"),
    (lambda: layers.StringLookup(vocabulary=WORDS, max_tokens=3), "max_tokens must be 5 at least, got 3"),
    (lambda: layers.StringLookup(num_oov_indices=3), "num_oov_indices must be 0 or 1"),
    (lambda: layers.StringLookup(vocabulary=WORDS)(Input((1,))), "words, before they go to a model"),
    (lambda: layers.StringLookup.from_config({"vocabulary": "/etc/passwd"}), "not the name of a file"),
    (lambda: layers.StringLookup(vocabulary=WORDS).adapt(["a"]), "vocabulary must be None for adapt"),
    (lambda: layers.IntegerLookup.from_config({"num_oov_indices": 10**9}), "num_oov_indices must be 0 to 65536"),
    (lambda: layers.IntegerLookup(output_mode="many"), "output_mode must be '"),
    (lambda: layers.CategoryEncoding(), "num_tokens must be a positive integer"),
    (lambda: layers.CategoryEncoding(3)(np.ones((2, 2)), count_weights=np.ones((2, 2))), "count_weights must be None"),
    (lambda: layers.Discretization(num_bins=3)(np.ones(3)), r"measured first, by adapt\(data\)"),
    (lambda: layers.Discretization(), "bin_boundaries must be given, or num_bins"),
])
def test_says(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_vocabulary_from_a_file(tmp_path):
    (tmp_path / "words.txt").write_text("a\nb\n")
    layer = layers.StringLookup(vocabulary=str(tmp_path / "words.txt"))
    assert layer.get_vocabulary() == ["[UNK]", "a", "b"] and again(layer).get_vocabulary() == ["[UNK]", "a", "b"]
