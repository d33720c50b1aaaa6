"""Optimizers, by class and by name."""
from .. import _objects
from . import schedules
from .adafactor import Adafactor
from .adagrad import Adadelta, Adagrad, Ftrl
from .adam import Adam, Adamax, AdamW, Lamb, Nadam, ScheduleFreeAdamW
from .flat import FlatParams
from .loss_scale import LossScaleOptimizer
from .momentum import SGD, Lion, RMSprop
from .muon import Muon
from .optimizer import Optimizer

KNOWN = {c.__name__: c for c in (Adadelta, Adafactor, Adagrad, Adam, Adamax, AdamW, Ftrl, Lamb, Lion,
                                 LossScaleOptimizer, Muon, Nadam, RMSprop, SGD, ScheduleFreeAdamW)}
KNOWN |= {name.lower(): c for name, c in KNOWN.items()}
get, deserialize = _objects.lookups("optimizer", KNOWN)
serialize = _objects.serialize
