"""A model once more, with fresh weights."""
from ..layers.input import Input
from ..layers.layer import Layer
from ..symbol import Symbol
from ..tree import flatten, map_structure
from .config import made_of_graph
from .model import Functional
from .sequential import Sequential


def clone_model(model, input_tensors=None, clone_function=None, call_function=None, recursive=False):
    """The same layers, each made anew by `clone_function(layer)`, called in the same way - by
    `call_function(layer, *args, **options)` - on new inputs or on `input_tensors`; `recursive`: also within models."""
    def cloned(layer):
        if recursive and isinstance(layer, Sequential | Functional):
            call = call_function if isinstance(layer, Functional) else None
            return clone_model(layer, None, clone_function, call, True)
        return (clone_function or _anew)(layer)
    if isinstance(model, Sequential) and call_function is None:
        start = _inputs(model.inputs) if input_tensors is None else flatten(input_tensors)
        return type(model)([*start, *map(cloned, model.layers)], name=model.name, trainable=model.trainable)
    if isinstance(model, Functional) and made_of_graph(type(model)):
        return _graph(model, input_tensors, cloned, call_function or (lambda f, *args, **options: f(*args, **options)))
    if not (input_tensors is clone_function is call_function is None):
        raise ValueError(f"clone_model: input_tensors, clone_function and call_function work on models that are made "
                         f"of a graph (call_function not on a Sequential), but {model.name} is a "
                         f"{type(model).__name__}")
    return _anew(model)


def _anew(layer):
    return type(layer).from_config(layer.get_config())


def _inputs(symbols):
    return map_structure(lambda s: Input(batch_shape=s.shape, dtype=s.dtype, name=s.name), symbols)


def _graph(model, inputs, cloned, call):
    """Walk the nodes in their order; `made` holds the new symbol of each old one."""
    graph, clones = model._graph, {}
    inputs = _inputs(graph.inputs) if inputs is None else inputs
    made = {id(old): new for old, new in zip(graph.input_symbols, flatten(inputs), strict=True)}

    def new(value):
        return made[id(value)] if isinstance(value, Symbol) else value
    for node in graph.nodes:
        if id(node.f) not in clones:
            clones[id(node.f)] = cloned(node.f) if isinstance(node.f, Layer) else node.f
        outputs = call(clones[id(node.f)], *map_structure(new, node.args), **map_structure(new, node.options))
        made |= {id(old): s for old, s in zip(node.outputs, flatten(outputs), strict=True)}
    return type(model)(inputs, map_structure(new, graph.outputs), name=model.name, trainable=model.trainable)
