"""Reductions over every kind of axes and strides, and where a running float32 sum stops growing."""

import numpy as np

from .harness import case

TIGHT = {"float32": 4e-7, "float64": 2e-14}
NAMES = ("sum", "mean", "prod", "max", "min", "any", "all")
SHAPES = {
    "all": ((5, 33, 7), None),
    "last": ((31, 1023), -1),
    "first": ((1023, 31), 0),
    "middle": ((4, 33, 6), 1),
    "outer": ((4, 33, 6), (0, 2)),
    "two": ((4, 33, 6), (1, 2)),
    "one-row": ((1, 4097), -1),
    "one-column": ((4097, 1), 0),
    "length-1": ((33, 1), -1),
    "size-31": ((31,), 0),
    "size-32": ((32,), 0),
    "size-33": ((33,), 0),
    "size-1": ((1,), 0),
}
VIEWS = {
    "transposed": lambda r: r.normal(size=(31, 65)).T,
    "sliced": lambda r: r.normal(size=(20, 67))[::2, 1::3],
    "reversed": lambda r: r.normal(size=(9, 33))[:, ::-1],
    "broadcast": lambda r: np.broadcast_to(r.normal(size=(1, 33)), (7, 33)),
}


def reference(name, x, axis=None, keepdims=False):
    result = getattr(np, name)(x, axis=axis, keepdims=keepdims)
    return np.asarray(result, np.int32 if name in ("sum", "prod") and x.dtype in (bool, np.int32) else None)


def sample(r, name, shape):
    """prod: numbers near 1, so that many can be multiplied; any, all: many zeros, few zeros."""
    if name == "prod":
        return np.exp(r.normal(size=shape) / 30)
    return (
        np.float64(r.random(shape) < 0.02)
        if name == "any"
        else np.float64(r.random(shape) < 0.98)
        if name == "all"
        else r.normal(size=shape)
    )


for name in NAMES:
    for id, (shape, axis) in SHAPES.items():
        case(
            "reduce",
            lambda r, name=name, shape=shape, axis=axis: (name, sample(r, name, shape), axis),
            reference,
            rtol=None if name == "prod" else TIGHT,
            atol=None if name in ("sum", "mean") else 0,
            id=f"{name}-{id}",
        )
    for id, make in VIEWS.items():
        for axis in (None, 0, 1):
            case(
                "reduce",
                lambda r, name=name, make=make, axis=axis: (name, np.exp(make(r) / 30), axis),
                reference,
                rtol=None if name == "prod" else TIGHT,
                atol=None,
                id=f"{name}-{id}-{axis}",
            )
    case(
        "reduce",
        lambda r, name=name: (name, sample(r, name, (4, 5, 6)), (0, 2), True),
        reference,
        id=f"{name}-keepdims",
    )
    case("reduce", lambda r, name=name: (name, np.array(0.5)), reference, id=f"{name}-0-d")
    case("reduce", lambda r, name=name: (name, np.zeros((3, 0)), 0), reference, id=f"{name}-no-results")
for name, want in {"sum": 0.0, "prod": 1.0, "any": False, "all": True, "mean": np.nan}.items():
    case(
        "reduce",
        lambda r, name=name: (name, np.zeros((0, 3)), 0),
        lambda name, x, axis, want=want: np.full(3, want),
        id=f"{name}-of-nothing",
    )
for name in ("sum", "max", "min", "prod"):
    case(
        "reduce",
        lambda r, name=name: (name, r.integers(-3, 4, (33, 9), np.int32), 0),
        reference,
        dtypes=("float32",),
        id=f"{name}-int",
    )
for name in ("sum", "any", "all", "max"):
    case(
        "reduce",
        lambda r, name=name: (name, r.random((33, 9)) < 0.5, 1),
        reference,
        dtypes=("float32",),
        id=f"{name}-bool",
    )
case(
    "reduce",
    lambda r: ("mean", np.array([1, 2, 4, 4], np.int32)),
    lambda name, x: np.float32(2.75),
    dtypes=("float32",),
    id="mean-int",
)

case(
    "reduce",
    lambda r: ("sum", np.r_[2.0**24, np.ones(4096)]),
    lambda name, x: np.float64(2.0**24 + 4096),
    rtol=2e-6,
    atol=0,
    id="sum-2^24",
)
case(
    "reduce",
    lambda r: ("sum", np.tile([0.1, 1e6], (8192, 1)), 0),
    lambda name, x, axis: x[0] * 8192,
    rtol=1e-6,
    atol=0,
    id="sum-columns",
)
case(
    "reduce",
    lambda r: ("mean", 1e4 + r.normal(size=(4097, 3)), 0),
    reference,
    rtol=TIGHT,
    atol=0,
    id="mean-far",
)
NAN = np.array([[1.0, np.nan, 3.0], [np.inf, 1.0, -np.inf], [np.inf, 2.0, 3.0]])
for name in ("sum", "mean", "max", "min"):
    with np.errstate(invalid="ignore"):
        want = getattr(np, name)(NAN, 1)
    case(
        "reduce",
        lambda r, name=name: (name, NAN, 1),
        lambda name, x, axis, want=want: want,
        id=f"{name}-nan-inf",
    )

for name in ("argmax", "argmin"):

    def arg(name, x, axis=-1):
        return getattr(np, name)(x, axis=axis)

    for id, (shape, axis) in SHAPES.items():
        if isinstance(axis, int):
            case(
                "argreduce",
                lambda r, name=name, shape=shape, axis=axis: (name, r.normal(size=shape), axis),
                arg,
                id=f"{name}-{id}",
            )
    for id, make in VIEWS.items():
        case("argreduce", lambda r, name=name, make=make: (name, make(r), 0), arg, id=f"{name}-{id}")
    case(
        "argreduce",
        lambda r, name=name: (name, r.integers(0, 3, (33, 65)).astype(float)),
        arg,
        id=f"{name}-first-of-equals",
    )
    case(
        "argreduce",
        lambda r, name=name: (name, r.integers(0, 9, (65, 5), np.int32), 0),
        arg,
        dtypes=("float32",),
        id=f"{name}-int",
    )
    case(
        "argreduce",
        lambda r, name=name: (
            name,
            np.array([[1.0, np.nan, np.nan, 9.0], [np.inf, -np.inf, np.inf, -np.inf]]),
        ),
        arg,
        id=f"{name}-nan-inf",
    )
    case("argreduce", lambda r, name=name: (name, np.zeros((0, 4))), arg, id=f"{name}-no-results")


def running(x, axis=-1, reverse=False):
    return np.flip(np.cumsum(np.flip(x, axis), axis), axis) if reverse else np.cumsum(x, axis, x.dtype)


for id, (shape, axis) in SHAPES.items():
    if isinstance(axis, int):
        for reverse in (False, True):
            case(
                "cumsum",
                lambda r, shape=shape, axis=axis, reverse=reverse: (r.normal(size=shape), axis, reverse),
                running,
                rtol=TIGHT,
                atol={"float32": 2e-5, "float64": 2e-13},
                id=f"{id}-{reverse}",
            )
for id, make in VIEWS.items():
    case("cumsum", lambda r, make=make: (make(r), 0), running, id=id)
case("cumsum", lambda r: (r.integers(-9, 9, (7, 33), np.int32),), running, dtypes=("float32",), id="int")
case("cumsum", lambda r: (np.zeros((3, 0)),), running, id="empty")
