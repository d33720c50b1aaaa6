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
get, deserialize = _objects.lookups("optimizer", KNOWN)
serialize = _objects.serialize
