"""A layer called on symbols: the shapes are worked out, and the call becomes a node of the graph."""
from ..symbol import Node, Symbol, by_trial
from ..tensor import no_grad
from ..tree import flatten, map_shape_structure, map_structure


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
        shapes = shape_rule(**layer._shapes(shape_rule, args, options))
        structure = map_shape_structure(lambda s: Symbol(s, dtype), shapes)
    layer.built = True
    node = Node(layer, args, options, flatten(structure), layer.name)
    layer._nodes.append(node)
    outputs = iter(node.outputs)
    return map_structure(lambda _: next(outputs), structure)
