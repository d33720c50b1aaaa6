"""The one-way order of imports, the one place that knows CuPy, words that do not belong into the sources."""
import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A component sees those of the rows above, never its own row or a row below.
ORDER = """
kernels _names tree
_objects
_config
symbol
backend
tensor
halves
storage optimizers
ops
initializers activations regularizers constraints losses random config dtype_policies mixed_precision
metrics
layers
data callbacks
models
saving distribution viz classic recipes utils datasets wrappers
preprocessing visualization
playground doctor warmup
cli
__main__
"""
ROW = {name: row for row, names in enumerate(ORDER.split("\n")) for name in names.split()}
ONLY = {"optimizers": {"backend", "tensor", "_names", "_objects", "_config"}, "storage": {"backend", "tensor"}}
BANNED = ["TO" "DO", "FIX" "ME", "X" "XX", "assert " "True", r"pytest\." r"skip\(", r"mark\." "(skip|xfail)",
          "# *type: *" "ignore", r"/(wor" r"k|roo" r"t)/", "index" "-url", "sub" "agent"]


def python_files(*folders):
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in files if not path.is_relative_to(ROOT / "gpunn" / "kernels")]


def imports(source: str, package: tuple):
    """(line, dotted name) of all that is imported, wherever it stands; package is where the file lies."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[:len(package) + 1 - node.level] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            if node.level > len(package):
                yield node.lineno, "outside its package"
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
            if isinstance(node.args[0], ast.Constant):
                yield node.lineno, node.args[0].value


def wrong_imports(source: str, module: str) -> list[str]:
    """Complaints about one file of gpunn, e.g. module "gpunn.ops.math"."""
    *package, _ = module.split(".")
    own = module.split(".")[1]
    found = []
    for line, name in imports(source, tuple(package)):
        top, _, rest = name.partition(".")
        other = rest.split(".")[0]
        if top in ("cupy", "cupyx", "cupy_backends") and own != "backend":
            found.append(f"{module}:{line} imports {name}: only gpunn/backend does")
        if top == "kernels":
            found.append(f"{module}:{line} imports kernels: its name is gpunn.kernels")
        if top in ("benchmarks", "tests"):
            found.append(f"{module}:{line} imports {name}")
        if top == "gpunn" and other in ROW and other != own and not allowed(own, other):
            found.append(f"{module}:{line} {own} may not import {other}")
    return found


def allowed(own: str, other: str) -> bool:
    return ROW[other] < ROW[own] and other in ONLY.get(own, ROW)


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def test_gpunn_imports_run_one_way():
    files = [path for path in python_files("gpunn") if path != ROOT / "gpunn" / "__init__.py"]
    assert len(files) > 20
    assert not [wrong for path in files for wrong in wrong_imports(path.read_text("utf-8"), module_of(path))]


def test_every_component_has_its_place_in_the_order():
    names = {path.relative_to(ROOT / "gpunn").parts[0].removesuffix(".py") for path in python_files("gpunn")}
    assert not names - set(ROW) - {"__init__"}


def test_the_package_itself_imports_nothing():
    source = (ROOT / "gpunn" / "__init__.py").read_text("utf-8")
    assert {name for _, name in imports(source, ("gpunn",))} <= {"importlib"}


def test_kernels_see_nothing_of_gpunn():
    for path in python_files("kernels"):
        package = tuple(module_of(path).split(".")[:-1])
        for line, name in imports(path.read_text("utf-8"), package):
            wrong = name.partition(".")[0] in ("gpunn", "outside its package")
            assert not wrong, f"{path}:{line} imports {name}"


@pytest.mark.parametrize("source, module, match", [
    ("from gpunn import layers", "gpunn.ops.math", "ops may not import layers"),
    ("from ..layers.dense import Dense", "gpunn.ops.math", "ops may not import layers"),
    ("from .. import models", "gpunn.callbacks.history", "callbacks may not import models"),
    ("def f():\n    import gpunn.cli", "gpunn.models.model", "model:2 models may not import cli"),
    ("from ..ops import math", "gpunn.optimizers.sgd", "optimizers may not import ops"),
    ("import numpy\nimport cupy as cp", "gpunn.ops.math", "math:2 imports cupy: only gpunn/backend"),
    ("from cupyx.profiler import benchmark", "gpunn.cli", "only gpunn/backend does"),
    ("import importlib\nimportlib.import_module('cupy')", "gpunn.doctor", "only gpunn/backend does"),
    ("import kernels.cpu", "gpunn.backend.cpu", "its name is gpunn.kernels"),
    ("from tests.sim import cuda", "gpunn.backend.cuda", "imports tests.sim.cuda"),
])
def test_a_planted_wrong_import_is_found(source, module, match):
    assert any(match in wrong for wrong in wrong_imports(source, module))


@pytest.mark.parametrize("source, module", [
    ("import cupy", "gpunn.backend.cuda"),
    ("from ..backend import use", "gpunn.optimizers.sgd"),
    ("from .. import ops\nfrom . import layer", "gpunn.layers.dense"),
])
def test_a_right_import_is_not_found(source, module):
    assert not wrong_imports(source, module)


def texts():
    kinds = {".py", ".cu", ".cuh", ".h", ".md", ".toml", ".js", ".html", ".css"}
    for folder in ("gpunn", "kernels", "tests", "benchmarks", "examples", "docs"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in kinds and not path.is_relative_to(ROOT / "gpunn" / "kernels"):
                yield path, path.read_text("utf-8")
    for name in ("README.md", "Makefile", "pyproject.toml", ".ci/run"):
        yield ROOT / name, (ROOT / name).read_text("utf-8")


def banned_words(text: str) -> list[str]:
    return [match[0] for word in BANNED for match in re.finditer(word, text)]


def test_no_banned_words():
    assert not {str(path.relative_to(ROOT)): words for path, text in texts() if (words := banned_words(text))}


@pytest.mark.parametrize("text", ["# TO" "DO later", "@pytest.mark." "xfail",
                                  "pytest." "skip('x')", "open('/wor" "k/data')", "x = 1  # type: " "ignore"])
def test_a_planted_word_is_found(text):
    assert banned_words(text)
