"""A functional model's graph: the nodes between its inputs and outputs, in an order in which they can run."""
from ..ops import cast, convert_to_tensor, expand_dims, squeeze
from ..symbol import Node, Operation, Symbol
from ..tensor import Tensor
from ..tree import flatten, map_structure
from .fusion import steps_of, symbols_of


class Graph:
    """`run` replaces the input symbols by values and calls each node once, or neighbours together."""

    def __init__(self, inputs, outputs):
        self.inputs, self.outputs = inputs, outputs
        self.input_symbols, self.output_symbols = flatten(inputs), flatten(outputs)
        known = {id(s) for s in self.input_symbols}
        self.nodes = _ordered([s.node for s in self.output_symbols if id(s) not in known], known)
        self.check(known)
        self.layers = self._layers()
        self.steps = steps_of(self.nodes, self.output_symbols)

    def check(self, known: set):
        for node in self.nodes:
            for s in symbols_of(node):
                if s.node is None and id(s) not in known:
                    raise ValueError(f"Model: the outputs depend on {s!r}, which is not among the inputs; "
                                     "pass it in `inputs`, or leave out the outputs that need it")

    def _layers(self) -> list:
        """Each layer once: those furthest from the outputs first, as Keras orders them (and so their weights)."""
        depth = {}
        for node in reversed(self.nodes):
            depth.setdefault(id(node), 0)
            for s in symbols_of(node):
                if s.node is not None:
                    depth[id(s.node)] = max(depth.get(id(s.node), 0), depth[id(node)] + 1)
        first = {}
        for i, node in enumerate(self.nodes):
            if hasattr(node.f, "weights"):
                old = first.get(id(node.f), (0, i, node.f))
                first[id(node.f)] = (max(old[0], depth[id(node)]), old[1], node.f)
        return [layer for _, _, layer in sorted(first.values(), key=lambda item: (-item[0], item[1]))]

    def run(self, inputs, **context):
        """The outputs for these inputs; `context` (training, mask) reaches layers through the call around us."""
        values = {id(s): v for s, v in zip(self.input_symbols, flatten(inputs), strict=True)}
        for step in self.steps:
            step(values)
        return map_structure(lambda s: values[id(s)], self.outputs)


class Function(Operation):
    """A graph from symbols to symbols, called on values (or other symbols) nested like its inputs."""

    def __init__(self, inputs, outputs, name=None):
        super().__init__(name=name)
        self._graph, self.inputs, self.outputs = Graph(inputs, outputs), flatten(inputs), flatten(outputs)

    def call(self, inputs):
        return self._graph.run([convert_to_tensor(x) for x in flatten(inputs)])


def _ordered(roots, known: set) -> list[Node]:
    """Nodes such that each comes after those it needs; the walk stops at known symbols."""
    order, seen, stack = [], set(), [(node, False) for node in reversed(roots)]
    while stack:
        node, expanded = stack.pop()
        if node is None or id(node) in seen:
            continue
        if expanded:
            seen.add(id(node))
            order.append(node)
            continue
        stack.append((node, True))
        stack.extend((s.node, False) for s in reversed(symbols_of(node)) if s.node is not None and id(s) not in known)
    return order


def fitted(who: str, value, symbol: Symbol):
    """Data for an input: cast to its dtype, with a last axis of one added or dropped, and its shape checked."""
    if isinstance(value, Tensor) and value.dtype != symbol.dtype:
        mask, value = value.mask, cast(value, symbol.dtype)
        value.mask = mask
    if not hasattr(value, "ndim"):
        raise ValueError(f"{who}: input '{symbol.name}' is one array, got a {type(value).__name__} of {len(value)}. "
                         "Fix: np.array(...)")
    rank = len(symbol.shape)
    if value.ndim == rank - 1 and symbol.shape[-1] == 1:
        value = expand_dims(value, -1)
    elif value.ndim == rank + 1 and value.shape[-1] == 1:
        value = squeeze(value, -1)
    if value.ndim != rank or any(want not in (None, got) for want, got in zip(symbol.shape, value.shape, strict=True)
                                 if got is not None):
        raise ValueError(f"{who}: input '{symbol.name}' expected shape {symbol.shape}, got {tuple(value.shape)}. "
                         f"Fix: reshape the data to (n, {', '.join(map(str, symbol.shape[1:]))})")
    return value
