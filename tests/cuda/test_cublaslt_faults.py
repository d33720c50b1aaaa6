"""cuBLASLt is missing, refuses, fails, or was asked the wrong thing: a program goes on, and a test notices."""
import ctypes
import ctypes.util
from collections import Counter
from contextlib import nullcontext

import numpy as np
import pytest

import gpunn
from gpunn import layers
from gpunn.kernels.cuda import cublaslt, dense_backward, matmul
from tests import sim
from tests.kernels.harness import CASES, check
from tests.sim import capture
from tests.sim import facade as cp

from .cublaslt_header import NUMBERS
from .cublaslt_stand_in import BGRADA, BIAS, DRELU, RELU_AUX_BIAS, StandIn, serving
from .test_cublaslt import Once, bent, close, folder, put  # noqa: F401

sim.install()


@pytest.fixture(autouse=True)
def forgotten():
    """What a test installs, no other finds."""
    cublaslt.engine_on.cache_clear()
    yield
    cublaslt.engine_on.cache_clear()
    cublaslt.engines.pop(cp.ndarray, None)


def multiplied():
    """A product and a backward pass come out right, by whatever kernels."""
    a, b, dy = put(40, 50), put(50, 60), put(40, 60)
    close(matmul(a, b), a.get() @ b.get())
    dx, dw, db = dense_backward(dy, None, a, b, "linear", (True, True, True))
    close(dx, dy.get() @ b.get().T)
    close(dw, a.get().T @ dy.get())
    close(db, dy.get().sum(0))


# -- a program goes on -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("names", "reason"), [
    (["libno-such-thing.so.13"], "libno-such-thing.so.13: cannot open"),
    ([ctypes.util.find_library("c")], "undefined symbol: cublasLtCreate"),
    (["libno-such-thing.so.13", ctypes.util.find_library("c")], "libno-such-thing.so.13: cannot open"),
])
def test_a_library_that_is_missing_or_another_is_one_line(names, reason, monkeypatch, capfd):
    monkeypatch.setattr(cublaslt, "names", lambda: iter(names))
    for _ in range(2):
        cublaslt.serve(cp)
        multiplied()
    [line] = capfd.readouterr().err.splitlines()
    assert line.startswith("gpunn: matrix products run without cuBLASLt, slower: ") and reason in line


@pytest.mark.parametrize("names", [["bad", "good"], ["worse", "bad", "good"]])
def test_the_first_library_that_works_is_taken(names, monkeypatch, capfd):
    libraries = {"bad": StandIn(statuses={"cublasLtCreate": 1}), "good": StandIn(), "worse": object()}
    monkeypatch.setattr(cublaslt, "names", lambda: iter(names))
    monkeypatch.setattr(ctypes, "CDLL", libraries.get)
    cublaslt.serve(cp)
    multiplied()
    assert libraries["good"].products and not libraries["bad"].products and capfd.readouterr().err == ""


def test_a_gpu_that_the_library_cannot_use_is_one_line(monkeypatch, capfd):
    monkeypatch.setattr(cublaslt, "names", lambda: iter("xy"))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: StandIn(statuses={"cublasLtCreate": 1}))
    cublaslt.serve(cp)
    multiplied()
    [line] = capfd.readouterr().err.splitlines()
    assert "slower: cublasLtCreate: CUBLAS_STATUS_NOT_INITIALIZED; see 'python -m gpunn doctor'" in line


def test_names_are_those_of_both_generations():
    assert {"libcublasLt.so.12", "libcublasLt.so.13"} <= set(cublaslt.names())


@pytest.mark.parametrize(("function", "status", "advice"), [
    ("cublasLtMatmulAlgoGetHeuristic", "INTERNAL_ERROR", "another version of cuBLASLt may do better"),
    ("cublasLtMatmul", "EXECUTION_FAILED", "a kernel before it may have failed: CUDA_LAUNCH_BLOCKING=1 shows which"),
    ("cublasLtMatmulDescCreate", "ALLOC_FAILED", "the GPU's memory is full: a smaller batch needs less"),
    ("cublasLtMatmulDescCreate", "NOT_INITIALIZED", "is the driver older than the library?"),
    ("cublasLtMatmulDescSetAttribute", "INVALID_VALUE", "another version"),
    ("cublasLtMatrixLayoutCreate", "INVALID_VALUE", "another version"),
    ("cublasLtMatmulPreferenceSetAttribute", "INVALID_VALUE", "another version"),
])
def test_a_status_is_one_line_with_shapes_and_what_to_do(function, status, advice, capfd):
    name = f"CUBLAS_STATUS_{status}"
    stand_in = StandIn(statuses={function: NUMBERS[name]})
    with serving(stand_in):
        multiplied()
        multiplied()
    assert stand_in.refused and not stand_in.products
    [line] = capfd.readouterr().err.splitlines()
    said = f"gpunn: {function}: {name} for a product (40, 50) @ (50, 60) in float32: such run on gpunn's own kernels, "
    assert line.startswith(f"{said}slower; {advice}")


def test_that_there_is_no_algorithm_is_no_failure(capfd):
    stand_in = StandIn(statuses={"cublasLtMatmulAlgoGetHeuristic": NUMBERS["CUBLAS_STATUS_NOT_SUPPORTED"]})
    with serving(stand_in):
        multiplied()
    assert stand_in.refused and not stand_in.products and capfd.readouterr().err == ""


def test_a_heuristic_that_finds_nothing_is_no_failure(capfd):
    with serving(StandIn(choices=0)):
        multiplied()
    assert capfd.readouterr().err == ""


def test_what_failed_once_is_not_tried_again():
    stand_in, arrays = StandIn(statuses={"cublasLtMatmul": 13}), (put(7, 9), put(9, 17), put(7, 17))
    with serving(stand_in):
        tried = []
        for _ in range(3):
            matmul(*arrays[:2], out=arrays[2])
            tried.append(len(stand_in.refused))
    assert tried[0] == tried[2] > 0


def test_an_algorithm_that_fails_when_it_is_timed_is_not_chosen():
    stand_in = StandIn(broken=(1, 3))
    with serving(stand_in):
        a, b = put(7, 9), put(9, 17)
        close(matmul(a, b), a.get() @ b.get())
    assert {which for _, which, *_ in stand_in.products} == {4}


# -- whole models ------------------------------------------------------------------------------------------------------
@pytest.fixture
def on_sim():
    before = gpunn.device()
    yield gpunn.use("sim")
    gpunn.use(before)


def dense_layers():
    """Two relus in a row, one whose output goes two ways, one that a tanh follows."""
    x = gpunn.Input((12,))
    h = layers.Dense(20, "relu")(layers.Dense(20, "relu")(x))
    h = layers.Add()([h, layers.Dense(20, "relu")(h)])
    return x, layers.Dense(4)(layers.Dense(9, "tanh")(layers.Dense(9, "relu")(h)))


def recurrent():
    x = gpunn.Input((12,))
    return x, layers.Dense(4)(layers.LSTM(5)(layers.Reshape((4, 3))(x)))


def attending():
    x = gpunn.Input((12,))
    h = layers.Dense(6, "relu")(layers.Reshape((4, 3))(x))
    return x, layers.Dense(4)(layers.Flatten()(layers.MultiHeadAttention(2, 3)(h, h)))


def convolving():
    x = gpunn.Input((12,))
    h = layers.Conv2D(5, 1, activation="relu")(layers.Reshape((2, 2, 3))(x))
    return x, layers.Dense(4)(layers.Flatten()(layers.Conv2D(3, 2)(h)))


def trained(made, eager=False):
    gpunn.set_seed(3)
    model = gpunn.Model(*made())
    model.compile("sgd", "mse", run_eagerly=eager)
    x, y = (np.random.default_rng(1).standard_normal((20, n)).astype("float32") for n in (12, 4))
    return model.fit(x, y, batch_size=4, verbose=0).history["loss"], model.get_weights()


@pytest.mark.parametrize("made", [dense_layers, recurrent, attending, convolving])
def test_a_training_is_the_same(made, on_sim, capfd):
    """Recorded or not, on the stand-in and on gpunn's own kernels."""
    own = trained(made)
    with serving(stand_in := StandIn()):
        theirs, eager = trained(made), trained(made, True)
    np.testing.assert_allclose(own[0], theirs[0], 1e-5)
    assert theirs[0] == eager[0] and all(np.array_equal(*pair) for pair in zip(theirs[1], eager[1]))
    for one, other in zip(own[1], theirs[1]):
        np.testing.assert_allclose(one, other, 1e-4, 1e-5)
    assert stand_in.products and not stand_in.refused and "runs eagerly" not in capfd.readouterr().err


@pytest.mark.parametrize(("stand_in", "name"), [(StandIn(), "cublasLtMatmul"), (None, "matmul")])
def test_an_mlp_of_three_layers_multiplies_eight_times(stand_in, name, on_sim, monkeypatch):
    """Forward 3, backward 2 and 3: relus and their slopes are inside, and, in cuBLASLt, the biases' gradients."""
    graphs, end = [], capture.Stream.end_capture
    monkeypatch.setattr(capture.Stream, "end_capture", lambda stream: graphs.append(end(stream)) or graphs[-1])
    with serving(stand_in) if stand_in else nullcontext():
        trained(lambda: (x := gpunn.Input((12,)), layers.Dense(4)(layers.Dense(5, "relu")(layers.Dense(6, "relu")(x)))))
    count = Counter(graphs[0].names)
    assert count[name] == 8 and not count["activation_backward"]


@pytest.mark.parametrize("at_zero", [0, 1])
def test_a_mask_that_bends_at_zero_otherwise_is_not_used(at_zero, on_sim):
    """relu'(0) = 0, wherever a model is trained."""
    with serving(stand_in := StandIn(at_zero=at_zero)):
        trained(dense_layers)
    used = {epilogue for *_, epilogue, _ in stand_in.products}
    assert {BIAS, BGRADA} < used and (DRELU in used) == (RELU_AUX_BIAS in used) == (not at_zero)


# -- a test notices ----------------------------------------------------------------------------------------------------
def noticed(id: str) -> bool:
    """Would test_products fail for this case, or the test of bent gradients?"""
    stand_in = StandIn()
    try:
        if id == "bent":
            return DRELU not in bent(5, 6, 130, stand_in=StandIn())
        with serving(stand_in):
            check(next(case for case in CASES if case.id == id), Once(), "float32")
    except (AssertionError, KeyError):
        return True
    return bool(stand_in.refused) or not stand_in.products


def swapped_leads(rows, columns, down, along, step, right=cublaslt.operand):
    found = right(rows, columns, down, along, step)
    return found and (found[0], (*found[1][:2], found[1][0] if found[1][2] != found[1][0] else found[1][1], step))


def never_turned(*args, right=cublaslt.operand):
    found = right(*args)
    return found and (False, found[1])


def still_batches(*args, right=cublaslt.operand):
    found = right(*args)
    return found and (found[0], (*found[1][:3], 0))


PLANTED = {
    "leading dimensions": ("matmul-7x9x17", {"operand": swapped_leads}),
    "rows that are apart": ("matmul-rows_apart", {"operand": swapped_leads}),
    "a transposition": ("matmul-7x9x17-nt", {"operand": never_turned}),
    "steps of a batch": ("matmul-batch", {"operand": still_batches}),
    "the number of an operation": ("matmul-7x9x17-tn", {"TRANSA": 4, "TRANSB": 3}),
    "the number of the epilogue": ("dense-relu-3x5x7", {"EPILOGUE": 9}),
    "relu": ("dense-relu-3x5x7", {"RELU": 32}),
    "bias": ("dense-linear-3x5x7", {"BIAS": 8}),
    "column sums": ("dense_backward-linear-3x5x7", {"BGRADA": 512}),
    "the bias pointer": ("dense-linear-3x5x7", {"BIAS_POINTER": 10}),
    "the batch count": ("matmul-batch", {"BATCH_COUNT": 7}),
    "the width of a mask": ("bent", {"BITS": 64}),
    "the mask's pointer": ("bent", {"EPILOGUE_AUX_POINTER": 8}),
    "the slope by a mask": ("bent", {"DRELU": 192}),
    "the reduction scheme": ("matmul-7x9x17", {"REDUCTION_SCHEME_COMPUTE_TYPE": 7}),
    "the size of a type": ("matmul-7x9x17", {"c_int32": ctypes.c_int16}),
    "the type of alpha": ("matmul-7x9x17", {"c_float": ctypes.c_double}),
    "the type of the matrices": ("matmul-7x9x17", {"TYPES": {"float32": 1}}),
    "the type that computes": ("matmul-7x9x17", {"COMPUTE": {"highest": 70}}),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_mistake_is_noticed(name, monkeypatch):
    id, wrong = PLANTED[name]
    assert not noticed(id)
    for attribute, value in wrong.items():
        monkeypatch.setattr(cublaslt, attribute, value)
    cublaslt.translated.cache_clear()
    try:
        assert noticed(id)
    finally:
        cublaslt.translated.cache_clear()
