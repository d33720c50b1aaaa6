"""A product is the same to the bit, however many threads work on it."""
import numpy as np
import pytest
from numba import config, get_num_threads, set_num_threads

from gpunn.kernels import cpu

# m, k, n: cut by rows, by columns, by depth; few rows; a column
SIZES = [(500, 300, 70), (64, 200, 700), (40, 20000, 9), (3, 1000, 1100), (3000, 400, 1)]


@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("size", SIZES)
def test_products_do_not_depend_on_the_number_of_threads(size, turned):
    m, k, n = size
    r = np.random.default_rng(0)
    a = r.standard_normal((k, m) if turned[0] else (m, k)).astype(np.float32)
    b = r.standard_normal((n, k) if turned[1] else (k, n)).astype(np.float32)
    before, results = get_num_threads(), []
    try:
        for threads in (1, config.NUMBA_NUM_THREADS):
            set_num_threads(threads)
            results.append(cpu.matmul(a, b, *turned))
    finally:
        set_num_threads(before)
    assert np.array_equal(*results)
