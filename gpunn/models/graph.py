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
        self.things = self._in_order()
        self.layers = [t for t in self.things if not isinstance(t, Symbol)]
        self.steps = steps_of(self.nodes, self.output_symbols)

    def check(self, known: set):
        for node in self.nodes:
            for s in symbols_of(node):
                if s.node is None and id(s) not in known:
                    raise ValueError(f"Model: the outputs depend on {s!r}, which is not among the inputs; "
                                     "pass it in `inputs`, or leave out the outputs that need it")

    def _in_order(self) -> list:
        """Each layer and input once: those furthest from the outputs first, as Keras orders them (and so weights)."""
        known = {id(s) for s in self.input_symbols}
        depth, walked, stack = dict.fromkeys(known, 0), {}, self.output_symbols[::-1]
        while stack:                                    # from each output down, arguments in their order
            above = _source(stack.pop(), known)
            if id(above) not in walked:
                walked[id(above)] = above
                stack += reversed(symbols_of(above)) if isinstance(above, Node) else ()
        for node in reversed(self.nodes):
            at = depth[id(_thing(node))] = max(depth.get(id(node), 0), depth.get(id(_thing(node)), 0))
            for s in symbols_of(node):
                above = id(_source(s, known))
                depth[above] = max(depth.get(above, 0), at + 1)
        lost = [s for s in self.input_symbols if id(s) not in walked]
        things = {id(t): t for t in [*lost, *map(_thing, walked.values())] if not isinstance(t, Node)}
        return sorted(things.values(), key=lambda thing: -depth[id(thing)])

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


def _source(s: Symbol, known: set):
    """Where a symbol comes from: the node that made it, or itself where the graph begins."""
    return s if id(s) in known else s.node


def _thing(source):
    """The layer that a node calls; an input, or the node of an op, as it is."""
    return source.f if isinstance(source, Node) and hasattr(source.f, "weights") else source


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
