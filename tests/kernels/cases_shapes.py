"""Functions of elements over ragged sizes and every kind of strides."""

import numpy as np

from .cases_elementwise import EXACT, sigmoid
from .harness import case

SIZES = (0, 1, 31, 32, 33, 1023, 4097)
for size in SIZES:
    case(
        "unary",
        lambda r, size=size: ("tanh", r.normal(size=size)),
        lambda name, x: np.tanh(x),
        rtol=EXACT,
        id=f"tanh-size-{size}",
    )
    case(
        "unary",
        lambda r, size=size: ("relu", r.normal(size=size)),
        lambda name, x: np.maximum(x, 0),
        exact=True,
        id=f"relu-size-{size}",
    )
    case(
        "unary_backward",
        lambda r, size=size: ("relu", r.normal(size=size), r.normal(size=size), r.normal(size=size)),
        lambda name, dy, x, y: np.where(x > 0, dy, 0),
        rtol=0,
        atol=0,
        id=f"relu-size-{size}",
    )
VIEWS = {
    "0-d": lambda r: np.array(r.normal()),
    "transposed": lambda r: r.normal(size=(33, 31)).T,
    "sliced": lambda r: r.normal(size=(9, 33))[::2, 1::3],
    "reversed": lambda r: r.normal(size=(7, 31))[:, ::-1],
    "broadcast": lambda r: np.broadcast_to(r.normal(size=(5, 1, 3)), (5, 4, 3)),
    "empty": lambda r: np.zeros((3, 0, 2)),
    "5-d": lambda r: r.normal(size=(2, 3, 4, 3, 2)).transpose(4, 2, 0, 3, 1),
}
for view, make in VIEWS.items():
    case(
        "unary",
        lambda r, make=make: ("sigmoid", make(r)),
        lambda name, x: np.asarray(sigmoid(x)),
        rtol=EXACT,
        id=f"sigmoid-{view}",
    )
    case(
        "unary",
        lambda r, make=make: ("square", make(r)),
        lambda name, x: np.asarray(x * x),
        rtol=EXACT,
        id=f"square-{view}",
    )
    case(
        "binary",
        lambda r, make=make: ("subtract", make(r), r.normal(size=make(r).shape)),
        lambda name, a, b: np.asarray(a - b),
        rtol=EXACT,
        id=f"subtract-{view}",
    )
case(
    "unary_backward",
    lambda r: ("tanh", np.ones((2, 3)), np.zeros((2, 3)), np.zeros((2, 3))),
    lambda *a: np.ones((2, 3)),
    id="tanh-2-d",
)
case(
    "unary_backward",
    lambda r: ("silu", np.array(2.0), np.array(0.0), np.array(0.0)),
    lambda *a: np.array(1.0),
    id="silu-0-d",
)
