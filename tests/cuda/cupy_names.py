"""Which names of CuPy gpunn uses, read from the sources, and which of them an installed CuPy lacks."""
import ast
import importlib
import inspect
import json
import sys
from pathlib import Path

ROOTS = {"cupy", "cp", "xp"}                        # variables and attributes that hold the module cupy
MODULES = {"cuda"}                                  # self.cuda holds the module cupy.cuda


def chain(node: ast.Attribute) -> list[str]:
    """a.b.c -> ["a", "b", "c"]; a call or a subscript in between is a "?"."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id if isinstance(node, ast.Name) else "?", *reversed(parts)]


def name_of(parts: list[str], roots: set[str]) -> str | None:
    """What of a chain is a name of CuPy's: `self.xp.cuda.Device` -> "cuda.Device"."""
    for i, part in enumerate(parts[:-1]):
        if part in roots:
            return ".".join(parts[i + 1:])
    if parts[0] == "self" and len(parts) > 2 and parts[1] in MODULES:
        return ".".join(parts[1:])
    return None


def names_in(source: str, roots: set[str] = ROOTS) -> set[str]:
    chains = [chain(node) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    return {name for parts in chains if (name := name_of(parts, roots))}


def used(root: Path) -> set[str]:
    """All names of CuPy in gpunn/, kernels/cuda and the GPU's benchmark; the launchers call it `library`."""
    folders = {"gpunn": ROOTS, "benchmarks/gpu": ROOTS, "kernels/cuda": ROOTS | {"library"}}
    return {name for folder, roots in folders.items() for path in (root / folder).rglob("*.py")
            for name in names_in(path.read_text(), roots)}


def offered(library) -> set[str]:
    """All public names of the stand-in and of its classes: it must not be richer than CuPy."""
    names = set()
    for prefix, holder in (("", library), ("cuda.", library.cuda), ("cuda.runtime.", library.cuda.runtime)):
        for name, value in vars(holder).items():
            if not inspect.ismodule(value) and (name[0].islower() or inspect.isclass(value)):
                names.add(prefix + name)
            if inspect.isclass(value):
                names |= {f"{prefix}{name}.{member}" for member in vars(value) if member[0].islower()}
    return {name for name in names if name.rpartition(".")[2] not in library.OWN}


def lacking(module, names) -> list[str]:
    """Names that do not exist; what lies below a function or an instance is not looked at."""
    return sorted(name for name in names if not exists(module, name.split(".")))


def exists(holder, parts: list[str]) -> bool:
    for part in parts:
        if not (inspect.ismodule(holder) or inspect.isclass(holder)):
            return True
        if not hasattr(holder, part):
            try:
                importlib.import_module(f"{holder.__name__}.{part}")
            except (ImportError, AttributeError):
                return False
        holder = getattr(holder, part)
    return True


if __name__ == "__main__":                          # python cupy_names.py < names.json
    import cupy
    print(json.dumps({"file": cupy.__file__, "lacking": lacking(cupy, json.load(sys.stdin))}))
