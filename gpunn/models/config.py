"""Models as plain data, and back: layers with their configs, and for a graph who calls whom."""
from .. import _objects, layers
from ..layers.input import Input
from ..symbol import Symbol
from ..tree import flatten, map_structure


def known() -> dict:
    """The classes a config may name: the library's layers and models; users' own come through custom_objects."""
    from .model import Functional, Model
    from .sequential import Sequential
    return {**layers.KNOWN, "Functional": Functional, "Model": Model, "Sequential": Sequential}


def layer_from(config: dict, custom_objects=None):
    return _objects.deserialize("layer", config, known(), custom_objects)


def sequential_config(model) -> dict:
    inputs = [{"class_name": "InputLayer", "config": input_config(s)} for s in model.inputs]
    return {"name": model.name, "trainable": model.trainable,
            "layers": inputs + [_objects.serialize(layer) for layer in model.layers]}


def sequential_from_config(cls, config, custom_objects=None):
    made = [layer_from(c, custom_objects) for c in config["layers"]]
    return cls(made, name=config.get("name"), trainable=config.get("trainable", True))


def input_config(symbol) -> dict:
    return {"batch_shape": tuple(symbol.shape), "dtype": symbol.dtype, "name": symbol.name}


def graph_config(model) -> dict:
    """Layers in Keras' form: each with its calls, whose arguments name (layer, call number, output number)."""
    graph, calls = model._graph, {}
    for s in graph.input_symbols:
        calls[id(s)] = (s.name, 0)
    inbound: dict[str, list] = {}
    for node in graph.nodes:
        if not hasattr(node.f, "weights"):
            raise ValueError(f"{model.name}: the operation {node.f.__name__!r} in the graph has no config; wrap it in "
                             "a layer to save the model")
        made = inbound.setdefault(node.f.name, [])
        calls[id(node)] = (node.f.name, len(made))
        made.append({"args": _written(list(node.args), calls), "kwargs": _written(dict(node.options), calls)})
    entries = [{"class_name": "InputLayer", "config": input_config(s), "name": s.name, "inbound_nodes": []}
               for s in graph.input_symbols]
    entries += [{**_objects.serialize(layer), "name": layer.name, "inbound_nodes": inbound[layer.name]}
                for layer in graph.layers if layer.name in inbound]
    return {"name": model.name, "trainable": model.trainable, "layers": entries,
            "input_layers": _written(graph.inputs, calls), "output_layers": _written(graph.outputs, calls)}


def _written(value, calls):
    """Arguments as plain data; a symbol becomes its place in the graph."""
    def leaf(a):
        if not isinstance(a, Symbol):
            return a
        return {"class_name": "__keras_tensor__", "config": {"shape": list(a.shape), "dtype": a.dtype,
                                                             "keras_history": [*calls[id(a.node or a)], a.index]}}
    return map_structure(leaf, value)


def graph_from_config(config, custom_objects=None):
    made, symbols, waiting = {}, {}, []
    for entry in config["layers"]:
        if entry["class_name"] == "InputLayer":
            symbols[entry["name"], 0, 0] = _input(entry["config"])
        else:
            made[entry["name"]] = layer_from(entry, custom_objects)
            waiting += [(entry["name"], i, call) for i, call in enumerate(entry["inbound_nodes"])]
    while waiting:
        ready = [w for w in waiting if all(p in symbols for p in _places(w[2]))]
        if not ready:
            raise ValueError(f"{config.get('name')}: the calls of the layers {sorted({w[0] for w in waiting})} "
                             "depend on each other in a circle")
        for name, number, call in ready:
            outputs = made[name](*_read(call["args"], symbols), **_read(call["kwargs"], symbols))
            symbols.update({(name, number, i): s for i, s in enumerate(flatten(outputs))})
        waiting = [w for w in waiting if w not in ready]
    from .model import Functional
    return Functional(_read(config["input_layers"], symbols), _read(config["output_layers"], symbols),
                      name=config.get("name"), trainable=config.get("trainable", True))


def _input(config: dict):
    return Input(batch_shape=tuple(config["batch_shape"]), dtype=config["dtype"], name=config["name"])


def _is_place(value) -> bool:
    return isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"


def _places(value) -> list:
    if _is_place(value):
        return [tuple(value["config"]["keras_history"])]
    if isinstance(value, dict):
        return [p for v in value.values() for p in _places(v)]
    return [p for v in value for p in _places(v)] if isinstance(value, list | tuple) else []


def _read(value, symbols):
    if _is_place(value):
        return symbols[tuple(value["config"]["keras_history"])]
    if isinstance(value, dict):
        return {k: _read(v, symbols) for k, v in value.items()}
    return type(value)(_read(v, symbols) for v in value) if isinstance(value, list | tuple) else value
