"""The figures of docs/figures.md: what the example draws today, and what the lectures say of them."""
import re
import runpy
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from gpunn.viz import save_lines

ROOT = Path(__file__).parent.parent.parent
NAMES = ("activations", "losses", "softmax", "descent")
NUMBER = re.compile(r"-?\d+\.?\d*")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    argv, sys.argv = sys.argv, ["figures.py", str(folder)]
    try:
        runpy.run_path(str(ROOT / "examples" / "figures.py"))
    finally:
        sys.argv = argv
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_j6_j7_the_figures_of_the_page_are_up_to_date(drawn, name):
    now, then = (path.read_text() for path in (drawn / f"{name}.svg", ROOT / "docs" / "figures" / f"{name}.svg"))
    assert NUMBER.sub("0", now) == NUMBER.sub("0", then)
    assert f"figures/{name}.svg" in (ROOT / "docs" / "figures.md").read_text()
    numbers = [[float(n) for n in NUMBER.findall(text)] for text in (now, then)]
    assert numbers[0] == pytest.approx(numbers[1], abs=0.21)


def test_lines_lie_where_their_numbers_are(tmp_path):
    save_lines({"squares": {"x^2": {-1.0: 1.0, 0.0: 0.0, 2.0: 4.0}}, "b": {"<b>": {0: 1, 1: float("nan")}}},
               tmp_path / "a.svg", unit="x & y")
    root = ET.parse(tmp_path / "a.svg").getroot()
    line = next(path.get("d") for path in root.iter("{http://www.w3.org/2000/svg}path") if path.get("class") == "curve")
    (a, b, c) = [tuple(map(float, point)) for point in re.findall(r"[ML]([\d.]+) ([\d.]+)", line)]
    assert (c[0] - b[0]) / (b[0] - a[0]) == pytest.approx(2, rel=0.01)
    assert (b[1] - c[1]) / (b[1] - a[1]) == pytest.approx(4, rel=0.01)
    words = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"squares", "x^2", "<b>", "x & y", "-1.0", "2.0"} <= set(words)
