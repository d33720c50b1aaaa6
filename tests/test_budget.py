"""Budgets: a file, a function, the whole; and what `import gpunn` costs."""
import ast
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILE, FUNCTION, TOTAL, IMPORT_SECONDS = 400, 40, 28_010, 0.3


def sources(*folders, kinds=(".py", ".cu", ".cuh", ".js", ".html", ".css")):
    """Every file once: gpunn/kernels is a link to kernels."""
    return {path.relative_to(ROOT): path.read_text("utf-8") for folder in folders
            for path in sorted((ROOT / folder).rglob("*"))
            if path.suffix in kinds and not path.is_relative_to(ROOT / "gpunn" / "kernels")}


def long_files(files: dict) -> list[str]:
    return [f"{path}: {n} lines" for path, text in files.items() if (n := text.count("\n")) > FILE]


def long_functions(files: dict) -> list[str]:
    """From `def` to the last line; decorators are not counted."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    nodes = [(path, node) for path, text in files.items() if path.suffix == ".py"
             for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]
    return [f"{path}:{node.lineno} {node.name}: {n} lines" for path, node in nodes
            if (n := node.end_lineno - node.lineno + 1) > FUNCTION]


def total(files: dict) -> int:
    return sum(text.count("\n") for text in files.values())


def test_no_long_files():
    assert not long_files(sources("gpunn", "kernels", "tests", "benchmarks", "examples"))


def test_no_long_functions():
    assert not long_functions(sources("gpunn", "kernels", "tests", "benchmarks", "examples"))


def test_the_whole_stays_small():
    files = sources("gpunn", "kernels")
    assert 1000 < total(files) <= TOTAL


def test_planted_excess_is_found():
    path = Path("planted.py")
    assert long_files({path: "x\n" * (FILE + 1)}) and not long_files({path: "x\n" * FILE})
    body = "    x = 1\n"
    assert long_functions({path: "@f\ndef g():\n" + body * FUNCTION})
    assert not long_functions({path: "@f\ndef g():\n" + body * (FUNCTION - 1)})
    assert long_functions({path: "class A:\n    async def g():\n" + f"    {body}" * FUNCTION})
    assert total({Path("a"): "x\n" * 3, Path("b"): "x\n"}) == 4


def test_the_link_is_counted_once():
    files = sources("gpunn", "kernels")
    assert Path("kernels/__init__.py") in files and Path("gpunn/kernels/__init__.py") not in files


MEASURE = """
import sys, time
began = time.perf_counter()
{statement}
seconds = time.perf_counter() - began
print(seconds, *[name for name in ("numba", "cupy", "llvmlite", "matplotlib") if name in sys.modules])
"""


def import_costs(statement: str, runs: int):
    """-> (median seconds, heavy modules that were loaded)"""
    command = [sys.executable, "-c", MEASURE.format(statement=statement)]
    answers = [subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
               for _ in range(runs)]
    return statistics.median(float(answer[0]) for answer in answers), set(answers[0][1:])


def test_import_gpunn_is_quick_and_light():
    seconds, heavy = import_costs("import gpunn", 5)
    assert not heavy and seconds < IMPORT_SECONDS


@pytest.mark.parametrize("statement", ["import numba", "import gpunn.kernels.cpu"])
def test_a_heavy_import_is_noticed(statement):
    assert "numba" in import_costs(statement, 1)[1]


def test_a_slow_import_is_noticed():
    assert import_costs("time.sleep(0.4)", 1)[0] > IMPORT_SECONDS
