"""Objects and files: what users register by name, and how weights are kept."""
from .._objects import (CustomObjectScope, custom_object_scope, get_custom_objects, get_registered_name,
                        get_registered_object, register_keras_serializable)


def save_weights(model, filepath, overwrite: bool = True):
    model.save_weights(filepath, overwrite)


def load_weights(model, filepath, skip_mismatch: bool = False):
    model.load_weights(filepath, skip_mismatch)


__all__ = ["CustomObjectScope", "custom_object_scope", "get_custom_objects", "get_registered_name",
           "get_registered_object", "load_weights", "register_keras_serializable", "save_weights"]
