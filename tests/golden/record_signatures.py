"""Records the arguments and defaults of constructors and functions in Keras 3, into signatures.json:
python -m tests.golden.record_signatures"""
import inspect
import json
import operator
import pathlib

import keras

FAMILIES = ("layers", "initializers", "regularizers", "constraints", "optimizers", "optimizers.schedules", "wrappers",
            "dtype_policies", "callbacks", "utils")
FUNCTIONS = ("activations", "backend", "config", "distribution", "dtype_policies", "mixed_precision", "random", "tree",
             "utils")


def arguments(thing) -> dict:
    """Name -> default, as text; "required" where there is none."""
    parameters = list(inspect.signature(thing.__init__ if inspect.isclass(thing) else thing)
                      .parameters.values())[inspect.isclass(thing):]
    return {p.name: "required" if p.default is p.empty else repr(p.default) for p in parameters
            if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}


def main():
    found = {}
    for family in FAMILIES:
        for name, thing in vars(operator.attrgetter(family)(keras)).items():
            if inspect.isclass(thing):
                found[f"{family}.{name}"] = arguments(thing)
    for family in FUNCTIONS:
        for name, thing in vars(getattr(keras, family)).items():
            if inspect.isfunction(thing):
                found[f"{family}.{name}"] = arguments(thing)
    path = pathlib.Path(__file__).with_name("signatures.json")
    path.write_text(json.dumps(found, indent=0) + "\n")
    print(len(found), "classes and functions", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
