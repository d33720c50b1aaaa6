"""What a small layer costs in Python: a step of a small model is mostly this."""
import sys

import numpy as np
import pytest

from gpunn import layers
from gpunn.tensor import Tensor

MAX_DEPTH, MAX_CALLS = 5, 30


def cost(f) -> tuple[int, int]:
    """(deepest nesting of Python frames, Python calls); the compiled product, no Python itself, is neither."""
    depth, deepest, calls = 0, 0, 0
    product = sys.modules["gpunn.kernels.cpu.matmul"]._gemm.py_func.__code__

    def profile(frame, event, _):
        nonlocal depth, deepest, calls
        compiled = frame.f_code is product
        if event == "call" and not compiled:
            depth, calls = depth + 1, calls + 1
            deepest = max(deepest, depth)
        elif event == "return" and not compiled:
            depth -= 1
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
