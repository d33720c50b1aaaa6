"""The floors count what a workload really has; the description can be built."""
import math

import numpy as np
import pytest

import gpunn
from benchmarks import floor, single, workloads
from benchmarks.contenders import keras_api


@pytest.mark.parametrize("name", workloads.ALL)
def test_the_weights_counted_are_those_of_the_model(name):
    work = workloads.ALL[name]
    model = keras_api.compiled(gpunn, work)
    trained = sum(math.prod(w.shape) for w in model.trainable_weights)
    gru_bias = sum(math.prod(w.shape[1:]) for w in model.weights if w.ndim == 2 and "gru_cell/bias" in w.path)
    assert floor.counted(work).weights == trained - gru_bias              # its second bias is Keras' own


def test_products_in_closed_form():
    flops, moved = floor.work_of(workloads.SIX["tiny"])
    assert flops == 2 * 32 * (2 * 2 * 8 + 3 * (8 * 8 + 8 * 1))
    assert moved == 4 * (7 * (3 * 8 + 9 * 8 + 9) + 4 * 32 * (8 + 8 + 1))
    flops, _ = floor.work_of(workloads.SIX["cnn"])
    first, second = 26 * 26 * 9 * 32, 11 * 11 * 9 * 32 * 64
    assert flops == 2 * 128 * (2 * first + 3 * (second + 1600 * 10))


def test_a_few_rounds_of_data():
    x, y = workloads.data(workloads.SIX["gpt"], 2)
    assert x.shape == y.shape == (32, 128) and x.dtype == y.dtype == np.int32 and x.max() < 96
    x, y = workloads.data(workloads.SIX["cnn"])
    assert x.shape == (128, 28, 28, 1) and x.dtype == np.float32 and y.shape == (128,)


def test_a_convolution_counts_the_same_in_its_three_kernels():
    for kernel in single.convolution(2, 5, 3, 4, 3, 2):
        assert kernel.flops == 2 * (2 * 3 * 3 * 4) * 27
        assert kernel.moved == 2 * 25 * 3 + 27 * 4 + 2 * 9 * 4
