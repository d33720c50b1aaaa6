import gc

import pytest

from gpunn import _config


def pytest_collection_finish():
    """The collector need not look at 16,000 tests each time that a test waits for it."""
    gc.freeze()


@pytest.fixture(autouse=True)
def settings_of_one_test():
    """A policy that is set, if only to what it was, outlasts a change of floatx, as in Keras; but not the test."""
    before = dict(_config._set)
    yield
    _config._set.update(before)
