"""The arguments of constructors and functions and their defaults are those of Keras 3."""
import inspect
import json
import pathlib
from operator import attrgetter

import pytest

import gpunn
from gpunn._objects import keywords

KERAS = json.loads((pathlib.Path(__file__).parent / "golden" / "signatures.json").read_text())
SHARED = [f"{family}.{name}" for family, name in (full.rsplit(".", 1) for full in KERAS)
          if hasattr(attrgetter(family)(gpunn), name) and name != "serialize"]      # one for all things
# what belongs to features that gpunn does not have: quantization, low-rank adapters, cuDNN by hand; no effect
ABSENT = {"lora_rank", "lora_alpha", "quantization_config", "use_cudnn", "allow_last_axis_squeeze",
          "optional", "none_is_leaf", "check_types", "gptq_unpacked_column_size"}
# one number for a pair, and a default where Keras has none
EQUAL = {"(1, 1)": "1", "(2, 2)": "2", "(1, 1, 1)": "1", "(2, 2, 2)": "2", "((1, 1), (1, 1), (1, 1))": "1",
         "required": "2"}


@pytest.mark.parametrize("full", SHARED)
def test_arguments_and_defaults(full):
    thing = attrgetter(full)(gpunn)
    made = inspect.isclass(thing)
    own = {p.name: "required" if p.default is p.empty else repr(p.default)
           for p in list(inspect.signature(thing.__init__ if made else thing).parameters.values())[made:]}
    expected = {n: d for n, d in KERAS[full].items() if n not in ABSENT | {"name", "dtype"}}
    assert set(expected) <= set(own) | set(keywords(thing) if made else ()) | {"input_dim", "activity_regularizer"}
    for argument, default in expected.items():
        if argument in own:
            assert own[argument] in (default, EQUAL.get(default)), argument
    assert [n for n in own if n in expected] == [n for n in expected if n in own], "another order"


def test_enough_is_compared():
    assert len(SHARED) > 100
