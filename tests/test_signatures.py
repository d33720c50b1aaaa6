"""The arguments of constructors and their defaults are those of Keras 3."""
import inspect
import json
import pathlib

import pytest

from gpunn import constraints, initializers, layers, regularizers
from gpunn.layers.signature import known_options

FAMILIES = {"layers": layers, "initializers": initializers, "regularizers": regularizers,
            "constraints": constraints}
KERAS = json.loads((pathlib.Path(__file__).parent / "golden" / "signatures.json").read_text())
SHARED = [f"{family}.{name}" for family, name in (full.split(".") for full in KERAS)
          if hasattr(FAMILIES[family], name)]
# what belongs to features that gpunn does not have: quantization, low-rank adapters, cuDNN by hand
ABSENT = {"lora_rank", "lora_alpha", "quantization_config", "use_cudnn", "allow_last_axis_squeeze",
          "optional", "gptq_unpacked_column_size"}
# one number for a pair, and a default where Keras has none
EQUAL = {"(1, 1)": "1", "(2, 2)": "2", "(1, 1, 1)": "1", "(2, 2, 2)": "2", "((1, 1), (1, 1), (1, 1))": "1",
         "required": "2"}


@pytest.mark.parametrize("full", SHARED)
def test_arguments_and_defaults(full):
    family, name = full.split(".")
    thing = getattr(FAMILIES[family], name)
    if not inspect.isclass(thing):
        thing = type(thing())
    own = {p.name: "required" if p.default is p.empty else repr(p.default)
           for p in list(inspect.signature(thing.__init__).parameters.values())[1:]}
    expected = {n: d for n, d in KERAS[full].items() if n not in ABSENT | {"name", "dtype"}}
    assert set(expected) <= set(own) | set(known_options(thing)) | {"input_dim", "activity_regularizer"}
    for argument, default in expected.items():
        if argument in own:
            assert own[argument] in (default, EQUAL.get(default)), argument
    assert [n for n in own if n in expected] == [n for n in expected if n in own], "another order"


def test_enough_is_compared():
    assert len(SHARED) > 100
