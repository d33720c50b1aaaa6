import pytest

from .devices import DEVICES


@pytest.fixture(scope="session", params=DEVICES)
def device(request):
    return DEVICES[request.param]()
