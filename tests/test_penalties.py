"""Regularizers and constraints against their formulas, with gradients; names and configs."""
import numpy as np
import pytest

from gpunn import constraints, regularizers
from gpunn.tensor import Tensor

W = np.random.default_rng(0).normal(size=(4, 3)) * 2

PENALTIES = {
    "l1": (regularizers.L1(), lambda w: 0.01 * np.abs(w).sum(), lambda w: 0.01 * np.sign(w)),
    "l2": (regularizers.L2(0.3), lambda w: 0.3 * (w * w).sum(), lambda w: 0.6 * w),
    "l1_l2": (regularizers.L1L2(0.01, 0.01), lambda w: 0.01 * (np.abs(w) + w * w).sum(),
              lambda w: 0.01 * (np.sign(w) + 2 * w)),
    "only l1 of both": (regularizers.L1L2(l1=0.5), lambda w: 0.5 * np.abs(w).sum(),
                        lambda w: 0.5 * np.sign(w)),
    "only l2 of both": (regularizers.L1L2(l2=0.5), lambda w: 0.5 * (w * w).sum(), lambda w: w),
    "nothing": (regularizers.get("l1l2"), lambda w: 0.0, lambda w: 0 * w),
}


@pytest.mark.parametrize("what", PENALTIES)
def test_penalties(what):
    f, value, gradient = PENALTIES[what]
    w = Tensor(W.copy(), requires_grad=True)
    loss = f(w)
    assert float(loss) == pytest.approx(value(W), rel=1e-6)
    loss.backward()
    np.testing.assert_allclose(w.grad, gradient(W), rtol=1e-6)


def norms(axis=0):
    return np.sqrt((W * W).sum(axis, keepdims=True))


CONSTRAINTS = {
    "non_neg": (constraints.NonNeg(), lambda: np.maximum(W, 0)),
    "unit_norm": (constraints.UnitNorm(), lambda: W / norms()),
    "unit_norm_rows": (constraints.UnitNorm(axis=1), lambda: W / norms(1)),
    "max_norm": (constraints.MaxNorm(2.5), lambda: W * np.minimum(1, 2.5 / norms())),
    "min_max_norm": (constraints.MinMaxNorm(1.0, 2.0), lambda: W / norms() * np.clip(norms(), 1, 2)),
    "min_max_norm_slow": (constraints.MinMaxNorm(1.0, 2.0, rate=0.5),
                          lambda: W / norms() * (np.clip(norms(), 1, 2) + norms()) / 2),
}


@pytest.mark.parametrize("what", CONSTRAINTS)
def test_constraints(what):
    f, expected = CONSTRAINTS[what]
    np.testing.assert_allclose(f(Tensor(W)).numpy(), expected(), rtol=1e-6)


@pytest.mark.parametrize("module", [regularizers, constraints])
def test_configs_go_around(module):
    for name in module.KNOWN:
        thing = module.get(name)
        again = module.deserialize(module.serialize(thing))
        assert type(again) is type(thing) and again.get_config() == thing.get_config()
    assert module.get(None) is None and module.get(abs) is abs
