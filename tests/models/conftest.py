import pytest

import gpunn
from gpunn import backend
from tests import sim
from tests.kernels.devices import has_gpu


@pytest.fixture(params=["cpu", "sim", *(["cuda"] if has_gpu() else [])])
def device(request):
    """New arrays go to this device for the length of a test."""
    if request.param == "sim":
        sim.install()
    before = backend.device()
    yield gpunn.use(request.param)
    gpunn.use(before)


@pytest.fixture
def full_precision():
    """A GPU multiplies as a CPU does."""
    before = gpunn.config.matmul_precision()
    gpunn.config.set_matmul_precision("highest")
    yield
    gpunn.config.set_matmul_precision(before)


@pytest.fixture(autouse=True)
def machine_code(monkeypatch):
    """Short trainings are replayed as long ones are: from the first replay on as one piece of machine code."""
    from gpunn.kernels.cpu import native
    monkeypatch.setattr(native, "PATIENCE", 0)
