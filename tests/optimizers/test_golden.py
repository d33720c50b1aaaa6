"""Ten steps of every optimizer with every option against Keras' (tests/golden/record_optimizers.py)."""
from pathlib import Path

import numpy as np
import pytest

import gpunn
from tests.golden.optimizer_cases import cases, run

KERAS = np.load(Path(__file__).parents[1] / "golden" / "optimizers.npz")


@pytest.mark.parametrize("name", cases())
def test_ten_steps(name):
    found = run(gpunn, *cases()[name])
    assert list(found.pop("names")) == list(KERAS[f"{name}/names"])
    want, start = KERAS[name], 0
    for what, value in found.items():
        part = want[start:start + value.size].reshape(value.shape)
        np.testing.assert_allclose(value, part, rtol=5e-4, atol=5e-5 * abs(part).max(initial=0), err_msg=what)
        start += value.size
    assert start == want.size
