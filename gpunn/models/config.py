"""Models as plain data, and back: layers with their configs, and for a graph who calls whom."""
import inspect
import re
import sys
from collections import deque
from functools import cache

import numpy as np

from .. import _objects, layers
from .._objects import option_names
from ..layers.input import InputLayer
from ..symbol import Node, Symbol
from ..tensor import Tensor, Variable
from ..tree import flatten, is_shape, map_structure

NUMBERS = {"bool", "bfloat16", *(np.dtype(code).name for code in "bBhHiIlLqQefd")}


def known() -> dict:
    """The classes a config may name: the library's layers and models; users' own come through custom_objects."""
    from .model import Functional, Model
    from .sequential import Sequential
    return {**layers.KNOWN, "Functional": Functional, "Model": Model, "Sequential": Sequential}


def layer_from(config: dict, custom_objects=None):
    return _objects.deserialize("layer", config, known(), custom_objects)


def input_config(symbol) -> dict:
    return {"batch_shape": tuple(symbol.shape), "dtype": symbol.dtype, "name": symbol.name}


def made_of_graph(cls) -> bool:
    """Whether cls(inputs, outputs) makes such a model; a class with options of its own is made from these."""
    return cls.__init__.__module__.startswith("gpunn.") or {"inputs", "outputs"} <= set(option_names(cls))


def graph_config(model) -> dict:
    """Layers in Keras' form: each with its calls, whose arguments name (layer, call number, output number)."""
    graph, calls, names = model._graph, {}, {f: name for name, f in operations().items()}
    for s in graph.input_symbols:
        calls[id(s)] = (s.name, 0)
    entries = [{"class_name": "InputLayer", "config": input_config(s), "name": s.name, "inbound_nodes": []}
               for s in graph.input_symbols]
    by_name = {layer.name: {**_objects.serialize(layer), "name": layer.name, "inbound_nodes": []}
               for layer in graph.layers}
    if len(by_name) < len(graph.layers):
        names = [layer.name for layer in graph.layers]
        raise ValueError(f"{model.name}: several layers are named {max(names, key=names.count)!r}; to save the model, "
                         "give each layer another name")
    for number, node in enumerate(graph.nodes):
        if hasattr(node.f, "weights"):
            entry, name = by_name[node.f.name], node.f.name
        elif node.f in names:
            name = f"operation {number}"
            by_name[name] = entry = {"class_name": "Operation", "config": {"function": names[node.f]}, "name": name,
                                     "outputs": [[s.shape, s.dtype] for s in node.outputs], "inbound_nodes": []}
        else:
            what = getattr(node.f, "__name__", node.f)
            raise ValueError(f"{model.name}: the operation {what!r} in the graph has no config; wrap it in a layer to "
                             "save the model")
        calls[id(node)] = (name, len(entry["inbound_nodes"]))
        entry["inbound_nodes"].append({"args": _written(list(node.args), calls),
                                       "kwargs": _written(dict(node.options), calls)})
    ends = [map_structure(lambda s: [*calls[id(s.node or s)], s.index], end) for end in (graph.inputs, graph.outputs)]
    return {"name": model.name, "trainable": model.trainable, "layers": entries + list(by_name.values()),
            "input_layers": ends[0], "output_layers": ends[1]}


@cache
def operations() -> dict:
    """"math.exp" -> the function: everything that calling gpunn.ops on symbols can put into a graph."""
    return {f"{module.removeprefix('gpunn.ops.')}.{name}": f for module in sorted(sys.modules)
            if module.startswith("gpunn.ops.") for name, f in vars(sys.modules[module]).items()
            if inspect.isfunction(f) and hasattr(f, "__wrapped__") and f.__module__ == module}


def _written(value, calls):
    """Arguments as plain data, where `_read` finds again what JSON has no form for; a symbol becomes its place."""
    kind, config = None, {}
    if isinstance(value, Symbol):
        kind, config = "keras_tensor", {"shape": list(value.shape), "dtype": value.dtype,
                                        "keras_history": [*calls[id(value.node or value)], value.index]}
    elif isinstance(value, Variable):
        raise ValueError(f"the variable {value.path} is used in a graph outside of its layer; wrap this calculation in "
                         "a layer to save the model")
    elif isinstance(value, np.ndarray | np.generic | Tensor):
        kind, config = "numpy", {"value": np.asarray(value).tolist(), "dtype": np.asarray(value).dtype.name}
    elif isinstance(value, tuple | slice):
        items = value if isinstance(value, tuple) else (value.start, value.stop, value.step)
        kind, config = "tuple" if items is value else "slice", {"items": [_written(v, calls) for v in items]}
    elif value is Ellipsis:
        kind = "ellipsis"
    elif isinstance(value, list):
        return [_written(v, calls) for v in value]
    elif isinstance(value, dict):
        return {k: _written(v, calls) for k, v in value.items()}
    return {"class_name": f"__{kind}__", "config": config} if kind else value


def graph_from_config(cls, config, custom_objects=None):
    made, symbols, waiting, blocked = {}, {}, deque(), {}
    for entry in config["layers"]:
        name = entry["name"]
        made[name] = _operation(entry) if entry["class_name"] == "Operation" else layer_from(entry, custom_objects)
        made[name].name = name
        if isinstance(made[name], InputLayer):
            symbols[name, 0, 0] = made[name].output
        waiting += [(name, i, call) for i, call in enumerate(entry["inbound_nodes"])]
    while waiting:
        name, number, call = waiting.popleft()
        try:
            args, options = _read(call["args"], symbols), _read(call["kwargs"], symbols)
        except KeyError as missing:                     # a symbol that is not there yet
            blocked.setdefault(missing.args[0], []).append((name, number, call))
            continue
        for i, s in enumerate(flatten(made[name](*args, **options))):
            symbols[name, number, i] = s
            waiting.extendleft(blocked.pop((name, number, i), ()))
    if blocked:
        raise ValueError(f"{config.get('name')}: calls in its graph need {list(blocked)[:5]}, which are not there or "
                         "depend on each other in a circle")
    return cls(_end(config["input_layers"], symbols), _end(config["output_layers"], symbols),
               name=config.get("name"), trainable=config.get("trainable", True))


def _end(places, symbols):
    """The symbol of [layer, call number, output number], or of a nesting of such places."""
    if isinstance(places, dict):
        return {k: _end(p, symbols) for k, p in places.items()}
    return symbols[tuple(places)] if isinstance(places[0], str) else [_end(p, symbols) for p in places]


def _operation(entry: dict):
    """A call of gpunn.ops: nothing is computed, its outputs are what the config says."""
    name = entry["config"]["function"]
    f = _objects.find("operation", name, operations())
    outputs = [Symbol(shape, _numeric(dtype)) for shape, dtype in entry["outputs"] if is_shape(shape)]

    def call(*args, **options):
        odd = [v for v in flatten([args, options]) if isinstance(v, str) and not re.fullmatch(r"\w{0,40}", v)]
        if odd:
            raise ValueError(f"operation {name!r}: expected a plain word, got {odd[0][:40]!r}")
        return Node(f, args, options, outputs, f.__name__).outputs
    return call


def _numeric(dtype: str) -> str:
    if dtype not in NUMBERS:
        raise ValueError(f"expected a type of numbers, got {dtype!r}")
    return dtype


def _read(value, symbols):
    """The arguments that `_written` wrote."""
    if isinstance(value, list | tuple):
        return [_read(v, symbols) for v in value]
    if not isinstance(value, dict):
        return value
    config = value.get("config")
    match value.get("class_name"):
        case "__keras_tensor__":
            return symbols[tuple(config["keras_history"])]
        case "__tuple__":
            return tuple(_read(config["items"], symbols))
        case "__slice__":
            return slice(*_read(config["items"], symbols))
        case "__ellipsis__":
            return Ellipsis
        case "__numpy__":
            return np.array(config["value"], _numeric(config["dtype"]))
    return {k: _read(v, symbols) for k, v in value.items()}
