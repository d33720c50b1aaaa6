import pytest

from .devices import DEVICES


@pytest.fixture(scope="session", params=DEVICES)
def device(request):
    return DEVICES[request.param]()


@pytest.fixture(scope="session", params=[name for name in DEVICES if name != "cpu"])
def gpu(request):
    """What keeps floats of 16 bits"""
    return DEVICES[request.param]()
