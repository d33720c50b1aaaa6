"""What a device offers: arrays, kernels, and the recording of a step."""
from types import ModuleType

import numpy as np

from .._config import storage
from .memory import persistent


class Uncapturable(RuntimeError):
    """A step did something that a replay could not repeat; the step runs eagerly instead."""


class Backend:
    """name: "cpu", "cuda:0" ...; xp: numpy or cupy, for views and shapes; kernels: those of kernels/README.md."""

    name: str
    xp: ModuleType
    array_type: type
    kernels: ModuleType
    steps_in_one = 1            # where the user leaves it to us
    lanes = 1                   # in which batches of one shape travel to the device
    halves: dict = {}           # "float16", "bfloat16": the dtypes of arrays of two bytes a number, where there are any

    def describe(self) -> str:
        """The words after "gpunn:" in the device line."""
        raise NotImplementedError

    def asarray(self, value, dtype=None):
        """A contiguous array on this device."""
        raise NotImplementedError

    def to_numpy(self, array) -> np.ndarray:
        raise NotImplementedError

    def argsort(self, x, first: int | None = None):
        """Places in stable order along the last axis, NaN last: the first ones, or all."""
        return self.xp.argsort(x, axis=-1, kind="stable")[..., :first]

    def free_bytes(self) -> int | None:
        """What new arrays may take; None where the system decides."""
        return None

    def has_room(self, nbytes: int) -> bool:
        """For a data set of this size."""
        return True

    def lane(self, arrays):
        """Buffers for batches like these, with `fill(arrays)` before a step and `release()` after it."""
        return Lane(arrays)

    def recorder(self):
        """An object with `eager(step, pure)`: run it as it is; and `record(step)`: run it once while writing it down,
        giving (its result, a function that repeats it or None, why it cannot be repeated or None); `bytes`: what the
        recorded step keeps for its temporaries."""
        raise NotImplementedError


class Lane:
    """Where the host's memory is the device's."""

    def __init__(self, arrays):
        self.buffers = [persistent(np.empty(a.shape, a.dtype)) for a in arrays]

    def fill(self, arrays):
        for buffer, a in zip(self.buffers, arrays, strict=True):
            np.copyto(buffer, a)

    def release(self):
        """Nothing waits."""


def host_array(value, dtype=None) -> np.ndarray:
    """Anything array-like as a contiguous NumPy array with Keras' default dtypes."""
    if not hasattr(value, "dtype"):
        value = np.asarray(value)
        if dtype is None:
            dtype = {"f": storage(), "i": "int32"}.get(value.dtype.kind)
    elif not isinstance(value, np.ndarray):
        value = np.asarray(value)
    if value.dtype == np.float16 and dtype is None:
        dtype = "float32"                               # layers and casts make 16 bits of it where they want them
    if value.dtype.kind not in "biuf" and dtype is None:
        raise TypeError(f"expected numbers, got an array of dtype {value.dtype}; "
                        "encode strings and objects as numbers first")
    return np.array(value, dtype=dtype, order="C", copy=None, ndmin=0)
