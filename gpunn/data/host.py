"""Data as the user gives it, as NumPy arrays: lists converted, strings refused, labels and weights in form."""
import numpy as np

from .._config import storage
from .._names import require
from ..tensor import Tensor
from ..tree import flatten, map_structure
from .batches import unpack


def host(value, what: str):
    """Arrays, tensors, lists, frames -> NumPy: floats as floatx, 64-bit integers as 32-bit; nested structures stay."""
    if value is None:
        return None
    if isinstance(value, dict):
        return {k: host(v, f"{what}[{k!r}]") for k, v in value.items()}
    if isinstance(value, tuple) or isinstance(value, list) and any(_is_array(v) for v in value):
        return type(value)(host(v, f"{what}[{i}]") for i, v in enumerate(value))
    return _array(value, what)


def _is_array(value) -> bool:
    return hasattr(value, "__array__") and getattr(value, "ndim", 0) > 0


def _array(value, what: str) -> np.ndarray:
    if isinstance(value, Tensor):
        value = value.numpy()
    elif hasattr(value, "get") and hasattr(value, "__cuda_array_interface__"):
        value = value.get()
    if callable(value) and not hasattr(value, "__array__"):
        raise ValueError(f"{what}: expected an array, got the function {value!r}. Fix: call it")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{what}: the samples do not all have the same shape ({error}); pad them, "
                         "see utils.pad_sequences") from None
    if array.dtype.kind in "OUSMm":
        raise ValueError(f"{what}: expected numbers, got {array.dtype} values such as "
                         f"{str(array.reshape(-1)[:1].tolist())[:40]}. Fix: encode words, for example with "
                         "np.unique(labels, return_inverse=True); astype('float32') for numbers")
    require("the data", what, array.ndim > 0, "an array of samples", array)
    if array.dtype.kind == "f" and array.dtype != storage():
        return array.astype(storage())
    return array.astype(np.int32) if array.dtype.kind in "iu" and array.dtype.itemsize == 8 else array


def host_batch(item):
    """What a generator yields: x, (x,), (x, y) or (x, y, sample_weight) -> (x, y, sample_weight)."""
    x, y, weight = unpack((item,) if isinstance(item, list) and len(item) > 3 else item)
    return host(x, "x"), host(y, "y"), host(weight, "sample_weight")


def weigh_classes(y, weight, class_weight: dict):
    """Sample weights with each sample's class weight multiplied in."""
    if isinstance(y, dict | list | tuple) or y is None:
        raise ValueError("fit: class_weight is only for models with one output; use sample_weight")
    require("fit", "class_weight", isinstance(class_weight, dict), "a dictionary, {label: weight, ...}", class_weight)
    labels = y.argmax(-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(len(y)).astype(np.int64)
    known = {int(k): float(v) for k, v in class_weight.items()}
    weights = np.array([known.get(int(c), 1.0) for c in labels], storage())
    return weights if weight is None else weights * weight


def split(data, fraction: float):
    """The last `fraction` of the samples, apart from the rest."""
    require("fit", "validation_split", not isinstance(fraction, str) and 0 < fraction < 1, "between 0 and 1", fraction)
    n = len(next(a for a in flatten(data) if a is not None))
    at = int(n * (1 - fraction))
    if at in (0, n):
        raise ValueError(f"fit: {n} samples cannot be split at validation_split={fraction}: one part would be empty")
    return (map_structure(lambda a: None if a is None else a[:at], data),
            map_structure(lambda a: None if a is None else a[at:], data))
