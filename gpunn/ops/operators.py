"""+ - * / @ and indexing on Tensor, Variable and Symbol."""
from ..symbol import Symbol
from ..tensor import Tensor, Variable
from . import arithmetic, create, index, linalg, math, reduce, shape


def _by_kind(name):
    """& | ^: bits of two integers, else logic."""
    logic, bits = getattr(arithmetic, f"logical_{name}"), getattr(arithmetic, f"bitwise_{name}")

    def f(self, other):
        return (bits if all(_whole(x) for x in (self, other)) else logic)(self, other)
    return f


def _whole(x) -> bool:
    return type(x) is int or str(getattr(x, "dtype", "")).startswith(("int", "uint"))


__all__ = ["KerasTensor", "Symbol", "Tensor", "Variable"]       # with their operators
KerasTensor = Symbol

FORWARD = {"add": arithmetic.add, "sub": arithmetic.subtract, "mul": arithmetic.multiply, "truediv": arithmetic.divide,
           "floordiv": arithmetic.floor_divide, "mod": arithmetic.mod, "pow": arithmetic.power,
           "matmul": linalg.matmul, "and": _by_kind("and"), "or": _by_kind("or"), "xor": _by_kind("xor")}
COMPARE = {"lt": arithmetic.less, "le": arithmetic.less_equal, "gt": arithmetic.greater, "ge": arithmetic.greater_equal,
           "eq": arithmetic.equal, "ne": arithmetic.not_equal}


def _swapped(f):
    return lambda self, other: f(other, self)


def _compared(f):
    """== with something that is no number or array is False, as for any Python object."""
    def compare(self, other):
        return NotImplemented if other is None or isinstance(other, str) else f(self, other)
    return compare


def _reduction(f):
    """NumPy's own functions come with `dtype` and `out`: np.sum(t) is t.sum(axis=None, out=None)."""
    def method(self, axis=None, keepdims=False, *, dtype=None, out=None, **options):
        if out is not None:
            raise TypeError(f"{f.__name__}: a Tensor is written by nobody, so `out` must be None; use the result")
        y = f(self, axis, keepdims, **options)
        return y if dtype is None else create.cast(y, dtype)
    return method


def attach(cls) -> None:
    for name, f in FORWARD.items():
        setattr(cls, f"__{name}__", f)
        setattr(cls, f"__r{name}__", _swapped(f))
    for name, f in COMPARE.items():
        setattr(cls, f"__{name}__", _compared(f))
    cls.__hash__ = object.__hash__
    cls.__neg__, cls.__abs__ = math.negative, math.abs
    cls.__invert__ = lambda self: arithmetic.bitwise_invert(self) if _whole(self) else math.logical_not(self)
    cls.__getitem__ = index.get_item
    cls.T = property(shape.transpose)
    cls.reshape = lambda self, *shape_: shape.reshape(self, shape_[0] if len(shape_) == 1 else shape_)
    cls.transpose = lambda self, *axes: shape.transpose(self, (axes[0] if len(axes) == 1 else axes) or None)
    for name in ("sum", "mean", "max", "min"):
        setattr(cls, name, _reduction(getattr(reduce, name)))
    cls.astype = create.cast


attach(Tensor)
attach(Symbol)
