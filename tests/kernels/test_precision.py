"""float32 products in TF32 and bfloat16 are those of inputs so rounded, as near as float32 sums can be."""
from unittest import mock

import numpy as np
import pytest

from gpunn.kernels.cuda import launch
from tests.sim.module import LaunchError

from . import cases_conv, cases_matmul
from .devices import Sim
from .references import rounded

BITS = {"highest": 23, "high": 10, "medium": 7}         # of the mantissa
PADDED = (1, 2), ((1, 1), (0, 1)), (1, 1)               # strides, padding, dilation
PRODUCTS = {
    "matmul": ((33, 50), (50, 70)),
    "conv": ((2, 6, 7, 12), (3, 2, 12, 36), None, *PADDED),
    "conv_input_grad": ((2, 6, 4, 36), (3, 2, 12, 36), (2, 6, 7, 12), *PADDED),
    "conv_weight_grad": ((2, 6, 7, 12), (2, 6, 4, 36), (3, 2), *PADDED),
}
REFERENCES = {"matmul": cases_matmul.product} | {name: getattr(cases_conv, name) for name in list(PRODUCTS)[1:]}


def errors(name: str, precision: str) -> dict[str, float]:
    """How far the result is from the products of inputs rounded in every way."""
    r, device = np.random.default_rng(3), Sim()
    arrays = [r.normal(size=shape).astype("float32") for shape in PRODUCTS[name][:2]]
    rest = PRODUCTS[name][2:]
    with mock.patch.dict(launch.settings, matmul_precision=precision):
        got = device.get(getattr(device.kernels, name)(*map(device.put, arrays), *rest))
    wants = {key: REFERENCES[name](*(rounded(a.astype("float64"), bits) for a in arrays), *rest)
             for key, bits in BITS.items()}
    return {key: float(np.abs(got - want).max() / np.abs(want).max()) for key, want in wants.items()}


@pytest.mark.parametrize("precision", BITS)
@pytest.mark.parametrize("name", PRODUCTS)
def test_what_is_rounded_is_the_input(name, precision):
    found = errors(name, precision)
    assert found.pop(precision) < 1e-6 and min(found.values()) > 1e-5


@pytest.mark.parametrize("precision", BITS)
def test_what_is_not_finite_stays_so(precision):
    device, words = Sim(), np.uint32([0x7FFFFFFF, 0xFFFFFFFF, 0x7F800001, 0x7F800000, 0xFF800000, 0x7F7FFFFF])
    x = np.zeros((6, 20), "float32")
    x[:, 4] = words.view("float32")
    with mock.patch.dict(launch.settings, matmul_precision=precision):
        y = device.get(device.kernels.matmul(device.put(x), device.put(np.ones((20, 3), "float32"))))
    assert np.isnan(y[:3]).all() and (y[3] == np.inf).all() and (y[4] == -np.inf).all()
    assert (y[5] >= np.finfo("float32").max).all()


def outcomes(monkeypatch, old: str, new: str) -> set:
    """What schedules make of a product whose source has this text replaced."""
    device, r = Sim(), np.random.default_rng(1)
    a, b = (device.put(r.normal(size=shape).astype("float32")) for shape in ((70, 300), (300, 80)))
    text = launch.source("matmul")
    assert old in text
    launch.compiled.cache_clear()
    monkeypatch.setattr(launch, "source", lambda file: text.replace(old, new))
    found = set()
    for seed in range(1, 9):
        with device.library.schedule(seed):
            try:
                found.add(device.get(device.kernels.matmul(a, b)).tobytes())
            except LaunchError:
                found.add("refused")
    monkeypatch.undo()
    launch.compiled.cache_clear()
    return found


def test_the_core_as_it_is_has_one_outcome(monkeypatch):
    assert len(outcomes(monkeypatch, "THREADS", "THREADS")) == 1


@pytest.mark.parametrize("old, new", [
    ("cp_async_wait<STAGES - 2>();\n            __syncthreads();", "cp_async_wait<STAGES - 2>();"),
    ("cp_async_wait<STAGES - 2>();", ""), ("cp_async_wait<STAGES - 2>();", "cp_async_wait<STAGES - 1>();")])
def test_a_missing_barrier_or_wait_is_noticed(monkeypatch, old, new):
    assert outcomes(monkeypatch, old, new) != outcomes(monkeypatch, "THREADS", "THREADS")
