"""One seed, the same numbers on every device: weights, shuffles, dropout masks."""
import numpy as np
import pytest

import gpunn
from gpunn import ops
from gpunn.backend import rng
from tests import sim

from .zoo import MODELS


def on(device, f):
    sim.install()
    gpunn.use(device)
    try:
        gpunn.set_seed(11)
        return f()
    finally:
        gpunn.use("cpu")


def masks():
    x = np.ones((33, 7), "float32")
    return [ops.dropout(x, 0.4).numpy() for _ in range(3)]


@pytest.mark.parametrize("what", [
    lambda: [w for build in MODELS.values() for w in build().get_weights()],
    masks,
    lambda: [rng.permutation(rng.next_seed(), epoch, 101) for epoch in range(3)],
], ids=["weights", "dropout", "shuffles"])
def test_same_on_cpu_and_sim(what):
    for a, b in zip(on("cpu", what), on("sim", what), strict=True):
        np.testing.assert_array_equal(a, b)


def test_masks_differ_from_call_to_call():
    first, second, third = on("cpu", masks)
    assert (first != second).any() and (second != third).any()
    assert set(np.unique(first)) == {np.float32(0), np.float32(1 / 0.6)}


def test_permutation_is_one_and_changes_with_the_epoch():
    a, b = rng.permutation(5, 0, 1000), rng.permutation(5, 1, 1000)
    assert sorted(a) == list(range(1000)) and (a != b).any() and (a != np.arange(1000)).mean() > 0.9


def test_seed_must_be_a_number():
    with pytest.raises(ValueError, match="expected an integer >= 0, got 'x'"):
        gpunn.set_seed("x")
