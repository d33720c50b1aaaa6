"""The examples: readable and self-contained in every run; with `-m slow` they run, and their assertions hold."""
import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
ALLOWED = {"gpunn", "numpy", *sys.stdlib_module_names}
LIMIT = 280                                     # seconds; two minutes where the machine is ours alone


def faults(text: str, name: str) -> list[str]:
    tree = ast.parse(text, name)
    nodes = list(ast.walk(tree))
    modules = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
    return [*[f"imports {module}" for module in modules if module.split(".")[0] not in ALLOWED],
            *([] if f"python examples/{name}" in (ast.get_docstring(tree) or "") else ["docstring without command"]),
            *([] if isinstance(tree.body[-1], ast.Assert) else ["no assertion at the end"])]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_self_contained_and_ends_with_its_proof(path):
    assert not faults(path.read_text("utf-8"), path.name)


@pytest.mark.parametrize("text, match", [
    ("import torch\nassert 1", "torch"), ('"""python examples/a.py"""\nx = 1', "assertion"), ("assert 1", "docstring")])
def test_a_planted_fault_is_found(text, match):
    assert match in " ".join(faults(text, "a.py"))


def test_all_are_in_the_table():
    listed = re.findall(r"^\| `(\w+\.py)` \|.+\|.+\|$", (ROOT / "examples/README.md").read_text("utf-8"), re.M)
    assert sorted(listed) == [path.name for path in EXAMPLES]


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path):
    done = subprocess.run([sys.executable, str(path)], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
                          capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stdout and "Warning" not in done.stderr
