"""Small tools around training."""
from ..backend.rng import set_seed
from ..data.batches import pack as pack_x_y_sample_weight
from ..data.batches import unpack as unpack_x_y_sample_weight
from ..data.pydataset import PyDataset
from .dataset import (image_dataset_from_directory, split_dataset, text_dataset_from_directory,
                      timeseries_dataset_from_array)
from .image import array_to_img, img_to_array, load_img, save_img
from .labels import normalize, to_categorical
from .sequences import pad_sequences

Sequence = PyDataset
set_random_seed = set_seed

__all__ = ["PyDataset", "Sequence", "array_to_img", "image_dataset_from_directory", "img_to_array", "load_img",
           "normalize", "pack_x_y_sample_weight", "pad_sequences", "save_img", "set_random_seed", "split_dataset",
           "text_dataset_from_directory", "timeseries_dataset_from_array", "to_categorical",
           "unpack_x_y_sample_weight"]
