"""The input gradient of a convolution whose windows step: how much is multiplied."""
import importlib

import numpy as np
import pytest

from gpunn.kernels.cuda import conv_input_grad, launch, matmul
from tests import sim
from tests.sim import facade as cp

sim.install()
MATMUL = importlib.import_module(matmul.__module__)


def launched(monkeypatch, *args) -> list:
    """(kernel, blocks, what the product is asked for) of all that runs."""
    seen, run = [], launch.launch

    def watched(file, name, grid, args, **options):
        seen.append((name, grid, args[5] if file.startswith("conv") else None))
        run(file, name, grid, args, **options)
    monkeypatch.setattr(MATMUL, "launch", watched)
    conv_input_grad(*args)
    return seen


@pytest.mark.parametrize(("size", "strides", "dilation", "taps"), [
    ((3, 3), (1, 1), (1, 1), 9), ((3, 3), (2, 2), (1, 1), 4), ((4, 4), (2, 2), (1, 1), 4), ((1, 1), (2, 2), (1, 1), 1),
    ((7, 7), (2, 2), (1, 1), 16), ((3, 3), (2, 2), (2, 1), 6), ((5, 2), (3, 4), (1, 1), 2), ((3, 3), (4, 2), (6, 1), 4),
])
def test_a_phase_walks_along_its_own_taps(size, strides, dilation, taps, monkeypatch):
    """A launch, whose longest product is as deep as the taps that fall on one pixel, not as the window is large."""
    f, shape = 8, (2, 16, 16, 4)
    fits = [(16 - (k - 1) * d - 1) // s + 1 for k, s, d in zip(size, strides, dilation)]
    dz, w = cp.zeros((2, *fits, f), "float32"), cp.zeros((*size, 4, f), "float32")
    [(name, (_, products, pieces), asked)] = launched(monkeypatch, dz, w, shape, strides, ((0, 0), (0, 0)), dilation)
    assert (name, products, pieces) == ("conv_input", np.prod(strides), 1)
    assert (asked["k"][0], asked["m"][0], asked["n"][0]) == (taps * f, 2 * 16 * 16, 4)
