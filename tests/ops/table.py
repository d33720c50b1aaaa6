"""The table of ops: `row(name, reference, samples, wrt)` is all that a new op needs to be tested.

A sample is a tuple of positional arguments, a dict of options last where there are any; float64
arrays stand for the dtype under test. `wrt` names the arguments to differentiate. The reference is NumPy;
it is called with complex arrays too, so it compares by real parts (see `real`), or says `analytic=False`.
"""
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gpunn import ops

ROWS: list["Row"] = []


@dataclass(frozen=True)
class Row:
    name: str
    f: Callable
    reference: Callable
    samples: list
    wrt: tuple
    analytic: bool
    rtol: float
    symbolic: bool
    dtypes: tuple

    @property
    def id(self) -> str:
        return self.name


def row(
    name, reference, samples, wrt=(), *, f=None, analytic=True, rtol=1.0, symbolic=True,
    dtypes=("float64", "float32")
):
    """Register an op; `rtol` scales the usual tolerances, `f` stands in for the function of this name."""
    ROWS.append(
        Row(name, f or getattr(ops, name), reference, samples, tuple(wrt), analytic, rtol, symbolic, dtypes)
    )


_r = np.random.default_rng(zlib.crc32(b"ops"))


def n(*shape, scale=1.0):
    """Normal numbers."""
    return np.asarray(_r.normal(size=shape) * scale)


def pos(*shape):
    """Numbers in [0.5, 2)."""
    return np.asarray(_r.uniform(0.5, 2.0, shape))


def unit(*shape):
    """Numbers in (-0.9, 0.9)."""
    return np.asarray(_r.uniform(-0.9, 0.9, shape))


def ids(high, *shape):
    """Integers in [0, high), int32."""
    return np.asarray(_r.integers(0, high, shape), np.int32)


def flags(*shape):
    """Booleans."""
    return np.asarray(_r.random(shape) < 0.6)


def distinct(*shape):
    """A shuffled range: no ties, neighbours 0.1 apart."""
    return _r.permutation(int(np.prod(shape))).reshape(shape) * 0.1 - 1.0


SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0])


def shapes(make):
    """One argument in every form: matrix, number, empty, transposed, stepped, many axes, tiny."""
    return [
        (make(3, 4),), (np.asarray(make()),), (make(0, 3),), (make(4, 3).T,), (make(6, 5)[::2, ::-1],),
        (make(2, 1, 3, 2),), (make(5) * 1e-6,)
    ]


def pairs(a, b=None):
    """Two arguments that broadcast: same, row, column, number, empty, different ranks, non-contiguous."""
    b = b or a
    return [
        (a(3, 4), b(3, 4)), (a(3, 4), b(4)), (a(3, 1), b(1, 4)), (a(2, 3), b()), (a(), b(2, 3)),
        (a(0, 3), b(3)), (a(4, 3).T, b(2, 3, 4)), (a(3, 4), 2.0), (1.5, b(3))
    ]


def real(f):
    """A comparison of real parts, for references that are called with complex numbers."""
    return lambda *xs: f(*[x.real if np.iscomplexobj(x) else x for x in xs])


less, greater = real(np.less), real(np.greater)


def unwrap(sample):
    """(positional arguments, options)"""
    return (sample[:-1], sample[-1]) if sample and isinstance(sample[-1], dict) else (sample, {})
