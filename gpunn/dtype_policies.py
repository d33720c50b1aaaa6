"""Dtype policies: in which dtype a layer computes and in which it keeps its weights.

On a GPU float16 and bfloat16 are arrays of two bytes a number; a CPU emulates them by float32 arrays whose numbers
are all of that dtype (see halves.py).
"""
from . import _objects
from ._config import DTypePolicy, as_policy

FloatDTypePolicy = DTypePolicy
serialize = _objects.serialize


def get(identifier) -> DTypePolicy:
    """A policy from None (the one that is set), a name, a config or a policy."""
    return as_policy(identifier, "get")


def deserialize(config, custom_objects: dict | None = None) -> DTypePolicy:
    return _objects.deserialize("dtype policy", config, {"DTypePolicy": DTypePolicy}, custom_objects)
