"""float32 products in TF32 and bfloat16 are those of inputs so rounded, as near as float32 sums can be."""
from unittest import mock

import numpy as np
import pytest

from gpunn.kernels.cuda import launch
from tests.sim.module import LaunchError

from . import cases_attention, cases_conv, cases_matmul, cases_recurrent
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


def near(got, want) -> float:
    return float(np.abs(got - want).max() / np.abs(want).max())


@pytest.mark.parametrize("precision", BITS)
def test_attention_and_recurrent_layers_round_the_factors(precision):
    device, r = Sim(), np.random.default_rng(3)
    q, k, v, z, u, h = (r.normal(size=shape) for shape in (
        (2, 70, 2, 24), (2, 50, 2, 24), (2, 50, 2, 8), (9, 1, 40), (40, 40), (9, 40)))
    with mock.patch.dict(launch.settings, matmul_precision=precision):
        lse = device.get(device.kernels.attention(*(device.put(a.astype("float32")) for a in (q, k, v)), 0.2)[1])
        state = device.get(device.kernels.simple_rnn(*(device.put(a.astype("float32")) for a in (z, u, h))))
    q, k, z, u, h = (a.astype("float32").astype("float64") for a in (q, k, z, u, h))
    found = {key: (near(lse, cases_attention.attention(rounded(q, bits), rounded(k, bits), v, 0.2)[1]),
                   near(state, cases_recurrent.simple_rnn(z, rounded(u, bits), rounded(h, bits))))
             for key, bits in BITS.items()}
    assert max(found.pop(precision)) < 4e-6 and min(map(min, found.values())) > 1e-5


def product(device, r):
    return device.kernels.matmul(*(device.put(r.normal(size=shape).astype("float32")) for shape in (
        (70, 300), (300, 80))))


def attended(device, r):
    with mock.patch.dict(launch.settings, matmul_precision="high"):
        return device.kernels.attention(*(device.put(r.normal(size=(1, 150, 1, 64)).astype("float32"))
                                          for _ in range(3)), 0.2)[0]


def remembered(device, r):
    with mock.patch.dict(launch.settings, matmul_precision="high"):
        return device.kernels.simple_rnn(*(device.put(r.normal(size=shape).astype("float32")) for shape in (
            (3, 4, 40), (40, 40), (3, 40))))


def outcomes(monkeypatch, old: str, new: str, file="matmul", run=product) -> set:
    """What schedules make of a kernel whose source has this text replaced."""
    device, whole = Sim(), launch.source
    text = whole(file)
    assert old in text
    launch.compiled.cache_clear()
    monkeypatch.setattr(launch, "source", lambda name: text.replace(old, new) if name == file else whole(name))
    found = set()
    for seed in range(1, 9):
        with device.library.schedule(seed):
            try:
                found.add(device.get(run(device, np.random.default_rng(1))).tobytes())
            except LaunchError:
                found.add("refused")
    monkeypatch.undo()
    launch.compiled.cache_clear()
    return found


WAIT, READ = "cp_async_wait<0>();\n        __syncthreads();", "__syncthreads();\n        weights.product(states, sums);"


@pytest.mark.parametrize("file, run", [("matmul", product), ("flash", attended), ("simple_rnn", remembered)])
def test_kernels_as_they_are_have_one_outcome(monkeypatch, file, run):
    assert len(outcomes(monkeypatch, "blockIdx", "blockIdx", file, run)) == 1


@pytest.mark.parametrize("file, run, old, new", [
    ("flash", attended, WAIT, "cp_async_wait<0>();"), ("flash", attended, WAIT, "__syncthreads();"),
    ("simple_rnn", remembered, READ, "weights.product(states, sums);"),
    ("simple_rnn", remembered, READ + "\n        __syncthreads();", READ)])
def test_what_attention_and_recurrent_layers_wait_for(monkeypatch, file, run, old, new):
    assert outcomes(monkeypatch, old, new, file, run) != outcomes(monkeypatch, old, old, file, run)


@pytest.mark.parametrize("old, new", [
    ("cp_async_wait<STAGES - 2>();\n            __syncthreads();", "cp_async_wait<STAGES - 2>();"),
    ("cp_async_wait<STAGES - 2>();", ""), ("cp_async_wait<STAGES - 2>();", "cp_async_wait<STAGES - 1>();")])
def test_a_missing_barrier_or_wait_is_noticed(monkeypatch, old, new):
    assert outcomes(monkeypatch, old, new) != outcomes(monkeypatch, "THREADS", "THREADS")
