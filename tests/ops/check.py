"""How a row is checked: values and gradients against the float64 reference, in float64 and float32."""
import contextlib
import functools
import warnings
import zlib

import numpy as np

from gpunn import backend, ops
from gpunn.backend import persistent
from gpunn.backend.program import Program
from gpunn.symbol import Symbol
from gpunn.tensor import Tensor, backward

from .table import unwrap

STEP = 1e-30                        # of the complex step: no rounding, because nothing is subtracted
RTOL = {"float64": 1e-11, "float32": 2e-5}


def cast(a, dtype):
    """float64 arrays in the dtype under test; lists and tuples of them too."""
    if isinstance(a, list | tuple):
        return type(a)(cast(v, dtype) for v in a)
    return a.astype(dtype) if isinstance(a, np.ndarray) and a.dtype == np.float64 else a


def as_list(y):
    return list(y) if isinstance(y, list | tuple) else [y]


def value(y):
    return y.numpy() if isinstance(y, Tensor) else np.asarray(y)


@contextlib.contextmanager
def quiet():
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def close(got, want, rtol, what):
    """Equal up to rounding of the largest finite value; NaN and infinities at the same places."""
    want = np.asarray(want)
    assert got.shape == want.shape, f"{what}: shape {got.shape}, expected {want.shape}"
    if want.dtype.kind == "f":
        assert got.dtype.kind == "f", f"{what}: dtype {got.dtype}, expected floats"
        size = np.abs(want[np.isfinite(want)]).max(initial=0.0)
        np.testing.assert_allclose(got, want, rtol, rtol * size, err_msg=what)
    else:
        assert got.dtype.kind == want.dtype.kind, f"{what}: dtype {got.dtype}, expected {want.dtype}"
        np.testing.assert_array_equal(got, want, err_msg=what)


def forward(row, sample, dtype):
    """Values in one dtype; every output must lie contiguous in memory."""
    args, options = unwrap(sample)
    with quiet():
        got = row.f(*cast(args, dtype), **options)
        want = row.reference(*[upcast(a, dtype) for a in args], **options)
    for i, (g, w) in enumerate(zip(as_list(got), as_list(want), strict=True)):
        assert not isinstance(g, Tensor) or g.data.flags.c_contiguous, (
            f"{row.name}: output {i} is not contiguous"
        )
        close(value(g), w, RTOL[dtype] * row.rtol, f"{row.name}{describe(sample)} output {i} in {dtype}")


def sixteen(row, sample, device, dtype):
    """(dtype, values) of every output, of arguments in a dtype of 16 bits."""
    backend.use(device)
    args, options = unwrap(sample)

    def put(a):
        return ops.cast(backend.asarray(np.float32(a)), dtype) if a.dtype == np.float64 else a
    with quiet():
        outputs = as_list(row.f(*map_arrays(put, args), **options))
    return [(str(y.dtype), value(y).astype(float)) for y in outputs if hasattr(y, "dtype")]


def upcast(a, dtype):
    """What the op sees, in float64."""
    if isinstance(a, list | tuple):
        return type(a)(upcast(v, dtype) for v in a)
    return cast(a, dtype).astype(np.float64) if isinstance(a, np.ndarray) and a.dtype == np.float64 else a


def describe(sample):
    args, options = unwrap(sample)
    return f"({', '.join(str(getattr(a, 'shape', '...')) for a in args)}, {options})"


def leaves(args, wrt, dtype):
    """The arguments, with tensors that want gradients at the places `wrt`; a list is one place."""
    def leaf(a):
        if isinstance(a, list | tuple):
            return type(a)(leaf(v) for v in a)
        return Tensor(
            backend.asarray(np.ascontiguousarray(cast(a, dtype)).reshape(a.shape)), requires_grad=True
        )

    return [
        leaf(a) if i in wrt and not isinstance(a, float | int) else cast(a, dtype) for i, a in enumerate(args)
    ]


def gradients(row, sample, dtype, weights):
    """d(sum of weights * outputs), flattened per argument in `wrt`."""
    args, options = unwrap(sample)
    tensors = leaves(args, row.wrt, dtype)
    with quiet():
        y = as_list(row.f(*tensors, **options))
        pairs = [(p, w) for p, w in zip(y, weights) if w is not None and p.requires_grad]
        parts = [weighted(p, w, dtype) for p, w in pairs]
        if parts:
            backward(functools.reduce(ops.add, parts))
    return [grads_of(tensors[i]) for i in row.wrt if not isinstance(args[i], float | int)]


def weighted(part, w, dtype):
    return ops.sum(ops.multiply(part, w.astype(dtype)))


def grads_of(leaf):
    if isinstance(leaf, list | tuple):
        return np.concatenate([grads_of(v).ravel() for v in leaf])
    return np.zeros(leaf.shape) if leaf.grad is None else backend.to_numpy(leaf.grad).astype(np.float64)


def moved(args, i, direction, h):
    """The arguments with number i moved by h along the direction."""
    def move(a, d):
        return type(a)(move(v, w) for v, w in zip(a, d)) if isinstance(a, list | tuple) else a + h * d
    return [move(a, direction) if j == i else a for j, a in enumerate(args)]


def direction_like(a, r):
    return (
        type(a)(direction_like(v, r) for v in a) if isinstance(a, list | tuple)
        else np.asarray(r.normal(size=a.shape))
    )


def flat(d):
    return np.concatenate([flat(v) for v in d]) if isinstance(d, list | tuple) else d.ravel()


def slope(row, args, options, i, direction, weights):
    """The weighted reference's derivative along a direction: by complex step, or by a central difference."""
    def total(h):
        with quiet():
            y = as_list(row.reference(*moved(args, i, direction, h), **options))
        return sum((w * part).sum() for w, part in zip(weights, y) if w is not None)
    return total(1j * STEP).imag / STEP if row.analytic else (total(1e-6) - total(-1e-6)) / 2e-6


def gradient(row, sample):
    """The gradients in float64 along a random direction, and those in float32 against them."""
    args, options = unwrap(sample)
    r = np.random.default_rng(zlib.crc32(row.name.encode()))
    with quiet():
        outputs = as_list(row.reference(*args, **options))
    weights = [r.normal(size=np.shape(y)) if np.asarray(y).dtype.kind == "f" else None for y in outputs]
    exact = gradients(row, sample, "float64", weights)
    places = [i for i in row.wrt if not isinstance(args[i], float | int)]
    for i, g in zip(places, exact, strict=True):
        direction = direction_like(args[i], r)
        want, got = slope(row, args, options, i, direction, weights), (g.ravel() * flat(direction)).sum()
        size = max(abs(want), np.abs(g.ravel() * flat(direction)).max(initial=0.0))
        rtol = (1e-11 if row.analytic else 1e-6) * row.rtol
        assert abs(got - want) <= rtol * size, (
            f"{row.name}{describe(sample)}: gradient {i} gives {got}, reference {want}"
        )
    if "float32" in row.dtypes:
        for i, g, h in zip(places, exact, gradients(row, sample, "float32", weights)):
            close(h, g, 2e-4 * row.rtol, f"{row.name}{describe(sample)}: gradient {i} in float32")


def symbols(row, sample):
    """On symbols the op gives symbols of the shapes that the values would have."""
    args, options = unwrap(sample)

    def symbol(a):
        if isinstance(a, list | tuple) and any(isinstance(v, np.ndarray) for v in a):
            return [symbol(v) for v in a]
        return (
            Symbol(a.shape, "float32" if a.dtype == np.float64 else a.dtype) if isinstance(a, np.ndarray)
            else a
        )
    with quiet():
        got = as_list(row.f(*[symbol(a) for a in args], **options))
        want = as_list(row.f(*cast(args, "float32"), **options))
    for g, w in zip(got, want, strict=True):
        assert isinstance(g, Symbol), f"{row.name}: a symbol became {type(g).__name__}"
        assert g.shape == w.shape and g.dtype == w.dtype, (
            f"{row.name}: symbol {g.shape} {g.dtype}, value {w.shape} {w.dtype}"
        )


def differentiable(row, sample):
    """Not samples of special values, and not integers."""
    args, _ = unwrap(sample)
    places = [args[i] for i in row.wrt if i < len(args)]
    arrays = [
        a for p in places for a in (p if isinstance(p, list | tuple) else [p]) if isinstance(a, np.ndarray)
    ]
    return bool(arrays) and all(a.dtype == np.float64 and np.isfinite(a).all() for a in arrays)


def replay(row, sample) -> str | None:
    """A recorded call and its gradients give on new data what eager ones give; else a word that says so."""
    args, options = unwrap(sample)
    places = (
        [i for i in row.wrt if not isinstance(args[i], float | int)] if differentiable(row, sample) else []
    )
    kept = map_arrays(lambda a: persistent(np.array(a, order="C")), cast(args, "float32"))
    program = Program(backend.current(), lambda: step(row, kept, places, options), what=row.name)
    for _ in range(4):
        map_arrays(shrink, kept)
        with quiet():
            got = [value(y).copy() for y in program()]
            want = [value(y) for y in step(row, kept, places, options)]
    for g, w in zip(got, want, strict=True):
        np.testing.assert_array_equal(g, w, err_msg=f"{row.name}: a replay differs from an eager call")
    return None if program.replay is not None else "not recorded"


def shrink(a):
    """New data in the same place, with the same signs and order."""
    if a.dtype == np.float32:
        a *= np.float32(0.9)


def map_arrays(f, a):
    if isinstance(a, list | tuple):
        return type(a)(map_arrays(f, v) for v in a)
    return f(a) if isinstance(a, np.ndarray) else a


def step(row, args, places, options):
    """The outputs of a call and the gradients of their sum."""
    def leaf(a):
        return [leaf(v) for v in a] if isinstance(a, list | tuple) else Tensor(a, requires_grad=True)
    tensors = [leaf(a) if i in places else a for i, a in enumerate(args)]
    y = as_list(row.f(*tensors, **options))
    parts = [ops.sum(p) for p in y if isinstance(p, Tensor) and p.requires_grad]
    if parts:
        backward(functools.reduce(ops.add, parts))
    grads = [t.grad for i in places for t in as_list(tensors[i])]
    return [p.data for p in y if isinstance(p, Tensor)] + [g for g in grads if g is not None]
