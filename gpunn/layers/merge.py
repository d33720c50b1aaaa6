"""Several inputs, one output."""
from functools import reduce

from .. import ops
from ..ops.core import named
from .layer import LibraryLayer


class _Merge(LibraryLayer):
    """Element by element, with broadcasting; an input with fewer axes gets axes of one after the batch axis."""
    supports_masking = True
    combine = None              # what makes one of two, unless `merge` is defined

    def build(self, input_shape):
        self._several(input_shape)
        self.compute_output_shape(input_shape)

    def _several(self, shapes, least=1):
        nested = isinstance(shapes, list | tuple) and all(isinstance(s, tuple | list) for s in shapes)
        if not nested or len(shapes) < least:
            raise ValueError(f"{self._who}: argument 'inputs' must be a list of {least} or "
                             f"more tensors, got one of shape {shapes}. Fix: {type(self).__name__}()([a, b])")

    def call(self, inputs):
        rank = max(x.ndim for x in inputs)
        return self.merge([ops.expand_dims(x, tuple(range(1, 1 + rank - x.ndim))) if x.ndim < rank else x
                           for x in inputs])

    def merge(self, inputs):
        """All inputs, of one rank, as one tensor."""
        return reduce(self.combine, inputs)

    def compute_output_shape(self, input_shape):
        rank = max(len(s) for s in input_shape)
        shapes = [(s[0], *(1,) * (rank - len(s)), *s[1:]) for s in input_shape]
        return tuple(self._size(sizes, input_shape) for sizes in zip(*shapes, strict=True))

    def _size(self, sizes, shapes):
        known = {n for n in sizes if n not in (1, None)}
        if len(known) > 1:
            raise ValueError(f"{self._who}: the inputs have shapes {', '.join(str(tuple(s)) for s in shapes)}, which "
                             "do not fit together. Fix: make their sizes equal (or 1) on every axis")
        return known.pop() if known else (None if None in sizes else 1)

    def compute_mask(self, inputs, previous_mask):
        masks = previous_mask or [None]
        return None if any(m is None for m in masks) else reduce(ops.logical_or, masks)


class _Two(_Merge):
    """Of exactly two inputs."""

    def _several(self, shapes, least=2):
        super()._several(shapes, 2)
        self._require("the number of inputs", len(shapes) == 2, "2", len(shapes))


def _combining(name: str, combine, meaning: str, base=_Merge) -> type:
    return type(name, (base,), {"combine": staticmethod(combine), "__doc__": meaning})


Add = _combining("Add", ops.add, "The sum.")
Multiply = _combining("Multiply", ops.multiply, "The product.")
Maximum = _combining("Maximum", ops.maximum, "The largest.")
Minimum = _combining("Minimum", ops.minimum, "The smallest.")
Subtract = _combining("Subtract", ops.subtract, "The first minus the second.", _Two)


class Average(_Merge):
    """The mean."""

    def merge(self, inputs):
        return reduce(ops.add, inputs) * (1.0 / len(inputs))


class Concatenate(_Merge):
    """One after the other along an axis."""

    def __init__(self, axis=-1, **kwargs):
        self._keep(locals())

    def call(self, inputs):
        return ops.concatenate(inputs, axis=self.axis)

    def compute_output_shape(self, input_shape):
        axis, ranks = self.axis % len(input_shape[0]), {len(s) for s in input_shape}
        others = {tuple(n for i, n in enumerate(s) if i != axis and None not in [t[i] for t in input_shape])
                  for s in input_shape if len(ranks) == 1}
        if len(others) != 1:
            raise ValueError(f"Concatenate '{self.name}': the inputs have shapes "
                             f"{', '.join(str(tuple(s)) for s in input_shape)}, expected equal sizes on every axis but "
                             f"{self.axis}. Fix: choose another axis, or make the sizes equal")
        shape, sizes = list(input_shape[0]), [s[axis] for s in input_shape]
        shape[axis] = None if None in sizes else sum(sizes)
        return tuple(shape)

    def compute_mask(self, inputs, previous_mask):
        if not any(m is not None for m in previous_mask or ()):
            return None
        axis = self.axis % inputs[0].ndim
        masks = [ops.ones(x.shape[:2], "bool") if m is None else m for x, m in zip(inputs, previous_mask)]
        return ops.concatenate(masks, axis=axis) if axis < 2 else reduce(ops.logical_and, masks)


class Dot(_Two):
    """Sums products along an axis of each of two inputs, sample by sample; `normalize`: cosines."""

    def __init__(self, axes, normalize=False, **kwargs):
        self._keep(locals())
        self.axes = axes if isinstance(axes, int) else tuple(axes)
        self._require("axes", 0 not in (self.axes if isinstance(axes, list | tuple) else (axes,)),
                      "axes after the batch's, which is 0", axes)

    def _places(self, ranks):
        axes = (self.axes,) * 2 if isinstance(self.axes, int) else self.axes
        return [a % rank for a, rank in zip(axes, ranks)]

    def call(self, inputs):
        i, j = self._places([x.ndim for x in inputs])
        if self.normalize:
            inputs = [ops.normalize(x, axis=axis) for x, axis in zip(inputs, (i, j))]
        a, b = ops.moveaxis(inputs[0], i, -1), ops.moveaxis(inputs[1], j, 1)
        rows, columns = a.shape[1:-1], b.shape[2:]
        y = ops.matmul(ops.reshape(a, (a.shape[0], -1, a.shape[-1])), ops.reshape(b, (*b.shape[:2], -1)))
        return ops.reshape(y, (a.shape[0], *rows, *columns) if rows or columns else (a.shape[0], 1))

    def compute_output_shape(self, input_shape):
        a, b = (list(s) for s in input_shape)
        i, j = self._places((len(a), len(b)))
        if None not in (a[i], b[j]) and a[i] != b[j]:
            raise ValueError(f"Dot '{self.name}': axis {i} of the first input has {a[i]} numbers, axis {j} of the "
                             f"second {b[j]}, expected the same. Fix: choose other axes")
        rest = (*a[1:i], *a[i + 1:], *b[1:j], *b[j + 1:])
        return a[0], *(rest or (1,))

    def compute_mask(self, inputs, previous_mask):
        return None


def _function(layer):
    def merged(inputs, **kwargs):
        return layer(**kwargs)(inputs)
    return named(merged, layer.__name__.lower(), layer.__doc__)


add, subtract, multiply = map(_function, (Add, Subtract, Multiply))
average, maximum, minimum = map(_function, (Average, Maximum, Minimum))


def concatenate(inputs, axis=-1, **kwargs):
    return Concatenate(axis, **kwargs)(inputs)


def dot(inputs, axes=-1, **kwargs):
    return Dot(axes, **kwargs)(inputs)
