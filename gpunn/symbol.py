"""Symbols: values that are not there yet. Calling a layer, an op or an operator on one adds a node to a graph."""
import numpy as np


class Symbol:
    """A shape (None for an axis still unknown), a dtype, and the node that will make the value."""
    __slots__ = ("shape", "dtype", "name", "node", "index", "mask")

    def __init__(self, shape, dtype="float32", name=None, node=None, index=0):
        self.shape, self.dtype, self.name = tuple(shape), str(dtype), name
        self.node, self.index, self.mask = node, index, None

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __repr__(self):
        return f"<Symbol shape={self.shape} dtype={self.dtype} name={self.name}>"

    def _no_value(self, *_):
        raise TypeError(f"{self!r} has no value yet: it is part of a model under construction. "
                        "Build a Model(inputs, outputs) and call it on data, or do this inside a layer.")
    __array__ = __float__ = __int__ = __bool__ = __iter__ = __len__ = numpy = _no_value


class Node:
    """One call: f(*args, **options) where some arguments are symbols."""
    __slots__ = ("f", "args", "options", "outputs")

    def __init__(self, f, args, options, shapes, dtypes, name=None):
        self.f, self.args, self.options = f, args, options
        self.outputs = [Symbol(s, d, name, self, i) for i, (s, d) in enumerate(zip(shapes, dtypes, strict=True))]


def trace(f, args, options):
    """A node for an op on symbols; its output shapes come from running the op on zeros of two different sizes."""
    small, large = (_flat(f(*[example(a, *sizes) for a in args], **options)) for sizes in ((2, 16), (3, 17)))
    shapes = [tuple(a if a == b else None for a, b in zip(s.shape, t.shape, strict=True))
              for s, t in zip(small, large, strict=True)]
    node = Node(f, args, options, shapes, [s.dtype for s in small], getattr(f, "__name__", None))
    return node.outputs[0] if len(small) == 1 else tuple(node.outputs)


def _flat(result) -> list:
    return list(result) if isinstance(result, tuple | list) else [result]


def example(a, first: int, other: int):
    """Zeros for a symbol, of these sizes where its own are unknown; anything else as it is."""
    if not isinstance(a, Symbol):
        return a
    return np.zeros([(other if i else first) if n is None else n for i, n in enumerate(a.shape)], a.dtype)
