"""Dtype policies: in which dtype a layer computes and in which it keeps its weights.

float16 and bfloat16 are float32 arrays whose numbers are all of that dtype: an op computes in float32 and rounds its
result, and so it does with gradients. Numbers are those of the dtype; time and memory are those of float32.
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
