"""The doctor on machines that it is told about: no driver, no CuPy, two CuPys, missing libraries."""
import ctypes
import types

import pytest

from gpunn import doctor
from gpunn.backend import cuda
from gpunn.kernels.cuda import cublaslt


@pytest.fixture
def machine(monkeypatch):
    """Sets what is there: machine(wheels, libraries that can be loaded)."""
    def build(wheels, loadable, reason=None):
        def load(name):
            if name not in loadable:
                raise OSError(f"{name}: cannot open shared object file")
            return types.SimpleNamespace(cuDriverGetVersion=lambda at: setattr(at._obj, "value", 12040))
        monkeypatch.setattr(ctypes, "CDLL", load)
        monkeypatch.setattr(cuda, "wheels", lambda: wheels)
        monkeypatch.setattr(cuda, "why_not", lambda: reason)
        backend = types.SimpleNamespace(describe=lambda: "cuda:0 (H200)")
        monkeypatch.setattr(cuda, "cuda_backend", lambda number: backend)
        monkeypatch.setattr(doctor, "library_folders", lambda: iter(()))
        lt = types.SimpleNamespace(cublasLtGetVersion=lambda: 120901)
        monkeypatch.setattr(cublaslt, "found", lambda: (lt, LT) if LT in loadable else (None, "no such file"))
        monkeypatch.setattr(doctor, "cpu", lambda: [("threads", "omp, 2 threads")])
    return build


DRIVER, NVRTC, LT = "libcuda.so.1", "libnvrtc.so.12", "libcublasLt.so.12"


@pytest.mark.parametrize("wheels, loadable, reason, expected", [
    (["cupy-cuda12x"], [NVRTC, LT], None, "install the NVIDIA driver (libcuda.so.1 is missing)"),
    ([], [DRIVER, NVRTC, LT], None, "to repair: pip install 'gpunn[cuda12]'"),
    (["cupy-cuda12x", "cupy-cuda13x"], [DRIVER, NVRTC, LT], None, "pip uninstall cupy-cuda12x cupy-cuda13x"),
    (["cupy-cuda12x"], [DRIVER, LT], None, "NVRTC (libnvrtc.so.12) is not found: pip install 'cupy-cuda12x["),
    (["cupy-cuda13x"], [DRIVER], None, "(libnvrtc.so.13) is not found"),
    (["cupy-cuda12x"], [DRIVER, NVRTC, LT], "no GPU is visible", "to repair: no GPU is visible"),
])
def test_what_is_missing_is_named_with_its_repair(machine, capsys, wheels, loadable, reason, expected):
    machine(wheels, loadable, reason)
    assert doctor.main() == 0
    assert expected in capsys.readouterr().out
    assert doctor.main(require="cuda") == 1


@pytest.mark.parametrize("found, expected", [
    ("not installed", "pip install 'gpunn[cudnn]' nvidia-cudnn-cu13"), ("1.24.0", "frontend 1.24.0")])
def test_cudnn_need_not_be_there(machine, capsys, monkeypatch, found, expected):
    machine(["cupy-cuda13x"], [DRIVER, NVRTC[:-2] + "13"])
    monkeypatch.setattr(doctor, "version", lambda name: found)
    assert doctor.main(require="cuda") == 0
    assert expected in capsys.readouterr().out


def test_a_complete_machine(machine, capsys):
    machine(["cupy-cuda12x"], [DRIVER, NVRTC, LT])
    assert doctor.main(require="cuda") == 0
    text = capsys.readouterr().out
    assert "for CUDA up to 12.4" in text and "cuda:0 (H200)" in text and "the GPU is ready" in text
    assert f"{LT}, version 12.9.1" in text


def test_without_cublaslt_the_gpu_is_ready_too(machine, capsys):
    machine(["cupy-cuda13x"], [DRIVER, NVRTC[:-2] + "13"])
    assert doctor.main(require="cuda") == 0
    text = capsys.readouterr().out
    assert "gpunn's own kernels multiply, slower; pip install 'cupy-cuda13x[ctk]'" in text and "GPU is ready" in text


def test_this_machine_is_described(capsys):
    doctor.main()
    text = capsys.readouterr().out
    assert all(word in text for word in ("Python", "numba", "threads", "kernel cache", "driver", "CuPy"))


def test_libraries_beside_cupy_are_found_without_the_system(tmp_path, monkeypatch):
    folder = tmp_path / "nvidia" / "cuda_nvrtc" / "lib"
    folder.mkdir(parents=True)
    (folder / NVRTC).touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    problems = []
    assert doctor.library("NVRTC", NVRTC, 12, problems) == str(folder / NVRTC) and not problems
