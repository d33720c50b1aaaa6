import pytest

from gpunn import config


@pytest.fixture(autouse=True, scope="package")
def all_digits():
    """A GPU that multiplies in TF32 gives fewer than the bounds ask for."""
    before = config.matmul_precision()
    config.set_matmul_precision("highest")
    yield
    config.set_matmul_precision(before)
