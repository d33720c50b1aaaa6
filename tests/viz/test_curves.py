"""Training curves: the SVG is well-formed and says what the numbers say; the CSV gives them back exactly."""
import csv
import math
import re
import xml.etree.ElementTree as ET

import pytest

from gpunn.viz import save_curves, write_csv
from gpunn.viz.svg import Axis, label

HISTORY = {"loss": [1.0, 0.5, 0.25], "accuracy": [0.7, 0.8, 0.9], "val_loss": [1.1, 0.7, 0.6],
           "val_accuracy": [0.6, 0.7, 0.75]}
SVG = "{http://www.w3.org/2000/svg}"


def picture(history, tmp_path, **options):
    save_curves(history, tmp_path / "curves.svg", **options)
    return ET.parse(tmp_path / "curves.svg").getroot()


def words(root):
    return [text.text for text in root.iter(f"{SVG}text")]


def paths(root):
    """The corners of each curve."""
    return [[tuple(map(float, point)) for point in re.findall(r"[ML]([\d.]+) ([\d.]+)", path.get("d"))]
            for path in root.iter(f"{SVG}path") if path.get("class") == "curve"]


def test_panels_titles_legend_and_axes(tmp_path):
    root = picture(HISTORY, tmp_path, title="a <run> & more")
    text = words(root)
    assert text[0] == "a <run> & more" and text.count("epoch") == 2
    assert {"loss", "accuracy", "training 0.25", "validation 0.6", "validation 0.75", "1", "3"} <= set(text)
    assert "val_loss" not in text
    assert not re.search(r"(href|url\(|<script)", (tmp_path / "curves.svg").read_text())


def test_points_lie_where_their_numbers_are(tmp_path):
    loss, val_loss, *_ = paths(picture(HISTORY, tmp_path))
    assert [x for x, _ in loss] == [62, 251, 440]            # epochs 1, 2, 3 from the left to the right edge
    (_, a), (_, b), (_, c) = loss
    assert (b - a) / (c - b) == pytest.approx(2, rel=0.02) and a < b < c        # y points downwards
    assert val_loss[0][1] < a
    per_unit = (b - a) / 0.5
    assert (a - val_loss[0][1]) == pytest.approx(0.1 * per_unit, abs=0.2)


def test_a_line_breaks_at_nan_and_goes_on(tmp_path):
    root = picture({"loss": [1.0, 0.9, math.nan, 0.7, math.inf, 0.5]}, tmp_path)
    (line,) = [path.get("d") for path in root.iter(f"{SVG}path") if path.get("class") == "curve"]
    assert line.count("M") == 3 and line.count("L") == 1
    assert len(list(root.iter(f"{SVG}circle"))) == 4


@pytest.mark.parametrize("history", [
    {}, {"loss": []}, {"loss": [math.nan]}, {"loss": [0.0]}, {"loss": [-3.0]}, {"loss": [1e-30, 1e30]},
    {"loss": [0.5]}, {"val_loss": [1.0, 2.0]}, {"<b>&": [1.0]}, {"loss": [5.0] * 1000},
])
def test_any_history_gives_a_well_formed_picture(tmp_path, history):
    assert picture(history, tmp_path).tag == f"{SVG}svg"


@pytest.mark.parametrize("low, high, ticks", [
    (0, 1.1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (0.93, 0.97, [0.93, 0.94, 0.95, 0.96, 0.97]),
    (-1, 1, [-1, -0.5, 0, 0.5, 1]), (0, 5e6, [0, 1e6, 2e6, 3e6, 4e6, 5e6]),
])
def test_ticks_are_round(low, high, ticks):
    assert Axis(low, high).ticks() == pytest.approx(ticks)


@pytest.mark.parametrize("epochs", [2, 3, 5, 12, 20, 100, 1000])
def test_epoch_ticks_are_whole_few_and_start_at_one(epochs):
    ticks = Axis(1, epochs, whole=True).ticks()
    assert ticks[0] == 1 and all(tick == int(tick) for tick in ticks) and 2 <= len(ticks) <= 8


@pytest.mark.parametrize("low, high", [
    (0, 1), (0.00096, 0.00104), (1e5, 9e6), (0.999, 1.0), (-5, 5), (3e-6, 4e-6),
])
def test_labels_of_an_axis_differ_and_are_near_their_tick(low, high):
    ticks = Axis(low, high).ticks()
    labels = [label(tick, ticks) for tick in ticks]
    assert len(set(labels)) == len(labels)
    assert all(float(text) == pytest.approx(tick, abs=(high - low) / 50) for text, tick in zip(labels, ticks))


def test_csv_gives_the_numbers_back(tmp_path):
    history = {"loss": [1 / 3, math.nan], "accuracy": [0.1 + 0.2, 1.0], "val_loss": [2.0]}
    write_csv(history, tmp_path / "history.csv")
    head, *rows = csv.reader((tmp_path / "history.csv").read_text().splitlines())
    assert head == ["epoch", "loss", "accuracy", "val_loss"]
    assert rows[0] == ["1", repr(1 / 3), repr(0.1 + 0.2), "2.0"] and rows[1] == ["2", "nan", "1.0", ""]
