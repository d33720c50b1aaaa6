"""Objects and files: what users register by name, and how models and weights are kept."""
from .._objects import (CustomObjectScope, custom_object_scope, get_custom_objects, get_registered_name,
                        get_registered_object, register_keras_serializable)
from ..models.files import load_model, load_weights, save_model, save_weights
from ..models.objects import deserialize_keras_object, serialize_keras_object
