"""The libraries themselves, where they are installed (they weigh 500 MB each): what they are told they say again."""
import ctypes
import sys
from ctypes import byref, c_int32, c_int64, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p, sizeof
from pathlib import Path

import pytest

from gpunn.kernels.cuda import cublaslt
from tests.kernels.harness import Run, arguments
from tests.sim import facade as cp

from .cublaslt_header import NUMBERS, SIZES, installed, said
from .cublaslt_stand_in import StandIn, serving
from .test_cublaslt import ROWS, Once, folder  # noqa: F401

LIBRARIES = [path for place in map(Path, sys.path) for path in place.glob("nvidia/*/lib/libcublasLt.so.*")]


def test_the_numbers_are_those_of_installed_headers():
    for place in installed():
        numbers = said(place)
        assert len(numbers) > 100 and {name: numbers.get(name, n) for name, n in NUMBERS.items()} == NUMBERS, place


def test_headers_are_read(tmp_path):
    place = tmp_path / "nvidia" / "cublas" / "include"
    place.mkdir(parents=True)
    (place / "cublasLt.h").write_text("enum {\n  CUBLASLT_A = 2, /* one */\n  CUBLASLT_B = (CUBLASLT_A | 128),\n};")
    beside = tmp_path / "nvidia" / "cuda_runtime" / "include"
    beside.mkdir(parents=True)
    (beside / "library_types.h").write_text("CUDA_R_32F = 0\n}")
    assert said(place) == {"CUBLASLT_A": 2, "CUBLASLT_B": 130, "CUDA_R_32F": 0}


def problems() -> list:
    """All that the cases ask for."""
    with serving(StandIn(choices=1)) as engine:
        for case, dtype in (row.values for row in ROWS):
            Run(case, Once(), arguments(case, dtype))
        return list(engine.plans)


def told(lt, kind: str, thing, attribute: int, type):
    value, written = type(), c_size_t()
    get = getattr(lt, f"cublasLt{kind}GetAttribute")
    get.argtypes = [c_void_p, ctypes.c_int, c_void_p, c_size_t, c_void_p]
    assert get(thing, attribute, byref(value), sizeof(value), byref(written)) == 0 and written.value == sizeof(value)
    return value.value


def check(lt, problem):
    """The description and the three matrices of a problem, as the library holds them."""
    plan = cublaslt.Plan(lt, problem)
    for attribute in (cublaslt.BIAS_POINTER, cublaslt.EPILOGUE_AUX_POINTER):
        plan.point(attribute, array := cp.empty(1))
        assert told(lt, "MatmulDesc", plan.product, attribute, c_uint64) == array.data.ptr
    desc = [told(lt, "MatmulDesc", plan.product, number, c_int32) for number in (0, 1, 3, 4, 7)]
    kind = cublaslt.TYPES[problem.dtype][0]
    assert desc == [problem.compute, kind, *problem.turned, problem.epilogue]
    width = told(lt, "MatmulDesc", plan.product, 12, c_int64)
    assert width == (-(-problem.matrices[2][0] // 128) * 128 if problem.epilogue & 128 else 0)
    for layout, (rows, columns, lead, step) in zip((plan.a, plan.b, plan.c), problem.matrices):
        found = [told(lt, "MatrixLayout", layout, *which) for which in (
            (0, c_uint32), (2, c_uint64), (3, c_uint64), (4, c_int64), (5, c_int32), (6, c_int64))]
        assert found == [kind, rows, columns, lead, problem.batch, step]


@pytest.mark.parametrize("path", LIBRARIES, ids=str)
def test_a_library_reads_what_is_written(path, capfd):
    lt = cublaslt.bound(ctypes.CDLL(str(path)))
    assert lt.cublasLtGetVersion() >= 120000
    for problem in problems():
        check(lt, problem)
    wishes = cublaslt.made(lt, "MatmulPreference", {number: {4: c_uint32, 8: c_uint64}[size](64 << number)
                                                    for number, size in SIZES["PREF"].items()})
    for number, size in SIZES["PREF"].items():
        assert told(lt, "MatmulPreference", wishes, number, {4: c_uint32, 8: c_uint64}[size]) == 64 << number


@pytest.mark.parametrize("path", LIBRARIES, ids=str)
def test_the_library_names_its_statuses(path):
    lt = cublaslt.bound(ctypes.CDLL(str(path)))
    for name, number in NUMBERS.items():
        if name.startswith("CUBLAS_STATUS_"):
            assert lt.cublasLtGetStatusName(number).decode() == name
    with pytest.raises(cublaslt.Refused, match="cublasLtMatmulDescSetAttribute: CUBLAS_STATUS_INVALID_VALUE"):
        cublaslt.made(lt, "MatmulDesc", {cublaslt.EPILOGUE: c_uint8(1)}, 68, 0)
