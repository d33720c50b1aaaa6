"""Small tools around training."""
from .._objects import (CustomObjectScope, custom_object_scope, get_custom_objects, get_registered_name,
                        get_registered_object, register_keras_serializable)
from ..backend.rng import set_seed
from ..data.batches import pack as pack_x_y_sample_weight
from ..data.batches import unpack as unpack_x_y_sample_weight
from ..data.pydataset import PyDataset
from ..models.objects import deserialize_keras_object, serialize_keras_object
from .labels import normalize, to_categorical
from .sequences import pad_sequences

Sequence = PyDataset
set_random_seed = set_seed

__all__ = ["CustomObjectScope", "PyDataset", "Sequence", "custom_object_scope", "deserialize_keras_object",
           "get_custom_objects", "get_registered_name", "get_registered_object", "normalize", "pack_x_y_sample_weight",
           "pad_sequences", "register_keras_serializable", "serialize_keras_object", "set_random_seed",
           "to_categorical", "unpack_x_y_sample_weight"]
