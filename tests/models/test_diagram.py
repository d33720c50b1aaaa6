"""Pictures of models: which boxes, which edges, and nothing overlaps."""
import json
import re
from xml.etree import ElementTree

import pytest

import gpunn
from gpunn import layers
from gpunn.utils import model_to_dot, plot_model

SVG = "{http://www.w3.org/2000/svg}"


def branched():
    x = layers.Input((6, 8), name="x")
    h = layers.LayerNormalization(name="norm")(x)
    h = layers.Add(name="sum")([x, layers.Dense(8, activation="relu", name="first")(h)])
    inner = gpunn.Sequential([layers.Input((6, 8)), layers.Dense(8, name="one"), layers.Dense(8, name="two")],
                             name="inner")
    shared = layers.Dense(3, name="shared", trainable=False)
    return gpunn.Model(x, [shared(inner(h)), shared(h) * 2])


def edges(text):
    """{(from, to)} by the first line of the boxes."""
    names = {n: json.loads(label).split("\n")[0] for n, label in re.findall(r"(n\d+) \[label=(.*)\]", text)}
    return {(names[a], names[b]) for a, b in re.findall(r"(n\d+) -> (n\d+)", text)}, list(names.values())


def test_dot():
    found, boxes = edges(model_to_dot(branched()))
    assert boxes == ["x (InputLayer)", "norm (LayerNormalization)", "first (Dense)", "sum (Add)", "inner (Sequential)",
                     "shared (Dense)", "multiply"]
    assert found == {("x (InputLayer)", "norm (LayerNormalization)"), ("norm (LayerNormalization)", "first (Dense)"),
                     ("x (InputLayer)", "sum (Add)"), ("first (Dense)", "sum (Add)"),
                     ("sum (Add)", "inner (Sequential)"), ("inner (Sequential)", "shared (Dense)"),
                     ("sum (Add)", "shared (Dense)"), ("shared (Dense)", "multiply")}


def test_nested_models_are_opened():
    found, boxes = edges(model_to_dot(branched(), expand_nested=True, show_layer_names=False, rankdir="LR"))
    assert "Sequential" not in boxes and boxes.count("Dense") == 4 and ("Dense", "Dense") in found


def test_what_boxes_say():
    text = model_to_dot(branched(), show_shapes=True, show_dtype=True, show_layer_activations=True, show_trainable=True)
    assert json.dumps("first (Dense)\nActivation: relu\nInput shape: (None, 6, 8)\nOutput shape: (None, 6, 8)\n"
                      "Output dtype: float32\nTrainable") in text
    assert "Output shape: (None, 6, 3)\\nOutput dtype: float32\\nNon-trainable" in text


@pytest.mark.parametrize("rankdir", ["TB", "LR"])
def test_svg(tmp_path, rankdir):
    plot_model(branched(), tmp_path / "m.svg", show_shapes=True, show_layer_names=True, rankdir=rankdir)
    page = ElementTree.parse(tmp_path / "m.svg").getroot()
    boxes = [[float(r.get(key)) for key in ("x", "y", "width", "height")] for r in page.iter(f"{SVG}rect")
             if r.get("class") == "box"]
    assert len(boxes) == 7 and len([p for p in page.iter(f"{SVG}path") if p.get("marker-end")]) == 8
    for i, (x, y, w, h) in enumerate(boxes):
        assert 0 <= x and x + w <= float(page.get("width")) and 0 <= y and y + h <= float(page.get("height"))
        assert not any(x < X + W and X < x + w and y < Y + H and Y < y + h for X, Y, W, H in boxes[:i])
    texts = [t.text for t in page.iter(f"{SVG}text")]
    assert "norm (LayerNormalization)" in texts and texts.count("Output shape: (None, 6, 8)") == 5


def test_a_sequential_and_a_subclass():
    model = gpunn.Sequential([layers.Input((2,)), layers.Dense(3, name="a"), layers.Dense(1, name="b")])
    assert edges(model_to_dot(model)) == ({("a (Dense)", "b (Dense)")}, ["a (Dense)", "b (Dense)"])

    class Own(gpunn.Model):
        def __init__(self):
            super().__init__(name="mine")
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)
    own = Own()
    with pytest.raises(ValueError, match="mine is not built, so it cannot be drawn. Fix: call it on data"):
        model_to_dot(own)
    own(gpunn.ops.ones((1, 2)))
    assert edges(model_to_dot(own)) == (set(), ["mine (Own)"])


def test_files(tmp_path, monkeypatch):
    model = branched()
    plot_model(model, tmp_path / "m.dot")
    assert (tmp_path / "m.dot").read_text() == model_to_dot(model, show_layer_names=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ImportError, match="a .png needs Graphviz .*Fix: to_file=.*m.svg' needs nothing"):
        plot_model(model, str(tmp_path / "m.png"))
    with pytest.raises(ValueError, match="rankdir must be 'TB' or 'LR', got 'BT'"):
        plot_model(model, tmp_path / "m.svg", rankdir="BT")
