import pytest

from gpunn.kernels.cuda import launch

from .devices import DEVICES


@pytest.fixture(scope="session", params=DEVICES)
def device(request):
    return DEVICES[request.param]()


@pytest.fixture(autouse=True)
def full_precision(monkeypatch):
    """The bounds of the cases are those of float32."""
    monkeypatch.setitem(launch.settings, "matmul_precision", "highest")
