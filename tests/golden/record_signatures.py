"""Records the constructors' arguments and defaults in Keras 3, into signatures.json:
python -m tests.golden.record_signatures"""
import inspect
import json
import pathlib

import keras

FAMILIES = ("layers", "initializers", "regularizers", "constraints", "callbacks", "utils")


def arguments(thing) -> dict:
    """Name -> default, as text; "required" where there is none."""
    made = inspect.isclass(thing)
    parameters = list(inspect.signature(thing.__init__ if made else thing).parameters.values())[made:]
    return {p.name: "required" if p.default is p.empty else repr(p.default) for p in parameters
            if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}


def main():
    found = {}
    for family in FAMILIES:
        for name, thing in vars(getattr(keras, family)).items():
            if inspect.isclass(thing) or family == "utils" and inspect.isfunction(thing):
                found[f"{family}.{name}"] = arguments(thing)
    path = pathlib.Path(__file__).with_name("signatures.json")
    path.write_text(json.dumps(found, indent=0) + "\n")
    print(len(found), "classes", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
