import gc

import pytest

from gpunn import _config


@pytest.fixture(autouse=True, scope="module")
def what_is_old_is_left_alone():
    """The collector need not look at 16,000 tests and all that is compiled each time that a test waits for it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def settings_of_one_test():
    """A policy that is set, if only to what it was, outlasts a change of floatx, as in Keras; but not the test."""
    before = dict(_config._set)
    yield
    _config._set.update(before)
