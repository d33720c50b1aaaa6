"""Whole trainings against Keras' recorded histories, weights and predictions."""
from pathlib import Path

import numpy as np
import pytest

import gpunn
from tests.golden.training_cases import packed, runs

GOLDEN = dict(np.load(Path(__file__).parents[1] / "golden/training.npz"))


@pytest.mark.parametrize("name", runs())
def test_like_keras(name):
    ours = packed(runs()[name](gpunn))
    theirs = {key.split("/", 1)[1]: value for key, value in GOLDEN.items() if key.split("/")[0] == name}
    assert sorted(ours) == sorted(theirs)
    for key, value in theirs.items():
        np.testing.assert_allclose(ours[key], value, rtol=2e-4, atol=2e-5, err_msg=key)
