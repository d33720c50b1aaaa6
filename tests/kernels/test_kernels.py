"""Every kernel against its float64 reference on every device; no function and no CUDA kernel goes unrun."""
import shutil

import pytest

from gpunn.kernels import cpu
from gpunn.kernels.cuda import launch

from .coverage import exported, kernels_in, load_cases, simulated
from .harness import CASES, HALVES, check

load_cases()
ROWS = [pytest.param(case, dtype, id=f"{case.id}-{dtype}") for case in CASES for dtype in case.dtypes]


@pytest.mark.parametrize(("case", "dtype"), [row for row in ROWS if row.values[1] not in HALVES])
def test_kernel(case, dtype, device):
    check(case, device, dtype)


@pytest.mark.parametrize(("case", "dtype"), [row for row in ROWS if row.values[1] in HALVES])
def test_kernel_of_16_bits(case, dtype, gpu):
    check(case, gpu, dtype)


def without_case(functions) -> set[str]:
    return set(functions) - {case.kernel for case in CASES}


def not_run(folder) -> set[tuple[str, str]]:
    return kernels_in(folder) - {(file, kernel) for file, _, kernel in simulated()}


def test_every_public_function_has_a_case():
    assert not without_case(exported(cpu)), "add a case to tests/kernels/cases_*.py"


def test_every_case_names_a_public_function():
    assert {case.kernel for case in CASES} <= set(exported(cpu))


def test_every_cuda_kernel_has_run():
    assert not not_run(launch.HERE), "no case reaches these kernels (file, name)"


def test_an_unregistered_kernel_is_noticed(tmp_path):
    for path in launch.HERE.glob("*.cu"):
        shutil.copy(path, tmp_path)
    (tmp_path / "planted.cu").write_text('extern "C" __global__ void planted(float *x) { x[0] = 1; }')
    assert ("planted", "planted") in not_run(tmp_path)
    assert without_case({"planted": None}) == {"planted"}
