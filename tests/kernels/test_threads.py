"""A result is the same to the bit, however many threads work on it."""
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
    same_for_any_threads(lambda: [cpu.matmul(a, b, *turned)])


def same_for_any_threads(run):
    before, results = get_num_threads(), []
    try:
        for threads in (1, config.NUMBA_NUM_THREADS):
            set_num_threads(threads)
            results.append(run())
    finally:
        set_num_threads(before)
    for one, other in zip(*results, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("shape", [(16411, 10), (4099, 65), (517, 300)])
def test_rows_do_not_depend_on_the_number_of_threads(shape):
    r = np.random.default_rng(0)
    x, dy = (r.standard_normal(shape).astype(np.float32) for _ in range(2))
    labels, gamma, need = r.integers(0, shape[1], shape[0], np.int32), dy[0], (True, True, True)

    def run():
        y, mean, rstd = cpu.batch_norm(x, gamma, gamma, mean_of_all.copy(), gamma.copy(), 0.9, 1e-3, dy, "relu")
        normal, *of_rows = cpu.layer_norm(x, gamma, gamma, 1e-3)
        return [y, mean, rstd, *cpu.batch_norm_backward(dy, x, gamma, mean, rstd, (*need, True), y, "relu"), normal,
                *of_rows, *cpu.layer_norm_backward(dy, x, gamma, *of_rows, need), cpu.softmax(x), cpu.log_softmax(x),
                *cpu.softmax_cross_entropy(x, labels), cpu.softmax_cross_entropy_backward(dy[:, 0].copy(), x, labels),
                *cpu.bias_backward("tanh", dy, y, (True, True)),
                *[cpu.reduce(name, x, axis) for name in ("sum", "max", "min", "mean") for axis in (None, 0, 1)]]

    mean_of_all = x.mean(0)
    same_for_any_threads(run)


def test_rows_beyond_the_caches_by_any_number_of_threads():
    r = np.random.default_rng(0)
    x, labels = r.standard_normal((65540, 128)).astype(np.float32), r.integers(-1, 129, 65540, np.int32)
    x[0], x[1, :64] = -np.inf, -np.inf
    dloss, rows, inside = x[:, 7].clip(-3, 3), np.arange(65540), (labels >= 0) & (labels < 128)
    powers = np.exp(x.astype(np.float64))
    truth = powers / np.maximum(powers.sum(-1, keepdims=True), 1e-9)          # a row of nothing but -inf is zeros
    np.testing.assert_allclose(cpu.softmax(x), truth, rtol=1e-5)
    truth[rows[inside], labels[inside]] -= 1
    np.testing.assert_allclose(cpu.softmax_cross_entropy_backward(dloss, x, labels), truth * dloss[:, None], atol=1e-6)
    same_for_any_threads(lambda: [cpu.softmax(x), cpu.softmax_cross_entropy_backward(dloss, x, labels)])
