"""docs/decks.md has every row of the lectures, and every test that it names exists."""
import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "decks.md").read_text("utf-8")
COUNTS = {"A": 23, "B": 22, "C": 26, "D": 15, "E": 28, "F": 8, "G": 19, "H": 28, "I": 14, "J": 11, "X": 16}
OPEN = {"H27", "J3", "J4"}                    # rows without a test: the page says why


def rows(page: str) -> dict:
    """row -> the tests that its line names"""
    lines = re.findall(r"^\| ([A-Z]\d+) \|(.*)$", page, re.M)
    assert len({row for row, _ in lines}) == len(lines)
    return {row: re.findall(r"`(tests/[^`]+)`", rest) for row, rest in lines}


def missing(name: str) -> str:
    """What is wrong with `tests/file.py::test_name[case]`; nothing is said of one that exists."""
    path, _, test = name.partition("::")
    test, _, case = test.partition("[")
    if not (ROOT / path).is_file():
        return f"{path}: no such file"
    functions = {node.name for node in ast.parse((ROOT / path).read_text("utf-8")).body
                 if isinstance(node, ast.FunctionDef)}
    if test not in functions:
        return f"{path} has no {test}"
    word = re.compile(rf"\b{re.escape(case.rstrip(']'))}\b")
    near = [ROOT / path, *(ROOT / "tests" / "golden").glob("*_cases.py")]
    return "" if not case or any(word.search(p.read_text("utf-8")) for p in near) else f"{name}: no such case"


def test_every_row_is_on_the_page():
    wanted = {f"{letter}{i:02d}" if letter == "D" else f"{letter}{i}"
              for letter, count in COUNTS.items() for i in range(1, count + 1)}
    found = rows(PAGE)
    assert set(found) == wanted
    assert {row for row, tests in found.items() if not tests} == OPEN
    assert all(re.search(rf"\bK{i}\b", PAGE) for i in range(1, 12))


def test_every_test_exists():
    named = {name for tests in rows(PAGE).values() for name in tests}
    assert len(named) > 120 and not [wrong for name in sorted(named) if (wrong := missing(name))]


@pytest.mark.parametrize("name", ["tests/test_nothing.py::test_it", "tests/test_decks.py::test_nothing",
                                  "tests/layers/test_golden.py::test_numbers_are_those_of_keras[no_such_case]"])
def test_a_wrong_name_is_noticed(name):
    assert missing(name)


def test_examples_on_the_page_exist():
    assert all((ROOT / name).is_file() for name in re.findall(r"`(examples/[^`]+)`", PAGE))
