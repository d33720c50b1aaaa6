"""A layer called on symbols: the shapes are worked out, and the call becomes a node of the graph."""
import numpy as np

from ..symbol import Node, Symbol, by_trial
from ..tensor import no_grad
from ..tree import flatten, map_structure


def symbolic_call(layer, args, options, shape_rule):
    """The symbols for layer(*args, **options); `shape_rule` is its compute_output_shape, None to try on zeros."""
    if not layer.built and layer.has_build:
        layer._build(args, options)
    if layer.input_spec is not None:
        layer._check(args[0])
    if shape_rule is None:
        with no_grad():
            structure = by_trial(layer, args, options)
    else:
        dtype = layer.compute_output_dtype(flatten(args[0])[0].dtype)
        structure = map_shapes(lambda s: Symbol(s, dtype), shape_rule(**layer._shapes(shape_rule, args, options)))
    layer.built = True
    node = Node(layer, args, options, flatten(structure), layer.name)
    layer._nodes.append(node)
    outputs = iter(node.outputs)
    return map_structure(lambda _: next(outputs), structure)


def is_shape(value) -> bool:
    return isinstance(value, tuple) and all(n is None or isinstance(n, int | np.integer) for n in value)


def map_shapes(f, structure):
    """f on every shape (a tuple of sizes) in a nesting."""
    if is_shape(structure):
        return f(structure)
    if isinstance(structure, dict):
        return {key: map_shapes(f, part) for key, part in structure.items()}
    return type(structure)(map_shapes(f, part) for part in structure)
