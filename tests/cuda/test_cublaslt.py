"""The binding of cuBLASLt against the header, and against a stand-in that does what its descriptors say."""
import ctypes
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from gpunn.kernels.cuda import choosing, cublaslt, dense, dense_backward, launch, matmul
from tests import sim
from tests.kernels.coverage import load_cases
from tests.kernels.devices import DEVICES, Sim
from tests.kernels.harness import CASES, check
from tests.sim import facade as cp
from tests.sim.capture import all_released

from .cublaslt_header import NUMBERS, RESULT, RESULT_SIZE
from .cublaslt_stand_in import BGRADA, BIAS, DEFAULT, DRELU, RELU, RELU_AUX, RELU_AUX_BIAS, RELU_BIAS, StandIn, serving

load_cases()
sim.install()
KERNELS = {"matmul", "dense", "dense_backward"}
ROWS = [pytest.param(case, dtype, id=f"{case.id}-{dtype}") for case in CASES
        if case.kernel in KERNELS and case.precision == "highest"
        for dtype in case.dtypes if dtype != "float64" or "7" in case.id]
# two axes of a batch that are no single walk; empty arrays; no product wanted
OTHERS = {"matmul-broadcast", "matmul-heads", "matmul-into_heads", "matmul-into_heads-accumulate",
          "matmul-empty_batch", "dense_backward-need-nny"}
R = np.random.default_rng(5)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GPUNN_CACHE_DIR", str(tmp_path))
    monkeypatch.setitem(launch.settings, "matmul_precision", "highest")
    return tmp_path / "cublaslt"


def put(*shape, dtype="float32"):
    return cp.asarray(R.standard_normal(shape).astype(dtype))


def close(got, want, rtol=1e-5):
    np.testing.assert_allclose(cp.asnumpy(got), want, rtol, rtol * np.abs(want).max())


# -- the header --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_the_header_s(name):
    short = name.removeprefix("CUBLASLT_").removeprefix("CUBLAS_").removeprefix("CUDA_")
    for group in ("MATMUL_DESC_", "MATMUL_PREF_", "MATRIX_LAYOUT_", "EPILOGUE_", "STATUS_"):
        short = short if hasattr(cublaslt, short) else short.removeprefix(group)
    if short.startswith("MIN_ALIGNMENT"):
        ours = cublaslt.MIN_ALIGNMENT_BYTES["ABCD".index(short[-7])]
    else:
        ours = getattr(cublaslt, short, None)
    assert ours == NUMBERS[name] or name in NEVER_NAMED


# sums of others, False and True, and what is only compared with 0
NEVER_NAMED = {"CUBLASLT_EPILOGUE_RELU_BIAS", "CUBLASLT_EPILOGUE_RELU_AUX_BIAS", "CUBLAS_OP_N", "CUBLAS_OP_T",
               "CUBLAS_STATUS_INVALID_VALUE", "CUBLAS_STATUS_INTERNAL_ERROR"}


def test_derived_numbers():
    assert cublaslt.RELU | cublaslt.BIAS == NUMBERS["CUBLASLT_EPILOGUE_RELU_BIAS"]
    assert cublaslt.RELU_AUX | cublaslt.BIAS == NUMBERS["CUBLASLT_EPILOGUE_RELU_AUX_BIAS"]
    assert (NUMBERS["CUBLAS_OP_N"], NUMBERS["CUBLAS_OP_T"]) == (False, True)


def test_the_struct_has_the_header_s_form():
    ours = dict(zip(RESULT, (name for name, _ in cublaslt.Choice._fields_)))
    assert ctypes.sizeof(cublaslt.Choice) == RESULT_SIZE
    for theirs, name in ours.items():
        field = getattr(cublaslt.Choice, name)
        assert (field.offset, field.size) == RESULT[theirs]


class Once(Sim):
    """The stand-in knows no order of threads."""
    def schedules(self):
        return [nullcontext()]


OTHER_DEVICES = {name: Once if name == "sim" else kind for name, kind in DEVICES.items() if name != "cpu"}


# -- what is computed --------------------------------------------------------------------------------------------------
def run(case, dtype, **options) -> StandIn:
    stand_in = StandIn(**options)
    with serving(stand_in):
        check(case, Once(), dtype)
    return stand_in


@pytest.mark.parametrize("device", OTHER_DEVICES)
@pytest.mark.parametrize(("case", "dtype"), ROWS)
def test_products(case, dtype, device, capfd):
    """On the stand-in, and, where there is a GPU, by the library itself: also what is tiny."""
    stand_in = StandIn()
    with serving(stand_in):
        check(case, OTHER_DEVICES[device](), dtype)
    empty = any(0 in a.shape for a in case.make(np.random.default_rng(0)) if isinstance(a, np.ndarray))
    served = device == "sim" and not empty and case.id not in OTHERS
    assert not stand_in.refused and bool(stand_in.products) == served
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("precision", "rtol"), [("high", 1e-2), ("highest", 1e-5)])
@pytest.mark.parametrize("device", OTHER_DEVICES)
def test_a_large_product(device, precision, rtol, monkeypatch):
    device = OTHER_DEVICES[device]()
    monkeypatch.setitem(launch.settings, "matmul_precision", precision)
    a, b = (R.standard_normal(shape).astype("float32") for shape in ((130, 190), (190, 100)))
    got = device.kernels.matmul(device.put(a), device.put(b))
    close(device.get(got), a.astype(float) @ b, rtol)


def case_named(id: str):
    return next(case for case in CASES if case.id == id)


def epilogues(id: str, **options) -> set:
    return {epilogue for *_, epilogue, _ in run(case_named(id), "float32", **options).products}


@pytest.mark.parametrize(("id", "used"), [
    ("dense-relu-3x5x7", {RELU_BIAS}), ("dense-relu-3x5x7-no_bias", {RELU}), ("dense-linear-3x5x7", {BIAS}),
    ("dense-tanh-3x5x7", {BIAS}), ("matmul-7x9x17", {DEFAULT}), ("dense_backward-tanh-3x5x7", {DEFAULT, BGRADA}),
    ("dense_backward-need-nyn", {DEFAULT}),
])
def test_what_is_fused(id, used):
    assert epilogues(id) == used


@pytest.mark.parametrize("id", ["dense_backward-relu-3x5x7", "dense-relu-3x5x7"])
def test_a_fusion_that_the_library_lacks_is_done_without_it(id, capfd):
    stand_in = run(case_named(id), "float32", lacking=(BGRADA, RELU_BIAS))
    assert {status for _, status in stand_in.refused} == {NUMBERS["CUBLAS_STATUS_NOT_SUPPORTED"]}
    assert capfd.readouterr().err == ""


def bent(rows, inner, columns, after=3, stand_in=None):
    """A gradient on its way through two layers, the first of them with relu; is it right? -> epilogues"""
    x, w, b, v, dy = put(rows, inner), put(inner, columns), put(columns), put(columns, after), put(rows, after)
    b[:1] = -100.0                                      # a unit that is always 0
    with serving(stand_in) if stand_in else nullcontext():
        y = dense(x, w, b, "relu", masks := [])
        dx, dw, db = dense_backward(dy, y, y, v, "linear", (True, True, True), *masks)
    x, w, b, v, dy = (a.get().astype(float) for a in (x, w, b, v, dy))
    z = x @ w + b
    close(y, np.maximum(z, 0))
    close(dx, (dy @ v.T) * (not masks or z > 0))
    close(dw, np.maximum(z, 0).T @ dy)
    close(db, dy.sum(0))
    return {epilogue for *_, epilogue, _ in stand_in.products} if stand_in else bool(masks)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (3, 5, 7), (9, 4, 128), (5, 6, 130), (300, 9, 17)], ids=str)
def test_a_gradient_is_bent_in_the_product_that_makes_it(sizes):
    assert bent(*sizes, stand_in=StandIn()) == {RELU_AUX_BIAS, DRELU, BGRADA, RELU_AUX}     # the last asks about 0


@pytest.mark.parametrize("sizes", [(1, 1, 1), (3, 5, 7), (9, 4, 128), (70, 6, 130), (5, 6, 9, 1100)], ids=str)
def test_gpunn_s_own_product_bends_too(sizes):
    assert bent(*sizes)


@pytest.mark.parametrize(("lacking", "used"), [
    (DRELU, {RELU_AUX, RELU_AUX_BIAS, DEFAULT, BGRADA}), (RELU_AUX, {RELU_BIAS, DEFAULT, BGRADA}),
    (RELU_AUX_BIAS, {RELU_AUX, RELU_BIAS, DEFAULT, BGRADA}),
])
def test_without_one_of_the_fusions_all_is_right(lacking, used):
    assert bent(5, 6, 7, stand_in=StandIn(lacking=(lacking,))) == used


@pytest.mark.parametrize(("precision", "compute"), [("high", 77), ("highest", 68), ("medium", 75)])
def test_precision(precision, compute):
    stand_in = run(replace(case_named("matmul-7x9x17"), precision=precision), "float32")
    assert {asked for *_, asked in stand_in.products} == {compute}


def test_float64_is_always_in_full():
    assert {asked for *_, asked in run(case_named("matmul-7x9x17"), "float64").products} == {70}


# -- which products are the library's ----------------------------------------------------------------------------------
def question(a, b, c, edge=None):
    return cublaslt.asked(a, b, c, DEFAULT, edge)


@pytest.mark.parametrize(("case", "why"), [
    (lambda: (put(99, 99)[::2, ::2], put(50, 99), put(50, 99)), "strides in both axes"),
    (lambda: (put(50, 99), put(99, 50), put(50, 50).T), "columns of c apart"),
    (lambda: (put(50, 99), put(99, 50), put(50, 50), put(51)[1:]), "bias not aligned"),
    (lambda: (put(50, 99), put(99, 50, dtype="float64"), put(50, 50)), "mixed dtypes"),
    (lambda: (put(50, 99), put(99, 50), put(50, 50), put(50, dtype="float64")), "a bias of another dtype"),
    (lambda: (put(2, 50, 99)[::-1], put(2, 99, 50), put(2, 50, 50)), "backwards"),
    (lambda: (put(5, 9, dtype="float16"), put(9, 5, dtype="float16"), put(5, 5, dtype="float64")), "a wider result"),
    (lambda: (put(5, 9), put(9, 5), put(5, 5, dtype="float16")), "a narrower result"),
])
def test_others_are_left_to_matmul_cu(case, why):
    assert question(*case()) is None, why


def test_products_of_16_bits_are_served_and_may_be_single():
    a, b = put(50, 99, dtype="float16"), put(99, 50, dtype="float16")
    for dtype in ("float16", "float32"):
        problem = question(a, b, put(50, 50, dtype=dtype))
        assert (problem.compute, problem.dtype, problem.result) == (cublaslt.COMPUTE_32F, "float16", dtype)


def test_rows_of_a_batch_are_rows_of_one_product():
    problem = question(put(8, 50, 40), put(40, 30), put(8, 50, 30))
    assert problem.batch == 1 and problem.matrices[2][:2] == (30, 400)
    assert question(put(8, 50, 40), put(8, 40, 30), put(8, 50, 30)).batch == 8


def test_a_problem_names_its_shapes():
    batch = put(8, 50, 40), put(8, 30, 40).swapaxes(1, 2), put(8, 50, 30)
    assert str(question(*batch)) == "(50, 40) @ (40, 30) in float32, 8 times"
    assert str(question(put(7, 9, dtype="float64"), put(9, 5, dtype="float64"), put(7, 5, dtype="float64"))) == (
        "(7, 9) @ (9, 5) in float64")


# -- the choice --------------------------------------------------------------------------------------------------------
ARRAYS = put(7, 9), put(9, 17), put(7, 17)          # their alignment, which is drawn by lot, belongs to the problem


def multiply(stand_in, times, monkeypatch, tries=1, accumulate=False):
    """Products of one problem, timed as `times` says -> the algorithms that ran."""
    left = iter(times)
    monkeypatch.setattr(cp.cuda, "get_elapsed_time", lambda start, stop: next(left))
    a, b, c = ARRAYS
    with serving(stand_in):
        for _ in range(tries):
            want = a.get() @ b.get() + (c.get() if accumulate else 0)
            close(matmul(a, b, accumulate=accumulate, out=c), want)
    assert next(left, None) is None, "not all were timed"
    return [which for _, which, *_ in stand_in.products]


@pytest.mark.parametrize("accumulate", [False, True])
def test_the_quickest_is_chosen_once_and_kept(monkeypatch, folder, accumulate):
    ran = multiply(StandIn(), [3.0, 2.0, 4.0], monkeypatch, 2, accumulate)  # the second of four is no good
    assert ran == [1] * 4 + [3] * 4 + [4] * 4 + [3, 3]
    [path] = folder.iterdir()
    assert len(path.read_bytes()) == 32
    assert multiply(StandIn(), [], monkeypatch) == [3]                       # the next process


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:-1], lambda data: data + b"\0",
                                    lambda data: bytes([data[0] ^ 1]) + data[1:]])
def test_a_damaged_record_is_made_anew(damage, monkeypatch, folder):
    multiply(StandIn(), [3.0, 2.0, 4.0], monkeypatch)
    [path] = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert multiply(StandIn(), [4.0, 2.0, 4.0], monkeypatch)[-1] == 3
    assert path.read_bytes() == whole


def test_an_algorithm_that_the_library_does_not_offer_is_never_run(monkeypatch):
    assert multiply(StandIn(), [3.0, 2.0, 1.0], monkeypatch)[-1] == 4
    assert multiply(StandIn(choices=3), [1.0, 2.0], monkeypatch)[-1] == 1


def test_another_gpu_or_library_chooses_for_itself(monkeypatch):
    multiply(StandIn(), [3.0, 2.0, 4.0], monkeypatch)
    monkeypatch.setitem(cp.cuda.runtime.getDeviceProperties(0), "name", b"another")
    assert multiply(StandIn(), [3.0, 4.0, 1.0], monkeypatch)[-1] == 4


def test_without_a_private_folder_it_is_the_heuristic_s_first(monkeypatch):
    """Nothing that is measured: the next run would choose otherwise, and give other bits."""
    monkeypatch.setattr(choosing, "private_folder", lambda name: None)
    for _ in range(2):
        assert multiply(StandIn(), [], monkeypatch) == [1]


# -- captures ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def captured(monkeypatch):
    """captured(f, warm): the graph of f() on a stream and a pool of its own, after `warm` runs of it."""
    monkeypatch.setattr(cp.cuda, "get_elapsed_time", lambda start, stop: 1.0)
    pool, stream = cp.cuda.MemoryPool(), cp.cuda.Stream(non_blocking=True)

    def capture(f, warm):
        with cp.cuda.using_allocator(pool.malloc), stream:
            for _ in range(warm):
                f()
            before = pool.total_bytes()
            stream.begin_capture(cp.cuda.runtime.streamCaptureModeThreadLocal)
            f()
            assert pool.total_bytes() == before
            return stream.end_capture()
    with all_released():
        yield capture


def test_a_capture_times_nothing_and_replays(captured):
    x, w, b, y = put(7, 9), put(9, 17), put(17), cp.empty((7, 17), "float32")
    with serving(StandIn()):
        graph = captured(lambda: dense(x, w, b, "relu", out=y), 1)
        y.fill(-1)
        x.set(R.standard_normal((7, 9)).astype("float32"))
        graph.launch()
    close(y, np.maximum(x.get() @ w.get() + b.get(), 0))
    assert graph.names == ["cublasLtMatmul"]


def test_a_library_that_serves_nothing_spoils_no_capture(captured):
    x, w, y = put(7, 9), put(9, 17), cp.empty((7, 17), "float32")
    with serving(StandIn(choices=0)):
        assert captured(lambda: matmul(x, w, out=y), 1).names == ["matmul"]


def test_a_product_that_a_capture_is_the_first_to_see_ends_it(captured):
    x, w, y = put(7, 9), put(9, 17), cp.empty((7, 17), "float32")
    with serving(StandIn()), pytest.raises(RuntimeError, match=r"\(7, 9\) @ \(9, 17\) in float32.*run the step once"):
        captured(lambda: matmul(x, w, out=y), 0)


def test_a_stream_that_a_capture_is_the_first_to_use_ends_it(captured):
    x, w, y = put(7, 9), put(9, 17), cp.empty((7, 17), "float32")
    with serving(StandIn()), pytest.raises(RuntimeError, match="run the step once before it is captured"):
        matmul(x, w, out=y)
        captured(lambda: matmul(x, w, out=y), 0)


def test_the_workspace_is_a_stream_s_own_and_of_no_graph_s_pool(captured):
    with serving(StandIn()) as engine:
        x, w, y = put(7, 9), put(9, 17), cp.empty((7, 17), "float32")
        matmul(x, w, out=y)
        captured(lambda: matmul(x, w, out=y), 2)            # asserts that the pool grew by nothing in the capture
        assert len(engine.choices.workspaces) == 2
        assert {space.memory.pool for space in engine.choices.workspaces.values()} == {cp.get_default_memory_pool()}
