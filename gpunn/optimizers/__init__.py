"""Optimizers, by class and by name."""
from .. import _objects
from . import schedules
from .adam import Adam, AdamW
from .flat import FlatParams
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = ["Adam", "AdamW", "FlatParams", "Optimizer", "RMSprop", "SGD", "deserialize", "get", "schedules", "serialize"]

KNOWN = {c.__name__: c for c in (Adam, AdamW, RMSprop, SGD)}
KNOWN |= {name.lower(): c for name, c in KNOWN.items()}


def get(identifier) -> Optimizer:
    """An optimizer from its name, its config, its class, or itself."""
    return identifier if isinstance(identifier, Optimizer) else _objects.get("optimizer", identifier, KNOWN)


def deserialize(config, custom_objects=None) -> Optimizer:
    return _objects.deserialize("optimizer", config, KNOWN, custom_objects)


def serialize(optimizer) -> dict:
    return _objects.serialize(optimizer)
