"""What a small layer costs in Python: a step of a small model is mostly this."""
import sys

import numpy as np
import pytest

from gpunn import layers
from gpunn.tensor import Tensor

MAX_DEPTH, MAX_CALLS = 5, 30


def cost(f) -> tuple[int, int]:
    """(deepest nesting of Python frames below f, Python calls). Inside a kernel nesting does not count,
    calls do."""
    stack, deepest, calls = [], 0, 0

    def profile(frame, event, _):
        nonlocal deepest, calls
        if event == "call":
            stack.append("kernels" in frame.f_code.co_filename)
            deepest, calls = max(deepest, len(stack) - max(0, sum(stack) - 1)), calls + 1
        elif event == "return" and stack:
            stack.pop()
    sys.setprofile(profile)
    try:
        f()
    finally:
        sys.setprofile(None)
    return deepest - 1, calls - 1               # f itself is not part of the layer


@pytest.mark.parametrize("grad", [False, True])
def test_dense_stays_within_its_budget(grad):
    x = Tensor(np.ones((8, 4), "float32"), requires_grad=grad)
    layer = layers.Dense(16, activation="relu")
    layer(x)
    depth, calls = cost(lambda: layer(x))
    assert depth <= MAX_DEPTH and calls <= MAX_CALLS, (depth, calls)


def test_the_meter_counts():
    def leaf():
        pass

    def f():
        leaf()
        leaf()
    assert cost(f) == (1, 2)
