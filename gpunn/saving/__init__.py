"""Objects and files: what users register by name, and how models and weights are kept."""
from .._objects import (CustomObjectScope, custom_object_scope, get_custom_objects, get_registered_name,
                        get_registered_object, register_keras_serializable)
from ..models.files import load_model, save_model
from ..models.objects import deserialize_keras_object, serialize_keras_object


def save_weights(model, filepath, overwrite: bool = True):
    model.save_weights(filepath, overwrite)


def load_weights(model, filepath, skip_mismatch: bool = False):
    model.load_weights(filepath, skip_mismatch)
