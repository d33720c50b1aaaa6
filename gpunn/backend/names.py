"""What Keras users call as keras.backend.*: names of dtypes and objects, and a fresh start."""
# ruff: noqa: F401 - get_uid is one of its names
import gc

import numpy as np

from .. import _config
from .._config import FLOATS, POLICIES, floatx
from .._names import get_uid, one_of, reset_uids
from ..symbol import Symbol

DTYPES = tuple(name for name in POLICIES if not name.startswith("mixed"))


def standardize_dtype(dtype) -> str:
    """The name of a dtype of any library: np.float32, torch.float32, "float32" -> "float32"; float, None -> floatx."""
    if dtype is None or dtype is float:
        return floatx()
    name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or str(dtype).rpartition(".")[2]
    return one_of("standardize_dtype", "dtype", {"int": "int32", "str": "string"}.get(name, name), DTYPES)


def is_float_dtype(dtype) -> bool:
    return standardize_dtype(dtype) in FLOATS


def is_int_dtype(dtype) -> bool:
    return standardize_dtype(dtype).startswith(("int", "uint"))


def result_type(*dtypes) -> str:
    """The dtype that holds all: float before int before bool, Python's own types give way; 64 bits only with floatx."""
    names = {standardize_dtype(d) for d in dtypes if not (isinstance(d, type) and d in (int, float))}
    floats = names & set(FLOATS)
    if floats:
        name = min(floats) if len(floats) == 1 else max(floats & {"float32", "float64"}, default="float32")
    elif not dtypes or float in dtypes or (kind := np.result_type(*(names or {"int32"}))).kind == "f":
        name = floatx()
    else:
        name = "int32" if int in dtypes and kind == "bool" else kind.name
    return name if floatx() == "float64" else name.replace("64", "32")


def is_keras_tensor(x) -> bool:
    """Is it a symbol, a part of a model under construction?"""
    if not isinstance(x, Symbol) and not hasattr(x, "shape"):
        raise ValueError(f"is_keras_tensor: expected a tensor or a symbol, got {type(x).__name__}")
    return isinstance(x, Symbol)


def clear_session(free_memory: bool = True):
    """Automatic names start again, the dtype policy is that of floatx; `free_memory` collects what nobody holds."""
    reset_uids()
    _config._set["policy"] = None
    if free_memory:
        gc.collect()
