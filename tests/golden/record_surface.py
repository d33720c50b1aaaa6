"""Records the public names of Keras 3 by module, each with its mark (must, later or out), into surface.json:
python -m tests.golden.record_surface KERAS_SURFACE.md"""
import importlib
import json
import pathlib
import re
import sys

import keras

MARKS = ("must", "later", "out")
TWICE = ("ops.nn", "ops.numpy", "ops.linalg", "ops.image")              # Keras has their names in ops, too


def marked(text: str) -> dict:
    """{module: {name: mark}} of a page with a section for each module and a paragraph for each mark."""
    found = {}
    for section in re.split(r"\n### ", text.split("## Full listing")[1])[1:]:
        names = found.setdefault(re.match(r"`keras\.?([\w.]*)", section)[1], {})
        for mark in MARKS:
            listed = re.search(rf"\*\*{mark}:?\*\*(?: \([^)]*\))?:?(.*)", section, re.IGNORECASE)[1]
            for name in re.split(r"[,=]", re.sub(r"\((?:[^()]|\([^)]*\))*\)", "", listed)):
                if (name := name.strip()) not in ("", "—"):
                    names[name] = mark
    return found


def public(module: str) -> set:
    there = importlib.import_module(f"keras.{module}" if module else "keras")
    return {name for name in vars(there) if not name.startswith("_")}


def main(page: str):
    marks, surface = marked(pathlib.Path(page).read_text("utf-8")), {}
    for module, names in marks.items():
        elsewhere = {n for part in TWICE for n in marks[part]} if module == "ops" else set()
        there, submodules = public(module), {m.split(".")[-1] for m in marks}
        print(module, "| not in Keras:", *sorted(set(names) - there), "| no mark:",
              *sorted(there - set(names) - submodules - elsewhere))
        surface[module] = {mark: sorted(n for n in names if names[n] == mark) for mark in MARKS}
    path = pathlib.Path(__file__).with_name("surface.json")
    path.write_text(json.dumps({"keras": keras.__version__, "modules": surface}, indent=0) + "\n")
    print(sum(map(len, marks.values())), "names", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
