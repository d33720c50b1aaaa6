"""Functions of two arrays, and the choice between two."""

import math

import numpy as np

from .harness import case

EXACT = {"float32": 1e-6, "float64": 4e-15}  # a few last places


def quiet(f):
    def g(*args, **options):
        with np.errstate(all="ignore"):
            return f(*args, **options)

    return g


BINARY = {
    name: getattr(np, name)
    for name in (
        "add subtract multiply divide floor_divide mod power maximum minimum arctan2 logaddexp "
        "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor"
    ).split()
}
WHOLE_TOO = (
    "add subtract multiply floor_divide mod maximum minimum equal not_equal less less_equal greater "
    "greater_equal logical_and logical_or logical_xor"
).split()


def two(r, name, *shapes):
    a, b = (np.float32(r.uniform(-9, 9, s)).astype(float) for s in shapes)
    return abs(a) + 0.1 if name == "power" else a, b


def of_two(name, a, b):
    return np.asarray(quiet(BINARY[name])(a, b))


for name in BINARY:
    tolerance = {"rtol": {"float32": 2e-6, "float64": 1e-14}}
    case("binary", lambda r, name=name: (name, *two(r, name, 1023, 1023)), of_two, **tolerance, id=name)
    case(
        "binary",
        lambda r, name=name: (name, *two(r, name, (5, 1, 33), (4, 1))),
        of_two,
        **tolerance,
        id=f"{name}-broadcast",
    )
    case(
        "binary",
        lambda r, name=name: (name, two(r, name, 9, 0)[0], 2.0),
        of_two,
        **tolerance,
        id=f"{name}-number",
    )
    case(
        "binary",
        lambda r, name=name: (name, 2.0, two(r, name, 0, (3, 4))[1].T),
        of_two,
        **tolerance,
        id=f"number-{name}",
    )
    if name != "power":
        case(
            "binary",
            lambda r, name=name: (
                name,
                np.array([np.nan, 1.0, np.inf, -np.inf, 0.0, 5.0]),
                np.array([1.0, np.nan, 2.0, 2.0, 0.0, 5.0]),
            ),
            of_two,
            **tolerance,
            id=f"{name}-nan-inf",
        )
for name in WHOLE_TOO:
    case(
        "binary",
        lambda r, name=name: (
            name,
            np.array([-7, 7, -7, 7, 0], np.int32),
            np.array([3, 3, -3, -3, 5], np.int32),
        ),
        of_two,
        dtypes=("float32",),
        id=f"{name}-int",
    )
for name in ("logical_and", "logical_or", "logical_xor", "equal", "maximum"):
    case(
        "binary",
        lambda r, name=name: (
            name,
            np.array([True, True, False, False]),
            np.array([[True, False, True, False]] * 2),
        ),
        of_two,
        dtypes=("float32",),
        id=f"{name}-bool",
    )
case(
    "binary",
    lambda r: ("mod", np.array([5.5, -5.5, 5.5, -5.5, -1e-20]), np.array([3.0, 3.0, -3.0, -3.0, 3.0])),
    lambda name, a, b: np.array([2.5, 0.5, -0.5, -2.5, 3.0]),
    rtol=EXACT,
    id="mod-sign",
)
case(
    "binary",
    lambda r: ("logaddexp", np.array([1e4, -1e4, -np.inf, 0.0]), np.array([1e4, -1e4, -np.inf, -200.0])),
    lambda name, a, b: np.array([1e4 + math.log(2), -1e4 + math.log(2), -np.inf, math.exp(-200)]),
    rtol={"float32": 1e-6, "float64": 4e-15},
    atol=1e-45,
    id="logaddexp-far",
)
case(
    "binary",
    lambda r: ("add", np.array(1.5), np.array(2.0)),
    lambda name, a, b: np.array(3.5),
    exact=True,
    id="add-0-d",
)
case(
    "binary",
    lambda r: ("add", np.zeros((0, 3)), np.ones(3)),
    lambda name, a, b: np.zeros((0, 3)),
    exact=True,
    id="add-empty",
)

# a condition never lets the other branch through
case(
    "where",
    lambda r: (
        np.array([True, False, True]),
        np.array([1.0, np.nan, -np.inf]),
        np.array([np.nan, 2.0, np.nan]),
    ),
    lambda c, a, b: np.array([1.0, 2.0, -np.inf]),
    exact=True,
    id="nan",
)
case(
    "where",
    lambda r: (r.random((5, 1, 33)) < 0.5, r.normal(size=(4, 1)), r.normal(size=33)),
    np.where,
    exact=True,
    id="broadcast",
)
case(
    "where",
    lambda r: (r.random((33, 31)).T < 0.5, r.normal(size=(31, 33)), 0.0),
    np.where,
    exact=True,
    id="number-b",
)
case(
    "where",
    lambda r: (r.random(1023) < 0.5, 1.0, r.normal(size=2046)[::2]),
    np.where,
    exact=True,
    id="number-a",
)
case(
    "where",
    lambda r: (np.array([True, False]), np.array([1, 2], np.int32), np.array([3, 4], np.int32)),
    np.where,
    dtypes=("float32",),
    id="int",
)
case(
    "where",
    lambda r: (np.array(True), np.array(1.0), np.array(2.0)),
    lambda c, a, b: np.array(1.0),
    exact=True,
    id="0-d",
)
case("where", lambda r: (np.zeros((0, 2), bool), np.zeros((0, 2)), 1.0), np.where, exact=True, id="empty")
