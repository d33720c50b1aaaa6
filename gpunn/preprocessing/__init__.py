"""Data sets from folders and series, images and sequences: Keras' names for what is in `utils`."""
from ..utils.dataset import (image_dataset_from_directory, text_dataset_from_directory,
                             timeseries_dataset_from_array)
from . import image, sequence
