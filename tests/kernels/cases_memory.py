"""Fill, copy with casts, broadcasts and strides on both sides, count."""

import numpy as np

from .harness import case


def filled(value, out):
    want = np.empty(out.shape, out.dtype)
    want[...] = value
    return want


for size in (0, 1, 31, 32, 33, 1023, 4097):
    case(
        "fill",
        lambda r, size=size: (1.5, np.zeros(size)),
        filled,
        inplace=(1,),
        exact=True,
        id=f"size-{size}",
    )
    case("copy", lambda r, size=size: (r.normal(size=size),), lambda x: x, exact=True, id=f"size-{size}")
for view, make in {
    "0-d": lambda: np.zeros(()),
    "transposed": lambda: np.zeros((5, 7)).T,
    "sliced": lambda: np.zeros((9, 33))[::2, 1::3],
    "reversed": lambda: np.zeros(33)[::-1],
}.items():
    case("fill", lambda r, make=make: (float("inf"), make()), filled, inplace=(1,), exact=True, id=view)
    case("copy", lambda r, make=make: (make() + 2.5,), lambda x: x, exact=True, id=view)
    case(
        "copy",
        lambda r, make=make: (r.normal(size=make().shape), None, make()),
        lambda x, dtype, out: x,
        inplace=(2,),
        exact=True,
        id=f"to-{view}",
    )
case("fill", lambda r: (7, np.zeros(33, np.int32)), filled, inplace=(1,), dtypes=("float32",), id="int")
case(
    "fill",
    lambda r: (True, np.zeros((3, 5), bool)[:, ::2]),
    filled,
    inplace=(1,),
    dtypes=("float32",),
    id="bool",
)
case(
    "copy",
    lambda r: (r.normal(size=(4, 1, 3)), None, np.zeros((2, 4, 5, 3))),
    lambda x, dtype, out: np.broadcast_to(x, out.shape),
    inplace=(2,),
    exact=True,
    id="broadcast",
)
case(
    "copy",
    lambda r: (np.array(3.5), None, np.zeros((2, 33))[:, 1:]),
    lambda x, dtype, out: np.full((2, 32), 3.5),
    inplace=(2,),
    exact=True,
    id="broadcast-0-d",
)
case(
    "copy",
    lambda r: (r.normal(size=(6, 5, 4, 3, 2)).transpose(3, 0, 4, 2, 1),),
    lambda x: x,
    exact=True,
    id="5-d",
)
case(
    "copy",
    lambda r: (r.integers(0, 256, (7, 31)).astype(np.uint8), "float32"),
    lambda x, dtype: x.astype(np.float32),
    dtypes=("float32",),
    id="uint8-float32",
)
case(
    "copy",
    lambda r: (np.array([1.9, -1.9, 0.0, 250.0]), "int32"),
    lambda x, dtype: np.array([1, -1, 0, 250], np.int32),
    id="float-int32",
)
case(
    "copy",
    lambda r: (np.array([0.0, -0.0, 0.5, np.inf]), "bool"),
    lambda x, dtype: np.array([False, False, True, True]),
    id="float-bool",
)
case(
    "copy",
    lambda r: (np.array([True, False, True]), "float32"),
    lambda x, dtype: np.float32([1, 0, 1]),
    dtypes=("float32",),
    id="bool-float32",
)
case(
    "copy",
    lambda r: (np.array([1, -2, 3], np.int64), "int32"),
    lambda x, dtype: np.array([1, -2, 3], np.int32),
    dtypes=("float32",),
    id="int64-int32",
)


def tallied(targets, sources, factors):
    return tuple(t + f * (1 if s is None else s) for t, s, f in zip(targets, sources, factors, strict=True))


def counters(r):
    """A batch's counts: of every type, one number each."""
    return ((np.array([2**31 - 9], np.int32), np.array([7], np.uint32), r.normal(size=()), r.normal(size=1)),
            (None, None, r.normal(size=()), None), (8, 1, 128, 128))


case("tally", counters, tallied, inplace=(0,), id="a step")
case("tally", lambda r: ((r.normal(size=()),), (r.normal(size=()),), (1,)), tallied, inplace=(0,), id="one")
case("tally", lambda r: (tuple(r.normal(size=(19, 1))), (None,) * 19, tuple(range(19))), tallied, inplace=(0,),
     id="many")
