"""Anything with a config - layers, models, losses, metrics, optimizers ... - as plain data, and back."""
import inspect
import math

import numpy as np

from .. import _objects, activations, constraints, initializers, layers, losses, metrics, optimizers, regularizers
from ..storage import read_json
from ..tensor import Tensor
from .config import known

TABLES = {"layers": layers.KNOWN, "losses": losses.KNOWN, "metrics": metrics.KNOWN,
          "optimizers": optimizers.KNOWN | optimizers.schedules.SCHEDULES, "initializers": initializers.KNOWN,
          "regularizers": regularizers.KNOWN, "constraints": constraints.KNOWN, "activations": activations.KNOWN}


def serialize_keras_object(obj):
    """Plain data, as JSON can hold it, of an object with a config, or of numbers, texts, lists and dictionaries with
    such objects in them; `deserialize_keras_object` makes the objects again."""
    if isinstance(obj, list | tuple):
        return [serialize_keras_object(v) for v in obj]
    if isinstance(obj, dict):
        return {k: serialize_keras_object(v) for k, v in obj.items()}
    if isinstance(obj, Tensor | np.ndarray | np.generic):
        return np.asarray(obj).tolist()
    if isinstance(obj, np.dtype) or isinstance(obj, type) and issubclass(obj, np.generic):
        return np.dtype(obj).name
    if inspect.isclass(obj):                            # metrics=[MyMetric]
        obj = obj()
    if callable(obj) or hasattr(obj, "get_config"):
        return _described(obj)
    if not isinstance(obj, str | bool | int | float | type(None)) or obj in (math.inf, -math.inf) or obj != obj:
        raise ValueError(f"a config holds {obj!r} of type {type(obj).__name__}, which has no plain form")
    return obj


def _described(thing):
    """Its config, with the table of the library to look into, what it was built for, and how it was compiled."""
    config = serialize_keras_object(_objects.serialize(thing))
    if isinstance(config, dict):
        module = type(thing).__module__.split(".")
        config["module"] = ".".join(module[:2]) if module[0] == "gpunn" and not inspect.isfunction(thing) else None
        for what in ("build", "compile"):
            if found := getattr(thing, f"get_{what}_config", dict)():
                config[f"{what}_config"] = serialize_keras_object(found)
    return config


def deserialize_keras_object(config, custom_objects: dict | None = None, safe_mode: bool = True):
    """The objects of what `serialize_keras_object` gave. Classes are the library's, or registered, or in
    `custom_objects`; nothing is imported and no code is in a config, so there is no unsafe mode."""
    if isinstance(config, list):
        return [deserialize_keras_object(c, custom_objects) for c in config]
    if not isinstance(config, dict):
        return config
    if "class_name" not in config:
        return {k: deserialize_keras_object(v, custom_objects) for k, v in config.items()}
    with _objects.custom_object_scope(custom_objects):
        made = _objects.deserialize("object", config, _table(str(config.get("module"))))
        if config.get("build_config") and hasattr(made, "build_from_config"):
            made.build_from_config(config["build_config"])
        if config.get("compile_config") and hasattr(made, "compile_from_config"):
            made.compile_from_config(config["compile_config"])
    return made


def _table(module: str) -> dict:
    """The names of a module, gpunn.losses or keras.losses; where it says nothing, those of all, layers first."""
    tables = {**TABLES, "layers": known()}
    for part in module.split("."):
        if part in tables:
            return tables[part]
    return {name: thing for table in reversed(tables.values()) for name, thing in table.items()}


def model_from_json(json_string: str, custom_objects: dict | None = None):
    """The model of what `model.to_json()` gave, with fresh weights."""
    config = read_json(json_string) if isinstance(json_string, str) else json_string
    if not isinstance(config, dict) or "class_name" not in config:
        raise ValueError("model_from_json: expected the text that model.to_json() gives, got "
                         f"{str(json_string)[:40]!r}")
    return deserialize_keras_object(config, custom_objects)
