"""Small tools around training."""
from .._config import disable_interactive_logging, enable_interactive_logging, is_interactive_logging_enabled
from .._objects import (CustomObjectScope, custom_object_scope, get_custom_objects, get_registered_name,
                        get_registered_object, register_keras_serializable)
from ..backend.names import clear_session, is_keras_tensor, standardize_dtype
from ..backend.rng import set_seed
from ..data.batches import pack as pack_x_y_sample_weight
from ..data.batches import unpack as unpack_x_y_sample_weight
from ..data.pydataset import PyDataset
from ..models.diagram import model_to_dot, plot_model
from ..models.objects import deserialize_keras_object, serialize_keras_object
from .arrays import normalize, pad_sequences, to_categorical
from .audio import audio_dataset_from_directory
from .files import get_file
from .dataset import (image_dataset_from_directory, split_dataset, text_dataset_from_directory,
                      timeseries_dataset_from_array)
from .image import array_to_img, img_to_array, load_img, save_img
from .progbar import Progbar

Sequence = PyDataset
set_random_seed = set_seed
