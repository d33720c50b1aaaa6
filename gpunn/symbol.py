"""Symbols: values that are not there yet. Calling a layer, an op or an operator on one adds a node to a graph."""
from functools import wraps

import numpy as np

from . import _objects
from ._config import REDUCED, storage
from ._names import auto_name
from .tree import flatten, map_structure


class Symbol:
    """A shape (None for an axis still unknown), a dtype, and the node that will make the value."""
    __slots__ = ("shape", "dtype", "name", "node", "index", "mask")

    def __init__(self, shape, dtype="float32", name=None, node=None, index=0):
        self.shape, self.dtype, self.name = tuple(shape), str(dtype), name
        self.node, self.index, self.mask = node, index, None

    ndim: int = property(lambda self: len(self.shape))

    def __repr__(self):
        return f"<Symbol shape={self.shape} dtype={self.dtype} name={self.name}>"

    def _no_value(self, *_):
        raise TypeError(f"{self!r} has no value yet: it is part of a model under construction. "
                        "Build a Model(inputs, outputs) and call it on data, or do this inside a layer.")
    __array_priority__ = 1000               # np.float32(2) * symbol asks the symbol
    __array__ = __float__ = __int__ = __bool__ = __iter__ = __len__ = numpy = _no_value


class Node:
    """One call: f(*args, **options) where some arguments are symbols; `outputs` like `made`, but of this node."""
    __slots__ = ("f", "args", "options", "outputs")

    def __init__(self, f, args, options, made, name=None):
        self.f, self.args, self.options = f, args, options
        self.outputs = [Symbol(s.shape, s.dtype, name, self, i) for i, s in enumerate(made)]


def trace(f, args, options, dtype=None):
    """A node for an op on symbols, or for the cast to a dtype; of few bits, if all floats it is made of are."""
    try:
        made = by_trial(f, args, options)
    except ValueError as error:
        shapes = ", ".join(str(s.shape) for s in flatten([args, options]) if isinstance(s, Symbol))
        raise ValueError(f"{called(f, options)} of {shapes}: {error}") from None
    floats = {dtype} if dtype else {s.dtype for s in flatten([args, options]) if isinstance(s, Symbol)
                                    and "float" in s.dtype}
    for s in flatten(made) if len(floats) == 1 and floats <= set(REDUCED) else ():
        s.dtype = min(floats) if s.dtype == "float32" else s.dtype
    node = Node(f, args, options, flatten(made), called(f, options))
    return tuple(node.outputs) if isinstance(made, tuple) else node.outputs[0]


def called(f, options: dict) -> str:
    """As users call a function of ops: tanh, where _unary(x, name="tanh") does it."""
    name = getattr(f, "__name__", type(f).__name__)
    return str(options.get("name", name) if name == "_unary" else name).lstrip("_")


def whole(f):
    """A function of ops as one node of a graph: it may compute with sizes that a graph does not know."""
    @wraps(f)
    def apply(*args, **options):
        if Symbol in map(type, args) or Symbol in map(type, options.values()):
            return trace(apply, args, options)
        return f(*args, **options)
    return apply


def by_trial(f, args, options):
    """Symbols for the results of f, by running it on examples of two sizes: what differs is unknown."""
    small, large = (f(*_zeros(args, *sizes), **_zeros(options, *sizes)) for sizes in ((2, 16), (3, 17)))

    def symbol(a, b):
        return Symbol([m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)], a.dtype)
    return map_structure(symbol, small, large)


def _zeros(values, first: int, other: int):
    """Zeros for the symbols, of these sizes where their own are unknown (floats with a diagonal of ones, for those who
    invert them); anything else as it is."""
    def example(a):
        if not isinstance(a, Symbol):
            return a
        y = np.zeros([(other if i else first) if n is None else n for i, n in enumerate(a.shape)], storage(a.dtype))
        return y + np.eye(*y.shape[-2:], dtype=y.dtype) if y.ndim > 1 and y.dtype.kind == "f" else y
    return map_structure(example, values)


class Operation(_objects.Configured):
    """Subclasses define `call`; and `compute_output_spec`, symbols for symbols, where a trial on zeros will not do."""

    def __init__(self, name: str | None = None):
        self.name = name or auto_name(type(self))

    def call(self, *args, **kwargs):
        raise NotImplementedError(f"{type(self).__name__} must define call(self, ...)")

    def compute_output_spec(self, *args, **kwargs):
        return by_trial(self.call, args, kwargs)

    def symbolic_call(self, *args, **kwargs):
        """The symbols of a node of the graph."""
        made = self.compute_output_spec(*args, **kwargs)
        outputs = iter(Node(self, args, kwargs, flatten(made), self.name).outputs)
        return map_structure(lambda _: next(outputs), made)

    def __call__(self, *args, **kwargs):
        symbolic = any(isinstance(a, Symbol) for a in flatten([list(args), kwargs]))
        return (self.symbolic_call if symbolic else self.call)(*args, **kwargs)

    def get_config(self) -> dict:
        return {"name": self.name, **super().get_config()}
