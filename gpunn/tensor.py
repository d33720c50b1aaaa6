"""Tensor, @op and the backward pass: the whole of automatic differentiation.

An op is a function of arrays that returns its result and a closure `backward(dy, need)`; `need` says for each argument
whether a gradient is wanted: None, True, or the very array that the gradient should be written to.
"""
import threading
from contextlib import contextmanager
from functools import partial, wraps
from itertools import takewhile
from operator import attrgetter

import numpy as np

from ._names import scoped
from .backend import asarray, backend_of, empty, filled, host_read, kernels_of, persistent, to_numpy
from .symbol import Symbol, trace


class _Mode(threading.local):
    taping = True
    compute = None              # in the call of a layer that computes with few bits: the dtype in which it sees weights


_mode = _Mode()


class _Names(dict):
    """A dtype's name, as Keras has it: arrays of bfloat16, which NumPy does not know, are of two raw bytes."""

    def __missing__(self, dtype):
        name = self[dtype] = "bfloat16" if dtype.str == "|V2" else dtype.name
        return name


_names = _Names()


@contextmanager
def no_grad():
    """Inside, nothing is written on the tape."""
    before, _mode.taping = _mode.taping, False
    try:
        yield
    finally:
        _mode.taping = before


@contextmanager
def computing(dtype: str | None):
    """Inside, ops see the weights of layers that compute with few bits in this dtype."""
    before, _mode.compute = _mode.compute, dtype
    try:
        yield
    finally:
        _mode.compute = before


class Tensor:
    """An array (`data`), whether gradients are wanted, and its place on the tape."""
    __slots__ = ("data", "requires_grad", "grad", "mask", "_node", "_index", "__weakref__")
    __array_priority__ = 1000

    def __init__(self, data, requires_grad=False, node=None, index=0):
        self.data, self.requires_grad, self.grad, self.mask = data, requires_grad, None, None
        self._node, self._index = node, index

    shape: tuple = property(attrgetter("data.shape"))
    dtype: str = property(lambda self: _names[self.data.dtype])
    ndim: int = property(attrgetter("data.ndim"))
    size: int = property(attrgetter("data.size"))
    __cuda_array_interface__ = property(attrgetter("data.__cuda_array_interface__"))

    def entry(self):
        """What an op takes: the array, and the tensor that wants a gradient."""
        return self.data, self if self.requires_grad else None

    def numpy(self) -> np.ndarray:
        host_read("numpy()")
        return to_numpy(self.data)

    def item(self):
        return self.numpy().item()

    def tolist(self):
        return self.numpy().tolist()

    def __array__(self, dtype=None, copy=None):
        host_read("conversion to a NumPy array")
        return np.asarray(to_numpy(self.data), dtype)

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __bool__(self):
        return bool(self.item())

    def __index__(self):
        return self.numpy().__index__()

    def __len__(self):
        return len(self.data)

    def __dlpack__(self, **options):
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.data.__dlpack_device__()

    def __repr__(self):
        device = backend_of(self.data).name
        return f"<{type(self).__name__} shape={self.shape} dtype={self.dtype} device={device} {to_numpy(self.data)}>"

    def __format__(self, spec):
        return format(self.item() if spec and not self.shape else str(self), spec)

    __hash__ = object.__hash__

    def backward(self, dy=None):
        """Gradients of this tensor with respect to everything it was computed from, left in `.grad` of the leaves."""
        backward(self, dy)


class Variable(Tensor):
    """A tensor with a name, written in place and never rebound: a weight, a statistic, a counter."""
    __slots__ = ("name", "path", "wanted", "_frozen", "regularizer", "constraint", "__dict__")

    def __init__(self, initializer, shape=None, dtype=None, trainable=True, autocast=True, aggregation="none",
                 synchronization="auto", name=None):
        made = isinstance(initializer, str) or callable(initializer)
        value = self.first(initializer, shape, dtype) if made else initializer
        super().__init__(persistent(np.copy(a) if type(a := asarray(value, dtype)) is np.ndarray else a.copy()))
        self.name, self.path, self.wanted = name or "variable", scoped(name or "variable"), bool(trainable)
        self.trainable, self.regularizer, self.constraint = trainable, None, None

    value: Tensor = property(lambda self: self)
    first = None                # (initializer, shape, dtype) -> values

    @property
    def trainable(self) -> bool:
        """Made to be trained (`wanted`), and not frozen since, by itself or with its layer."""
        return self.wanted and not self._frozen

    @trainable.setter
    def trainable(self, value: bool):
        self._frozen, self.requires_grad = not value, bool(self.wanted and value and self.data.dtype.kind == "f")

    def assign(self, value):
        """Write `value` (an array, a number, a tensor) into the memory of this variable."""
        array = value.data if isinstance(value, Tensor) else asarray(value, self.data.dtype)
        if array.shape != self.data.shape:
            raise ValueError(f"{self.path}: expected a value of shape {self.data.shape}, got {array.shape}")
        kernels_of(self.data).copy(array, out=self.data)
        return self.settle()

    def settle(self):
        """After its array was written: what else follows from it."""
        return self

    def assign_add(self, value):
        return self._accumulate("add", value)

    def assign_sub(self, value):
        return self._accumulate("subtract", value)

    def _accumulate(self, how, value):
        plain = isinstance(value, int | float)              # stays a number: a recorded step may use it
        array = value.data if isinstance(value, Tensor) else value if plain else asarray(value, self.data.dtype)
        kernels_of(self.data).binary(how, self.data, array, out=self.data)
        return self.settle()


class Node:
    """One op on the tape: its inputs that want gradients, and the closure that computes them; spent after one use."""
    __slots__ = ("parents", "backward", "outputs")

    def __init__(self, parents, backward, outputs):
        self.parents, self.backward, self.outputs = parents, backward, outputs


def op(f=None, *, arrays: int | None = None, full: tuple[str, ...] | None = None):
    """Lift `f(*arrays, **options) -> (y, backward)` to tensors and write it on the tape; on symbols: a graph node.

    `arrays`: how many arguments, from the first on, are arrays, where not all are; they may be given by name, too.
    `full`: its kernels read 16-bit weights, but these in float32, and write the gradients of all of them in float32.
    """
    if f is None:
        return partial(op, arrays=arrays, full=full)
    names = f.__code__.co_varnames[:f.__code__.co_argcount if arrays is None else arrays]
    places = None if full is None else tuple([names.index(name) for name in full])

    @wraps(f)
    def apply(*args, **options):
        if len(args) < len(names):
            args = (*args, *[options.pop(name) for name in takewhile(options.__contains__, names[len(args):])])
        lifted, parents, taped = [], [], False
        for i, a in enumerate(args[:arrays]):
            if (kind := type(a)) is Tensor or kind is Variable:
                lifted.append(a.data)
                parents.append(a if a.requires_grad else None)
                taped = taped or a.requires_grad
            elif kind is Symbol:
                return trace(apply, args, options)
            elif isinstance(a, Tensor):
                if (seen := a.seen(places, i)) is None:
                    return a.emulated(apply, args, options)
                lifted.append(seen[0])
                parents.append(seen[1])
                taped = taped or seen[1] is not None
            else:
                lifted.append(plain(a))
                parents.append(None)
        for i in places or ():
            if (a := lifted[i]) is not None and a.dtype.itemsize == 2:      # a tensor where weights are expected
                lifted[i], parents[i] = converted(args[i], "float32").entry()
        if arrays is not None:
            lifted += args[arrays:]
        y, backward = f(*lifted, **options)
        return results(y, parents, backward if taped and _mode.taping else None)
    return apply


def plain(a):
    """An argument that is no tensor, as functions of arrays take it."""
    return asarray(a) if isinstance(a, np.ndarray | list | tuple) else a.item() if isinstance(a, np.generic) else a


def results(y, parents, backward):
    """One tensor or several, on the tape where there is a way back."""
    if backward is None:
        return Tensor(y) if type(y) is not tuple else tuple([Tensor(v) for v in y])
    if type(y) is not tuple:
        return Tensor(y, True, Node(parents, backward, 1))
    node = Node(parents, backward, len(y))
    return tuple([Tensor(v, True, node, i) for i, v in enumerate(y)])


def converted(x: Tensor, dtype) -> Tensor:
    """The same numbers in an array of another dtype; the gradient comes back in x's own."""
    k, own = kernels_of(x.data), x.data.dtype
    return linked(k.copy(x.data, dtype=dtype), x, lambda dy, need: (
        k.copy(dy, dtype=own) if need[0] is True else k.copy(dy, out=need[0]),))


def linked(data, x: Tensor, backward) -> Tensor:
    """An array as a tensor that was made of x alone."""
    if not (x.requires_grad and _mode.taping and x.data.dtype.kind in "fV"):
        return Tensor(data)
    return Tensor(data, True, Node([x], backward, 1))


def backward(root: Tensor, dy=None):
    """The reverse pass from one tensor. A leaf's first gradient overwrites `.grad` (its buffer), later ones add."""
    if root._node is None:
        raise ValueError("backward: this tensor was not computed from anything that requires a gradient")
    if dy is None:
        if root.size != 1:
            raise ValueError(f"backward: a tensor of shape {root.shape} needs the gradient dy; "
                             "only a single number has dy = 1")
        dy = filled(root.data, root.shape, 1)
    with no_grad():
        _Reverse().run(root, dy.data if isinstance(dy, Tensor) else dy)


class _Reverse:
    """The gradients on their way: one slot per output of each node, and the leaves that have theirs."""

    def __init__(self):
        self.slots, self.done = {}, set()

    def run(self, root, dy):
        self.slots[id(root._node)] = [None] * root._node.outputs
        self.slots[id(root._node)][root._index] = dy
        for node in reversed(topological(root._node)):
            self.step(node)

    def step(self, node):
        dys, f = self.slots.pop(id(node), None), node.backward
        if dys is None:
            return
        if f is None:
            raise RuntimeError("backward: this graph was already used; call the model again first")
        need = [self.wanted(p) for p in node.parents]
        dxs = f(dys[0] if node.outputs == 1 else tuple(dys), need)
        for parent, dx in zip(node.parents, dxs, strict=True):
            if parent is not None and dx is not None:
                self.add(parent, dx)
        node.backward, node.parents = None, ()

    def wanted(self, parent):
        """A leaf's buffer itself, when its first gradient is about to be made."""
        if parent is None:
            return None
        fresh = parent._node is None and parent.grad is not None and id(parent) not in self.done
        return parent.grad if fresh else True

    def add(self, tensor, dx):
        if dx.dtype != tensor.data.dtype:               # one of 16 bits where the other is of float32
            dx = kernels_of(dx).copy(dx, dtype=tensor.data.dtype)
        if tensor._node is None:
            self.add_leaf(tensor, dx)
            return
        slots = self.slots.setdefault(id(tensor._node), [None] * tensor._node.outputs)
        old = slots[tensor._index]
        slots[tensor._index] = dx if old is None else kernels_of(dx).binary("add", old, dx)

    def add_leaf(self, leaf, dx):
        k = kernels_of(dx)
        if id(leaf) in self.done:
            leaf.grad = k.binary("add", leaf.grad, dx, out=leaf.grad)
        elif leaf.grad is None:
            leaf.grad = k.copy(dx)
        elif leaf.grad is not dx:
            k.copy(dx, out=leaf.grad)
        self.done.add(id(leaf))


def topological(root: Node) -> list[Node]:
    """Every node after the nodes it was computed from; iterative, because recurrent graphs are deep."""
    order, seen, stack = [], set(), [(root, False)]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((p._node, False) for p in node.parents if p is not None and p._node is not None)
    return order


def value_and_grad(f, argnums: int | tuple[int, ...] = 0):
    """A function that returns f's value (one number) and its gradient with respect to the arguments `argnums`."""
    def both(*args, **options):
        wanted = (argnums,) if isinstance(argnums, int) else argnums
        tensors = [_leaf(a) if i in wanted else a for i, a in enumerate(args)]
        y = f(*tensors, **options)
        if not isinstance(y, Tensor) or y.size != 1:
            got = y.shape if isinstance(y, Tensor) else y
            raise ValueError(f"grad: the function must return one number, got {got}")
        if y._node is not None:
            backward(y)
        grads = tuple(Tensor(t.grad if t.grad is not None else _zeros(t)) for t in (tensors[i] for i in wanted))
        return y, grads[0] if isinstance(argnums, int) else grads
    return both


def grad(f, argnums: int | tuple[int, ...] = 0):
    """A function that returns the gradient of f."""
    both = value_and_grad(f, argnums)
    return lambda *args, **options: both(*args, **options)[1]


def _leaf(value) -> Tensor:
    data = value.data if isinstance(value, Tensor) else asarray(value)
    return Tensor(data if data.dtype.kind in "fV" else kernels_of(data).copy(data, dtype="float32"), requires_grad=True)


def _zeros(tensor: Tensor):
    return kernels_of(tensor.data).fill(0, empty(tensor.data))


def gradients(loss: Tensor, variables, scale: float | Tensor = 1.0):
    """Backward from scale * loss; every variable's `.grad` is right then, zero where the loss does not depend on it."""
    reverse = _Reverse()
    if loss._node is not None:
        dy = scale.data if isinstance(scale, Tensor) else filled(loss.data, loss.shape, scale)
        if (dy.shape, dy.dtype) != (loss.shape, loss.data.dtype):
            dy = kernels_of(dy).copy(dy, out=empty(loss.data))
        with no_grad():
            reverse.run(loss, dy)
    for v in variables:
        if id(v) not in reverse.done:
            v.grad = _zeros(v) if v.grad is None else kernels_of(v.grad).fill(0, v.grad)
