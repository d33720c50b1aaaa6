"""The shim finds planted defects in kernels: synchronisation, memory, arguments."""
import subprocess
import sys

import numpy as np
import pytest

from tests.sim import facade as cp
from tests.sim import planted
from tests.sim.build import BuildError, launch_bounds

SEEDS = range(1, 9)


def run(code, name, block, *args, grid=1, seed=1, shared_mem=0, options=()):
    with cp.schedule(seed):
        kernel = cp.RawModule(code=code, options=options).get_function(name)
        kernel((grid,), (block,), args, shared_mem=shared_mem)


def device(*values) -> cp.ndarray:
    return cp.asarray(np.array(values, np.float32))


def sums(barrier: str) -> set[float]:
    """The distinct results over eight schedules."""
    x, out = cp.asarray(np.random.default_rng(0).normal(size=5000).astype("float32")), cp.empty(1, "float32")
    results = set()
    for seed in SEEDS:
        run(planted.SUM, "total", 256, x, out, np.int32(5000), seed=seed, options=(f"-DBARRIER={barrier}",))
        results.add(out.get().tobytes())
    return results


def test_a_sound_reduction_is_the_same_in_every_schedule():
    assert len(sums("__syncthreads();")) == 1


def test_a_missing_barrier_gives_another_number():
    assert not sums(";") & sums("__syncthreads();")


@pytest.mark.parametrize(("kernel", "complaint"), [
    ("divergent", "divergent __syncthreads"), ("half_warp", "deadlock"),
    ("stranger", "not in its warp mask"), ("outside_mask", "outside its mask")])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_divergence(kernel, complaint, seed):
    with pytest.raises(cp.LaunchError, match=complaint):
        run(planted.DIVERGENT, kernel, 32, cp.empty(32, "float32"), seed=seed)


def test_a_failed_kernel_leaves_the_next_one_alone():
    with pytest.raises(cp.LaunchError):
        run(planted.DIVERGENT, "half_warp", 32, cp.empty(32, "float32"))
    assert len(sums("__syncthreads();")) == 1


@pytest.mark.parametrize("n", [1000, 1024, 3])
def test_reading_past_the_end(n):
    """Half of all arrays end at a guard page, half begin at one; what is between an end and a page is NaN."""
    caught = 0
    for _ in range(8):
        x, y = cp.asarray(np.ones(n, "float32")), device(0)
        try:
            run(planted.MEMORY, "past_the_end", 128, x, y, np.int32(n), grid=9)
        except cp.LaunchError as error:
            assert "outside an array" in str(error)
            caught += 1
        else:
            caught += np.isnan(y.get()[0])
    assert caught == 8


def test_reading_before_the_start():
    with pytest.raises(cp.LaunchError, match="outside an array"):
        for _ in range(20):
            run(planted.MEMORY, "before_the_start", 4, device(1, 2, 3, 4), device(0, 0, 0, 0), np.int32(4))


def test_the_host_faults_at_a_guard_page_too():
    code = "from tests.sim.memory import guarded\nimport ctypes\n" \
           "for _ in range(20):\n  a = guarded(64)\n  ctypes.string_at(a.ctypes.data - 16, 96)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode < 0


def test_misaligned_float4():
    x = cp.asarray(np.arange(8, dtype="float32"))
    y = device(0)
    run(planted.MEMORY, "quads", 1, x, y, np.int32(4))
    assert y.get()[0] == 22
    with pytest.raises(cp.LaunchError, match="misaligned"):
        run(planted.MEMORY, "quads", 1, x, y, np.int32(1))


def test_an_index_outside_shared_memory():
    with pytest.raises(cp.LaunchError, match="outside a fixed-size array"):
        run(planted.MEMORY, "shared_index", 32, cp.empty(32, "float32"), np.int32(1))


def test_shared_memory_is_garbage_at_first():
    y = device(*range(32))
    run(planted.MEMORY, "unwritten", 32, y)
    assert np.isnan(y.get()).all()


def test_division_by_zero():
    with pytest.raises(cp.LaunchError, match="division by zero"):
        run(planted.MEMORY, "divide", 1, cp.empty(1, "int32"), np.int32(0))


def pipelines(wait: int, second: str) -> set[bytes]:
    x, y = cp.asarray(np.arange(64 * 6, dtype="float32")), cp.empty(64, "float32")
    results, options = set(), (f"-DWAIT={wait}", f"-DSECOND_BARRIER={second}")
    for seed in SEEDS:
        run(planted.PIPELINE, "pipeline", 64, x, y, np.int32(6), seed=seed, options=options)
        results.add(y.get().tobytes())
    return results


def test_a_sound_pipeline():
    total = np.arange(64 * 6, dtype="float32").reshape(6, 64).sum(0)
    assert pipelines(1, "__syncthreads();") == {total[::-1].tobytes()}


def test_a_pipeline_without_its_second_barrier():
    assert len(pipelines(1, ";")) > 1


def test_a_pipeline_that_does_not_wait_for_its_copies():
    assert all(np.isnan(np.frombuffer(y, "float32")).any() for y in pipelines(2, "__syncthreads();"))


def scalars(**changed):
    good = {"x": cp.empty(6, "float32"), "f": np.float32(1), "d": np.float64(2), "i": np.int32(3),
            "q": np.int64(4), "p": np.array([(5, 6)], [("a", "i4"), ("b", "f4")])}
    run(planted.TYPES, "scalars", 1, *(good | changed).values())
    return good["x"].get()


def test_arguments_arrive():
    assert scalars().tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(("name", "value", "complaint"), [
    ("f", 1.0, "argument 1 is float, the kernel takes float32"),
    ("f", np.float64(1), "argument 1 is float64"),
    ("d", np.float32(1), "argument 2 is float32, the kernel takes float64"),
    ("i", 3, "argument 3 is int, the kernel takes int32"),
    ("i", np.int64(3), "argument 3 is int64"),
    ("q", np.int32(4), "argument 4 is int32, the kernel takes int64"),
    ("p", np.zeros(1, "i4, i4, i4"), "argument 5 .* takes a struct of 8 bytes"),
    ("x", np.zeros(6, "float32"), "takes a pointer"),
    ("x", cp.empty(6, "float64"), "argument 0 is an array of float64, the kernel takes float32"),
    ("x", 0, "takes a pointer")])
def test_a_wrong_argument(name, value, complaint):
    with pytest.raises(TypeError, match=complaint):
        scalars(**{name: value})


def test_a_wrong_number_of_arguments():
    with pytest.raises(TypeError, match="2 arguments, the kernel takes 1"):
        run(planted.TYPES, "bounded", 1, cp.empty(1, "float32"), np.int32(1))


@pytest.mark.parametrize(("grid", "block", "complaint"), [
    (1, 65, "__launch_bounds__"), (0, 32, "grid .* is outside"), (1, 0, "block .* is outside"),
    (2**31, 1, "grid .* is outside")])
def test_a_wrong_size(grid, block, complaint):
    with pytest.raises(cp.LaunchError, match=complaint):
        run(planted.TYPES, "bounded", block, cp.empty(64, "float32"), grid=grid)


def test_too_much_shared_memory():
    with pytest.raises(cp.LaunchError, match="dynamic shared memory"):
        run(planted.TYPES, "bounded", 1, cp.empty(64, "float32"), shared_mem=49 << 10)


def test_an_unknown_kernel_and_a_refused_source():
    with pytest.raises(cp.LaunchError, match="no kernel 'other'; it has scalars, bounded"):
        run(planted.TYPES, "other", 1)
    with pytest.raises(BuildError, match="missing"):
        run('extern "C" __global__ void f(float *x) { x[0] = missing; }', "f", 1, cp.empty(1))
    assert launch_bounds(planted.TYPES) == {"scalars": 1024, "bounded": 64}


@pytest.mark.parametrize(("kernel", "inner", "precision"), [("tf32", 8, 2**-11), ("bf16", 16, 2**-8)])
def test_tensor_cores(kernel, inner, precision):
    r = np.random.default_rng(0)
    a, b = r.normal(size=(16, inner)).astype("float32"), r.normal(size=(inner, 8)).astype("float32")
    d = cp.empty((16, 8), "float32")
    run(planted.MATRIX, kernel, 32, cp.asarray(a), cp.asarray(b), d)
    error = np.abs(d.get() - a.astype("float64") @ b) / (np.abs(a) @ np.abs(b))
    assert 1e-6 < error.max() < 2 * precision
