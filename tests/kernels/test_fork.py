"""How many threads there are: chosen by the user, one in a process that was forked off."""
import multiprocessing
import os
import subprocess
import sys

import numpy as np
import pytest

import gpunn
from gpunn.kernels import cpu
from gpunn.kernels.cpu import fork

CORES = fork.POOL_SIZE


def product():
    """Large enough for all threads."""
    x = np.random.default_rng(0).normal(size=(300, 300)).astype("float32")
    return cpu.matmul(x, x)


def fits():
    gpunn.set_seed(1)
    model = gpunn.Sequential([gpunn.Input((300,)), gpunn.layers.Dense(300, "relu"), gpunn.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(np.ones((900, 300)), np.ones((900, 1)), batch_size=300, epochs=3, verbose=0)
    return model.get_weights()


def trained_here(send):
    send.send((fork.threads(), fits()))


@pytest.mark.parametrize("method", {"fork"} & set(multiprocessing.get_all_start_methods()))
def test_a_forked_process_trains_alone_with_the_same_numbers(method):
    expected = fits()                                   # the pool has worked: its threads are not in the child
    receive, send = multiprocessing.Pipe()
    child = multiprocessing.get_context(method).Process(target=trained_here, args=(send,), daemon=True)
    child.start()
    assert receive.poll(60), "the child hangs"
    threads, weights = receive.recv()
    child.join(10)
    assert child.exitcode == 0 and threads == 1 and fork.threads() == CORES
    for ours, theirs in zip(weights, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


def test_the_number_of_threads_changes_no_product():
    together = product()
    gpunn.set_num_threads(1)
    try:
        np.testing.assert_array_equal(product(), together)
        assert fork.threads() == 1
    finally:
        gpunn.set_num_threads(CORES)


@pytest.mark.parametrize("number", [0, -1, CORES + 1, "two", 1.5, True])
def test_a_wrong_number_of_threads(number):
    with pytest.raises(ValueError, match=f"set_num_threads: expected a whole number of threads from 1 to {CORES}, got"):
        gpunn.set_num_threads(number)


@pytest.mark.parametrize("value, says", [
    ("1", "1 threads"), ("", f"{CORES} threads"), ("none", "GPUNN_NUM_THREADS: expected a whole number of threads"),
])
def test_the_environment_sets_it(value, says):
    run = subprocess.run([sys.executable, "-c", "import gpunn; gpunn.use('cpu')"], capture_output=True, text=True,
                         env=os.environ | {"GPUNN_NUM_THREADS": value})
    assert says in run.stderr
