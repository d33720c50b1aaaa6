"""How a graph runs: node by node, but some neighbours as one, with the same numbers.

Convolution + ReLU + max pooling: ReLU waits until pooling has left few numbers. Batch normalization (+ sum) + ReLU: one
kernel in each direction.
"""
from .. import activations, layers
from .._config import REDUCED
from ..halves import stored
from ..layers.context import is_training
from ..ops import cast
from ..ops.pool import max_pool_relu
from ..symbol import Node, Symbol
from ..tensor import Tensor, computing
from ..tree import flatten, map_structure


class Step:
    """One node: reads its symbols from `values` (by id) and writes those of its outputs."""

    def __init__(self, node: Node):
        self.node = node

    def __call__(self, values: dict):
        node = self.node
        args = map_structure(lambda a: values[id(a)] if isinstance(a, Symbol) else a, [list(node.args), node.options])
        for s, v in zip(node.outputs, flatten(node.f(*args[0], **args[1])), strict=True):
            values[id(s)] = v


class Chain:
    """Nodes that `run(*inputs)` does at once, when its inputs are plain tensors and `when()` is true."""

    def __init__(self, nodes, inputs, run, when=lambda: True):
        self.steps, self.inputs, self.run, self.when = [Step(n) for n in nodes], inputs, run, when
        dtypes = {n.f.compute_dtype for n in nodes if hasattr(n.f, "weights")}
        self.dtype = dtypes.pop() if len(dtypes) == 1 else None

    def __call__(self, values: dict):
        xs, dtype = [values[id(s)] for s in self.inputs], self.dtype
        if self.when() and all(type(x) is Tensor and x.mask is None and (x.dtype == dtype or stored(x.data, dtype))
                               for x in xs):
            with computing(dtype if dtype in REDUCED else None):
                y = self.run(*[x if x.dtype == dtype else cast(x, dtype) for x in xs])
            values[id(self.steps[-1].node.outputs[0])] = y
            return
        for step in self.steps:
            step(values)


def symbols_of(node: Node) -> list[Symbol]:
    return [a for a in flatten([list(node.args), dict(node.options)]) if isinstance(a, Symbol)]


def steps_of(nodes, outputs) -> list:
    """Steps and chains in an order in which they can run: a chain runs where its last node stood."""
    readers = {}
    for s, reader in [(s, node) for node in nodes for s in symbols_of(node)] + [(s, None) for s in outputs]:
        readers.setdefault(id(s), []).append(reader)

    def following(node):
        """The only node that reads this one's only output, or None."""
        found = readers.get(id(node.outputs[0]), []) if len(node.outputs) == 1 else []
        return found[0] if len(found) == 1 else None

    ends, inside = {}, set()
    for node in nodes:
        chain = _pooled(node, following(node)) or _normalized(node, following)
        if chain is not None:
            members = [step.node for step in chain.steps]
            if not inside.intersection(map(id, members)):
                ends[id(members[-1])] = chain
                inside.update(map(id, members))
    return [ends.get(id(n)) or Step(n) for n in nodes if id(n) in ends or id(n) not in inside]


def _is(node, *kinds) -> bool:
    """A layer of exactly such a class (a subclass may do anything) that does nothing besides."""
    return node is not None and type(node.f) in kinds and node.f.activity_regularizer is None


def _is_relu(node) -> bool:
    if _is(node, layers.ReLU):
        return (node.f.max_value, node.f.negative_slope, node.f.threshold) == (None, 0, 0)
    return _is(node, layers.Activation) and activations.fused(node.f.activation) == "relu"


def _pooled(node, pool):
    if not (_is(node, layers.Conv1D, layers.Conv2D) and _is(pool, layers.MaxPooling1D, layers.MaxPooling2D)
            and activations.fused(node.f.activation) == "relu"):
        return None
    conv = node.f
    how = pool.f.pool_size, pool.f.strides, pool.f.padding, pool.f.data_format
    return Chain([node, pool], symbols_of(node), lambda x: max_pool_relu(conv.convolved(x, "linear"), *how))


def _normalized(node, following):
    last = (-1, len(node.outputs[0].shape) - 1)
    if not _is(node, layers.BatchNormalization) or node.f.renorm or node.f.axis not in last:
        return None
    norm, relu = node.f, following(node)
    nodes, inputs = [node], symbols_of(node)
    if _is(relu, layers.Add) and len(terms := symbols_of(relu)) == 2 and terms[0].shape == terms[1].shape:
        nodes, inputs = [node, relu], inputs + [s for s in terms if s is not node.outputs[0]]
        relu = following(relu)
    if not _is_relu(relu) or len(inputs) != len(nodes):
        return None
    return Chain([*nodes, relu], inputs, norm.with_relu, lambda: is_training() and norm.trainable)
