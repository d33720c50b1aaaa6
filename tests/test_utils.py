"""Small tools: the bar to drive by hand, names of dtypes, a fresh start."""
import numpy as np
import pytest

import gpunn
from gpunn import layers, utils


def line(capsys):
    return capsys.readouterr().out


@pytest.mark.parametrize("options, words", [
    ({}, ["a: 2.0000", "b: 1.0000"]),                                   # the last update counts alone, as in Keras
    ({"stateful_metrics": ["a"]}, ["a: 2.0000", "b: 1.0000"]),
])
def test_progbar_ends_with_a_line(capsys, options, words):
    bar = utils.Progbar(4, unit_name="sample", **options)
    for i in range(4):
        bar.add(1, [("a", [1.0, 3.0, 5.0, 2.0][i]), ("b", 1.0)])
    out = line(capsys)
    assert out.startswith("4/4  ") and "s/sample  " in out and out.endswith("  ".join(words) + "\n")


@pytest.mark.parametrize("options, a, b", [({}, 2.5, 1.0), ({"stateful_metrics": ["a"]}, 4.0, 1.0),
                                           ({"stateless_metrics": ["a"]}, 2.5, 1.0)])
def test_values_are_averaged_over_steps(capsys, options, a, b):
    bar = utils.Progbar(None, **options)
    bar.update(1, [("a", 1.0), ("b", 1.0)])
    bar.update(2, [("a", 1.0), ("b", 1.0)])
    bar.update(4, [("a", 4.0), ("b", 1.0)])                             # two steps
    assert bar.values() == {"a": a, "b": b} and not line(capsys)
    bar.update(4, finalize=True)
    assert line(capsys).startswith("4/4  ")


def test_a_silent_bar(capsys):
    utils.Progbar(1, verbose=0).update(1)
    assert not line(capsys)
    with pytest.raises(ValueError, match="only one of stateful_metrics and stateless_metrics"):
        utils.Progbar(1, stateful_metrics=[], stateless_metrics=[])


class Foreign:
    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


@pytest.mark.parametrize("dtype, name", [(None, "float32"), (float, "float32"), (int, "int32"), (bool, "bool"),
                                         (np.float64, "float64"), (np.dtype("int8"), "int8"), ("bfloat16", "bfloat16"),
                                         (Foreign("torch.float16"), "float16"), (str, "string")])
def test_names_of_dtypes(dtype, name):
    assert utils.standardize_dtype(dtype) == name


def test_an_unknown_dtype():
    with pytest.raises(ValueError, match="got 'flot32'; did you mean 'float32'"):
        utils.standardize_dtype("flot32")


def test_names_start_again():
    utils.clear_session()
    assert [layers.Dense(1).name for _ in range(2)] == ["dense", "dense_1"]
    gpunn.utils.clear_session()
    assert layers.Dense(1).name == "dense"
