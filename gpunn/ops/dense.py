"""Dense layers, softmax and cross-entropy on logits: the fused ops."""
from math import prod
from types import SimpleNamespace

from .._config import floatx, storage
from ..backend import filled_with
from ..tensor import op
from .arithmetic import subtract
from .core import array, as_dtype, floating, into, kernels_of, laid_out, named, shaped
from .create import arange_constant, cast
from .math import exp
from .reduce import logsumexp
from .shape import moveaxis

FUSED = ("linear", "relu", "sigmoid", "tanh")           # what dense and conv compute in the same pass


def dense(x, w, b=None, activation: str = "linear", axes: int = 1):
    """activation(x @ w + b) over the last axes: (..., *i) x (*i, *o) + (*o,) -> (..., *o), with so many axes i."""
    return _dense(x, w, b, activation=activation, axes=axes, before=ending(x))


def ending(x):
    """Of the dense that made this tensor: `mask`, by which kernels bend a gradient on its way there, and `bent`, the
    one that they did. Another, to which a second path's was added, is bent anew: twice by relu is once."""
    return getattr(getattr(getattr(x, "_node", None), "backward", None), "ending", None)


@op(full=("b",))
def _dense(x, w, b, *, activation, axes=1, before=None):
    if x.shape[-axes:] != w.shape[:axes]:
        raise ValueError(f"dense: x of shape {x.shape} has {x.shape[-axes:]} features, but the kernel of shape "
                         f"{w.shape} expects {w.shape[:axes]}")
    k, shape, dtype, rows, features = kernels_of(w), x.shape, x.dtype, prod(x.shape[:-axes]), prod(w.shape[:axes])
    x, flat = as_dtype(x, w.dtype).reshape(rows, features), w.reshape(features, prod(w.shape[axes:]))
    y = k.dense(x, flat, None if b is None else b.reshape(flat.shape[1]), activation, masks := [])
    own = masks and SimpleNamespace(mask=masks[0], shape=y.shape, bent=None)
    before = before if before and before.shape == x.shape else None

    def backward(dy, need):
        wanted = [need[0] is not None or None, *map(laid_out, need[1:], (flat.shape, flat.shape[1:]))]
        left = "linear" if own and dy is own.bent else activation
        dx, dw, db = k.dense_backward(dy.reshape(y.shape), y, x, flat, left, wanted, before and before.mask)
        dx = None if dx is None else as_dtype(shaped(dx, shape), dtype)
        if before:
            before.bent = dx
        return dx, *[shaped(d, a.shape) if n is True else n for d, n, a in ((dw, need[1], w), (db, need[2], b))]
    if own:
        backward.ending = own
    return y.reshape(*shape[:-axes], *w.shape[axes:]), backward


def softmax(x, axis=-1):
    """Numbers > 0 with sum 1 along an axis, or along several taken together."""
    return _along(_softmax, x, axis)


def log_softmax(x, axis=-1):
    """log(softmax(x)), computed without the detour."""
    return _along(_log_softmax, x, axis)


def _of_rows(name: str):
    """An op whose gradient follows from its result, over the last axis."""
    @op
    def f(x):
        x = floating(x)
        k = kernels_of(x)
        y = getattr(k, name)(x)
        return y, lambda dy, need: (getattr(k, f"{name}_backward")(dy, y, out=into(need[0])),)
    return named(f, f"_{name}")


_softmax, _log_softmax = _of_rows("softmax"), _of_rows("log_softmax")


def _along(f, x, axis):
    """A function of the last axis along any axis, or along several as one."""
    if axis == -1:
        return f(x)
    if axis is None or isinstance(axis, tuple | list):
        y = subtract(x, logsumexp(x, axis, keepdims=True))
        return exp(y) if f is _softmax else y
    return moveaxis(f(moveaxis(x, axis, -1)), -1, axis)


@op
def softmax_cross_entropy(x, labels):
    """Logits (..., c), integer labels (...) -> the loss (...), and 1.0 where the argmax is the label."""
    x = floating(x)
    k, rows = kernels_of(x), x.reshape(prod(x.shape[:-1]), x.shape[-1])
    labels = as_dtype(labels, "int32").reshape(rows.shape[0])
    sums = k.softmax_cross_entropy(rows, labels)
    loss, hits = (as_dtype(v, x.dtype) for v in sums)

    def backward(dy, need):
        if dy[0] is None:
            return None, None
        out = into(need[0])
        dx = k.softmax_cross_entropy_backward(as_dtype(dy[0], sums[0].dtype).reshape(rows.shape[0]), rows, labels,
                                              out=None if out is None else out.reshape(rows.shape))
        return dx.reshape(x.shape), None
    return (loss.reshape(x.shape[:-1]), hits.reshape(x.shape[:-1])), backward


@op
def mean_softmax_cross_entropy(x, labels):
    """The mean of the losses (...), with its gradient at once."""
    k, rows = kernels_of(x), x.reshape(prod(x.shape[:-1]), x.shape[-1])
    loss, dx = k.softmax_cross_entropy_mean(rows, as_dtype(labels, "int32").reshape(rows.shape[0]))

    def backward(dy, need):
        scaled = dx if filled_with(dy) == 1 else k.binary("multiply", as_dtype(dx, dy.dtype), dy)
        return scaled.reshape(x.shape), None
    return loss, backward


@op
def pick(x, labels):
    """x[..., labels[...]]: (..., c) and integer labels (...) -> (...); NaN for a label outside."""
    x = floating(x)
    k, rows = kernels_of(x), x.reshape(prod(x.shape[:-1]), x.shape[-1])
    labels = as_dtype(labels, "int32").reshape(rows.shape[0])
    y = k.pick(rows, labels).reshape(x.shape[:-1])

    def backward(dy, need):
        return k.pick_backward(dy.reshape(rows.shape[0]), labels, rows.shape[1]).reshape(x.shape), None
    return y, backward


@op
def one_hot_rows(labels, *, classes, dtype):
    """Integer labels (...) -> (..., classes) with 1 at the label; a row of zeros for a label outside."""
    labels = as_dtype(array(labels), "int32")
    k = kernels_of(labels)
    hit = k.binary("equal", labels.reshape(*labels.shape, 1), arange_constant(classes))
    return k.copy(hit, dtype=dtype), None


def one_hot(x, num_classes: int, axis: int = -1, dtype=None, sparse: bool = False):
    """Integer labels as rows (along `axis`) with a single 1; a label outside gives zeros."""
    if sparse:
        raise ValueError("one_hot: sparse=True is not supported; there are no sparse tensors, leave it out")
    y = cast(one_hot_rows(x, classes=int(num_classes), dtype=storage(dtype)), dtype or floatx())
    if axis == -1:
        return y
    return moveaxis(y, -1, axis)
