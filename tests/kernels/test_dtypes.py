"""A CUDA kernel would misread an array of another dtype: the launcher refuses it, by the parameter's name."""
import numpy as np
import pytest

from .devices import Sim

SINGLE, DOUBLE = np.ones((1, 3, 3, 2), np.float32), np.ones((1, 3, 3, 2))
MATRIX, LONG = np.ones((2, 4), np.float32), np.zeros(4, np.int64)
MISTAKES = {
    "binary: b is float64 where float32": lambda k, put: k.binary("add", put(SINGLE), put(DOUBLE)),
    "where: b is float64 where float32": lambda k, put: k.where(put(SINGLE > 0), put(SINGLE), put(DOUBLE)),
    "where: condition is float32 where bool": lambda k, put: k.where(put(SINGLE), put(SINGLE), put(SINGLE)),
    "matmul: a is float64 where float32":
        lambda k, put: k.matmul(put(np.ones((3, 3))), put(SINGLE[0, 0]), out=put(SINGLE[0, 0])),
    "matmul: b is float64 where float32": lambda k, put: k.matmul(put(SINGLE[0, 0]), put(np.ones((2, 4)))),
    "matmul: bias is float64 where float32":
        lambda k, put: k.dense(put(SINGLE[0, 0]), put(MATRIX), put(np.ones(4))),
    "conv: b is float64 where float32":
        lambda k, put: k.conv(put(SINGLE), put(np.ones((2, 2, 2, 5))), None, (1, 1), ((0, 0), (0, 0)), (1, 1)),
    "pick: labels is int64 where int32": lambda k, put: k.pick(put(MATRIX.T.copy()), put(LONG)),
    "gather: ids is int64 where int32": lambda k, put: k.gather(put(SINGLE), put(LONG)),
    "optimize: hyper is float64 where float32":
        lambda k, put: k.optimize("sgd", put(SINGLE), put(SINGLE), (), put(np.ones(4))),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_the_dtype_of_an_array_is_checked(message):
    device = Sim()
    with pytest.raises(TypeError, match=f"{message} is expected .*: cast it with copy"):
        MISTAKES[message](device.kernels, device.put)
