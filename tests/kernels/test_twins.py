"""kernels/cpu and kernels/cuda promise the same: names, argument order, defaults."""
import inspect
from types import ModuleType

import pytest

from gpunn.kernels import cpu, cuda

from .coverage import exported


def differences(one: ModuleType, other: ModuleType) -> list[str]:
    """What one exports and the other does not, and functions whose signatures differ."""
    a, b = exported(one), exported(other)
    missing = [f"{name} only in {(one if name in a else other).__name__}"
               for name in sorted(a.keys() ^ b.keys())]
    changed = [f"{name}{inspect.signature(a[name])} against {inspect.signature(b[name])}"
               for name in sorted(a.keys() & b.keys()) if plain(a[name]) != plain(b[name])]
    return missing + changed


def plain(function) -> list[tuple]:
    """Names, kinds and defaults; annotations may differ."""
    return [(p.name, p.kind, repr(p.default)) for p in inspect.signature(function).parameters.values()]


def test_twins_agree():
    assert differences(cpu, cuda) == []


def module(name: str, *functions) -> ModuleType:
    made = ModuleType(name)
    for function in functions:
        function.__module__ = f"{name}.family"
        setattr(made, function.__name__, function)
    return made


def test_planted_differences_are_noticed():
    def first(x, alpha=0.0, out=None): ...
    def extra(x): ...
    one = module("one", first, extra)

    def first(x, alpha=1.0, out=None): ...
    two = module("two", first)
    assert differences(one, two) == [
        "extra only in one", "first(x, alpha=0.0, out=None) against (x, alpha=1.0, out=None)"]


@pytest.mark.parametrize("twin", [cpu, cuda], ids=["cpu", "cuda"])
def test_something_is_exported(twin):
    assert len(exported(twin)) > 10
