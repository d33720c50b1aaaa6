"""Reading and writing by index: gathering, scattering, one place per row, sorting."""
from math import prod

import numpy as np

from .._config import storage
from ..backend import asarray, backend_of, host_read, to_numpy
from ..symbol import whole
from ..tensor import Tensor, op
from .arithmetic import add, equal, greater, less, logical_and, multiply, not_equal, subtract, where
from .core import array, as_dtype, axis_index, into, kernels_of, tensor, wide
from .create import arange_constant, cast, convert_to_tensor, kept, ones, ones_like
from .dense import pick
from .math import isfinite
from .reduce import max as largest
from .reduce import sum as total
from .shape import _slice, expand_dims, moveaxis, pad, part, ravel, reshape


@op(full=())
def embedding(table, ids):
    """Rows of a table (rows, ...) by integer ids of any shape -> ids.shape + (...); NaN for an id outside."""
    k, ids = kernels_of(table), as_dtype(ids, "int32")
    return k.gather(table, ids), lambda dy, need: (k.scatter_add(dy, ids, table.shape[0], out=into(need[0])), None)


def counted_from_zero(ids, n: int):
    """Negative indices count from the end."""
    if isinstance(ids, int | list | tuple) and not any(hasattr(i, "ndim") for i in np.ravel(np.array(ids, object))):
        return kept(_wrapped, frozen(ids), n)
    ids = convert_to_tensor(ids)
    return where(less(ids, 0), add(ids, n), ids)


def frozen(ids):
    """Nested lists as nested tuples: a constant of the program, whose array is made once."""
    return tuple(map(frozen, ids)) if isinstance(ids, list | tuple) else int(ids)


def _wrapped(ids, n):
    ids = np.asarray(ids)
    return np.where(ids < 0, ids + n, ids).astype(np.int32)


def take(x, indices, axis=None):
    """Elements by index along an axis (None: of the flat array); negative indices count from the end."""
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_index(axis, x.ndim, "take")
    ids = counted_from_zero(indices, x.shape[axis])
    y = embedding(moveaxis(x, axis, 0), ids)
    new = len(ids.shape)
    return moveaxis(y, tuple(range(new)), tuple(range(axis, axis + new)))


def places(indices, shape, axis: int):
    """Flat places of x[..., indices[...], ...]: indices broadcast against the other axes of `shape`."""
    flat = multiply(indices, prod(shape[axis + 1:]))
    for i, n in enumerate(shape):
        if i != axis:
            flat = add(flat, kept(_steps, n, prod(shape[i + 1:]), len(shape) - i - 1))
    return flat


def _steps(n, step, after):
    return (np.arange(n, dtype=np.int32) * step).reshape(n, *(1,) * after)


@whole
def take_along_axis(x, indices, axis=None):
    """One element per index: y[i, j] = x[i, indices[i, j]] for axis 1."""
    x = tensor(x)
    if axis is None:
        x, axis, indices = ravel(x), 0, ravel(indices)
    axis = axis_index(axis, x.ndim, "take_along_axis")
    ids = counted_from_zero(indices, x.shape[axis])
    return embedding(ravel(x), places(ids, x.shape, axis))


def get_item(x, key):
    """x[key]: numbers, ranges, None, ... and integer arrays; a boolean mask is looked at by the host."""
    plain_list = isinstance(key, list) and all(isinstance(i, int | bool) for i in key)
    keys = tuple(key) if isinstance(key, tuple | list) and not plain_list else (key,)
    return advanced(x, keys) if any(_is_array(i) for i in keys) else _slice(x, index=keys)


def _is_array(i) -> bool:
    return isinstance(i, list | np.ndarray | Tensor) or hasattr(i, "dtype") and getattr(i, "ndim", 0) > 0


def advanced(x, keys):
    """Integer arrays among the keys, and numbers beside them: ranges first, then one gather."""
    keys = sum((_integers(i) for i in keys), ())
    spread = sum(i is not None and i is not ... for i in keys)
    keys = sum(((slice(None),) * (x.ndim - spread) if i is ... else (i,) for i in keys), ())
    if len(keys) < x.ndim:
        keys += (slice(None),) * (x.ndim - spread)
    x = _slice(x, index=tuple(i if i is None or isinstance(i, slice) else slice(None) for i in keys))
    return gathered(x, {axis: counted_from_zero(i, x.shape[axis]) for axis, i in enumerate(keys)
                        if i is not None and not isinstance(i, slice)})


def _integers(i) -> tuple:
    """A boolean mask as the integer arrays of its True places."""
    kind = str(getattr(i, "dtype", "bool" if isinstance(i, list) and i and isinstance(i[0], bool) else ""))
    if kind != "bool":
        return (i,)
    host_read("a boolean mask as index")
    mask = i.numpy() if isinstance(i, Tensor) else np.asarray(i)
    return tuple(a.astype(np.int32) for a in np.nonzero(mask))


def gathered(x, arrays: dict):
    """x by integer arrays at some axes: their shape stands where neighbours stood, else in front."""
    axes = sorted(arrays)
    x = moveaxis(x, axes, tuple(range(len(axes))))
    sizes, flat = x.shape[:len(axes)], None
    for a, n in zip(axes, sizes):
        flat = arrays[a] if flat is None else add(multiply(flat, n), arrays[a])
    y = embedding(reshape(x, (prod(sizes), *x.shape[len(axes):])), flat)
    adjacent = axes == list(range(axes[0], axes[0] + len(axes)))
    if not adjacent or axes[0] == 0:
        return y
    ndim = len(flat.shape)
    return moveaxis(y, tuple(range(ndim)), tuple(range(axes[0], axes[0] + ndim)))


def block(inputs, start_indices, shape):
    """A block of a given shape from a given corner."""
    return _slice(inputs, index=_block(start_indices, shape))


def _block(starts, shape) -> tuple:
    return tuple(slice(int(a), int(a) + int(n)) for a, n in zip(starts, shape, strict=True))


def slice_update(inputs, start_indices, updates):
    """The array with a block replaced."""
    inputs, updates = tensor(inputs), tensor(updates)
    around = [(at.start, n - at.stop) for at, n in zip(_block(start_indices, updates.shape), inputs.shape)]
    inside = pad(ones_like(updates, "bool"), around)
    return where(inside, pad(cast(updates, inputs.dtype), around), inputs)


@whole
def scatter(indices, values, shape):
    """Values at places of an array of zeros; values at the same place add up."""
    indices, values = tensor(indices), tensor(values)
    depth = indices.shape[-1]
    rows, ids = reshape(values, (prod(indices.shape[:-1]), *shape[depth:])), ravel(joined_index(indices, shape))
    return reshape(segment_sum(rows, ids, prod(shape[:depth])), shape)


def joined_index(indices, shape):
    """Rows of indices (..., d) as one index into the d leading axes of `shape`, joined."""
    depth = indices.shape[-1]
    steps = [prod(shape[i + 1:depth]) for i in range(depth)]
    return total(multiply(indices, kept(np.array, tuple(steps), "int32")), -1)


def scatter_update(inputs, indices, updates, reduction=None):
    """The array with the elements at indices[i] replaced by updates[i], or "add", "mul", "max" or "min" of both."""
    inputs, indices, updates = tensor(inputs), tensor(indices), tensor(updates)
    depth = indices.shape[-1]
    if reduction is None:
        met = scatter(indices, ones(indices.shape[:-1]), inputs.shape[:depth])
        met = reshape(met, (*met.shape, *(1,) * (len(inputs.shape) - depth)))
        return where(equal(met, 0), inputs, scatter(indices, cast(updates, inputs.dtype), inputs.shape))
    if reduction == "add":
        return add(inputs, scatter(indices, updates, inputs.shape))
    from .more import maximum, minimum, segment_min, segment_prod
    ways = {"mul": (multiply, segment_prod), "max": (maximum, segment_max), "min": (minimum, segment_min)}
    if reduction not in ways:
        raise ValueError(f"scatter_update: reduction is None, 'add', 'mul', 'max' or 'min', got {reduction!r}")
    join, f = ways[reduction]
    rows = f(updates, joined_index(indices, inputs.shape), prod(inputs.shape[:depth]))
    return join(inputs, reshape(cast(rows, inputs.dtype), inputs.shape))


@op(arrays=2)
def segment_sum(data, segment_ids, num_segments=None, sorted: bool = False):
    """The sum of the rows of each segment."""
    k, ids, segments = kernels_of(data), as_dtype(segment_ids, "int32"), _count(segment_ids, num_segments)
    return as_dtype(k.scatter_add(data, ids, segments), data.dtype), lambda dy, need: (k.gather(dy, ids), None)


def segment_max(data, segment_ids, num_segments=None, sorted: bool = False):
    """The largest element of the rows of each segment; for an empty one the smallest of the dtype."""
    data = tensor(data)
    kind = np.dtype(storage(str(data.dtype)))
    least = float("-inf") if kind.kind == "f" else kind.kind != "b" and int(np.iinfo(kind).min)
    return _segments(largest, data, segment_ids, num_segments, least)


def _segments(f, data, segment_ids, num_segments, instead):
    """f of the rows of each segment, the others being a number"""
    data, n = tensor(data), _count(segment_ids, num_segments)
    member = equal(expand_dims(segment_ids, 0), expand_dims(arange_constant(n), 1))
    member = reshape(member, (*member.shape, *(1,) * (len(data.shape) - 1)))
    return f(where(member, expand_dims(data, 0), instead), 1)


def _count(ids, segments) -> int:
    if segments is not None:
        return int(segments)
    host_read("a number of segments left open")
    return int(np.max(to_numpy(ids.data if isinstance(ids, Tensor) else asarray(ids)))) + 1


@op
def _argsort(x, *, axis, descending, first=None):
    """Places in stable order, the first ones or all; by the array library, so not part of a recorded step"""
    host_read("sorting")
    x = wide(array(x))
    x, backend = x.reshape(x.shape or 1), backend_of(x)
    line = x if not descending else -x.astype("float64") if x.dtype.kind != "f" else -x
    order = backend.argsort(line.swapaxes(axis, -1), first).astype("int32")
    return backend.xp.ascontiguousarray(order.swapaxes(axis, -1)), None


def argsort(x, axis: int | None = -1):
    """The places of the elements in ascending order."""
    return argsort(ravel(x), 0) if axis is None else _argsort(x, axis=axis, descending=False)


@whole
def sort(x, axis: int = -1):
    """The elements in ascending order."""
    return take_along_axis(x, argsort(x, axis), axis)


@whole
def top_k(x, k: int, sorted: bool = True):
    """The k largest elements along the last axis, largest first, and their places."""
    best = _argsort(x, axis=-1, descending=True, first=k)
    return take_along_axis(x, best, -1), best


def in_top_k(targets, predictions, k: int):
    """Is the prediction (n, c) at the target (n,) among the k largest of its row? NaN is not."""
    chosen = pick(predictions, targets)
    ahead = total(cast(greater(predictions, expand_dims(chosen, -1)), "int32"), -1)
    return logical_and(less(ahead, k), isfinite(chosen))


def nonzero(x) -> tuple:
    """The places of elements that are not 0, one array an axis; looked at by the host."""
    host_read("nonzero")
    return tuple(Tensor(asarray(i.astype(np.int32)))
                 for i in np.nonzero(to_numpy(x.data if isinstance(x, Tensor) else asarray(x))))


def unique(x, sorted: bool = True, return_index: bool = False, return_inverse: bool = False,
           return_counts: bool = False, axis: int | None = None, size: int | None = None, fill_value=None):
    """The different elements, or slices along `axis`, in order; looked at by the host."""
    host_read("unique")
    found = np.unique(to_numpy(x.data if isinstance(x, Tensor) else asarray(x)), return_index, return_inverse,
                      return_counts, axis)
    found = list(found) if isinstance(found, tuple) else [found]
    for i, values in enumerate(found):
        along = axis or 0 if i == 0 else 0
        if size is not None and not (return_inverse and i == 1 + return_index):
            rows = np.moveaxis(values, along, 0)
            rest = np.full((max(size - len(rows), 0), *rows.shape[1:]), (fill_value or 0) if i == 0 else 0, rows.dtype)
            values = np.moveaxis(np.concatenate([rows[:size], rest]), 0, along)
        found[i] = Tensor(asarray(values if i == 0 else values.astype(np.int32)))
    return tuple(found) if len(found) > 1 else found[0]


def diagonal(x, offset: int = 0, axis1: int = 0, axis2: int = 1):
    """The diagonal of two axes, as the last axis."""
    x = moveaxis(x, (axis1, axis2), (-2, -1))
    rows, columns = x.shape[-2:]
    n = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    first = max(offset, 0) - min(offset, 0) * columns
    flat = reshape(x, (*x.shape[:-2], rows * columns))
    return take(flat, (np.arange(n) * (columns + 1) + first).tolist(), -1)


def trace(x, offset: int = 0, axis1: int = 0, axis2: int = 1):
    """The sum of the diagonal."""
    return total(diagonal(x, offset, axis1, axis2), -1)


@whole
def diag(x, k: int = 0):
    """The diagonal of a matrix, or a matrix with a diagonal."""
    x = tensor(x)
    if x.ndim == 2:
        return diagonal(x, k)
    n = x.shape[0] + abs(k)
    return scatter(kept(_diagonal_places, x.shape[0], k), x, (n, n))


def _diagonal_places(n, k):
    return np.arange(n, dtype=np.int32)[:, None] + np.array([-min(k, 0), max(k, 0)], np.int32)


def diagflat(x, k: int = 0):
    """A matrix with the flattened elements on a diagonal."""
    return diag(ravel(x), k)


@whole
def tril(x, k: int = 0):
    """The elements at and below a diagonal; zeros above."""
    return _triangle(x, k, False)


@whole
def triu(x, k: int = 0):
    """The elements at and above a diagonal; zeros below."""
    return _triangle(x, k, True)


def _triangle(x, k, upper):
    x = tensor(x)
    return where(kept(_mask, *x.shape[-2:], k, upper), x, False)


def _mask(rows, columns, k, upper):
    return ~np.tri(rows, columns, k - 1, dtype=bool) if upper else np.tri(rows, columns, k, dtype=bool)


def diff(a, n: int = 1, axis: int = -1):
    """Differences of neighbours, n times."""
    a = tensor(a)
    axis = axis_index(axis, a.ndim, "diff")
    minus = not_equal if str(a.dtype) == "bool" else subtract
    for _ in range(n):
        a = minus(_slice(a, index=part(a.ndim, axis, 1, None)), _slice(a, index=part(a.ndim, axis, 0, -1)))
    return a
