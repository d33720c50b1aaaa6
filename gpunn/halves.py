"""float16 and bfloat16: on a GPU arrays of two bytes a number, on the CPU float32 arrays whose numbers were rounded.

The backend of the array decides, in `rounded` and `RoundedVariable.seen`. A tensor of real 16-bit
numbers is a plain Tensor, and ops work on it; `Rounded` is the other kind.
"""
from operator import attrgetter

import numpy as np

from ._config import REDUCED
from .backend import backend_of, kernels_of, persistent
from .tensor import Node, Tensor, Variable, _mode, converted, linked
from .tree import map_structure


def stored(array, dtype: str | None):
    """The dtype of two bytes in which this array's device keeps such numbers; None where it has none."""
    return backend_of(array).halves.get(dtype)


def rounded(x: Tensor, dtype: str) -> Tensor:
    """A tensor of floats in 16 bits, or a float32 tensor with their numbers; its gradient gets as few."""
    if (kind := stored(x.data, dtype)) is not None:
        return x if x.data.dtype == kind else converted(x, kind)
    k, name = kernels_of(x.data), f"round_{dtype}"
    y = linked(k.unary(name, x.data), x,
               lambda dy, need: (k.unary(name, dy, out=None if need[0] is True else need[0]),))
    return Rounded(y.data, dtype, y.requires_grad, y._node)


def widened(x: Tensor) -> Tensor:
    """The same numbers as float32; of arrays that have them anyhow."""
    if not isinstance(x, Rounded | RoundedVariable):
        return x
    if x._node is None and x.requires_grad:
        return Tensor(x.data, True, Node([x], lambda dy, need: (dy,), 1))
    return Tensor(x.data, x.requires_grad, x._node, x._index)


def with_few_bits(f, args, options):
    """f on float32 tensors with the same numbers; rounded, if all floats among its arguments were of one such dtype."""
    dtypes = set()

    def seen(a):
        if isinstance(a, RoundedVariable):
            dtype = a.dtype if a.dtype in REDUCED else _mode.compute
            a = rounded(a, dtype) if dtype else widened(a)
        if "float" in str(getattr(a, "dtype", "")):
            dtypes.add(str(a.dtype))
        return widened(a) if isinstance(a, Rounded) else a

    y = f(*map(seen, args), **{name: seen(value) for name, value in options.items()})
    dtype = dtypes.pop() if len(dtypes) == 1 else None
    return map_structure(lambda v: rounded(v, dtype) if v.dtype == "float32" else v, y) if dtype in REDUCED else y


class Rounded(Tensor):
    """A float32 array whose numbers are all of float16 or bfloat16.

    Arithmetic is done in float32; results, and gradients on their way back, are rounded.
    """
    __slots__ = ("dtype",)
    emulated = staticmethod(with_few_bits)

    def __init__(self, data, dtype, requires_grad=False, node=None):
        super().__init__(data, requires_grad, node)
        self.dtype = dtype

    def seen(self, full, place: int):
        return None

    def numpy(self) -> np.ndarray:
        """float16, or for bfloat16, which NumPy does not have, float32."""
        return Tensor.numpy(self).astype("float16" if self.dtype == "float16" else "float32")

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.numpy(), dtype)


class RoundedVariable(Variable):
    """A weight of a layer that computes with few bits: of float32, and seen rounded there, or of few bits itself.

    `shadow`: on a GPU the same numbers in two bytes each, which layers read; the optimizer writes it with the weights.
    Of what is not trained there is none, for kernels write that.
    """
    __slots__ = ("dtype", "compute", "shadow", "shadowed")
    emulated = staticmethod(with_few_bits)

    def __init__(self, variable: Variable, dtype: str, compute: str):
        super().__init__(variable.data, trainable=variable.wanted, name=variable.name)
        self.dtype, self.compute, self.shadow = dtype, dtype if dtype in REDUCED else compute, None
        self.shadowed = self.wanted
        self.settle()
        if dtype in REDUCED:
            self.constraint = attrgetter("value")       # assigned after each update, and rounded then

    def settle(self):
        if self.dtype in REDUCED:
            kernels_of(self.data).unary(f"round_{self.dtype}", self.data, out=self.data)
        if self.shadow is not None:
            kernels_of(self.data).copy(self.data, out=self.shadow)
        return self

    def seen(self, full, place: int):
        """(array, tensor for the tape) where ops work on 16-bit arrays. `full`: see `op`."""
        if (kind := stored(self.data, self.compute)) is None:
            return None
        dtype = self.dtype if self.dtype in REDUCED else _mode.compute
        if dtype is None or full is not None and place in full:
            return self.entry()
        if dtype != self.compute or not self.shadowed:
            return converted(self, stored(self.data, dtype)).entry()
        if self.shadow is None:
            self.shadow = persistent(kernels_of(self.data).copy(self.data, dtype=kind))
        if full is not None:
            return self.shadow, self.entry()[1]
        k, own = kernels_of(self.data), self.data.dtype
        return linked(self.shadow, self, lambda dy, need: (
            k.copy(dy, dtype=own) if need[0] is True else k.copy(dy, out=need[0]),)).entry()

    numpy, __array__ = Rounded.numpy, Rounded.__array__
