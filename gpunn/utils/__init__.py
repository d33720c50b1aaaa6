"""Small tools around training."""
from ..backend.rng import set_seed
from ..data.batches import pack as pack_x_y_sample_weight
from ..data.batches import unpack as unpack_x_y_sample_weight
from ..data.pydataset import PyDataset
from .labels import normalize, to_categorical
from .sequences import pad_sequences

Sequence = PyDataset
set_random_seed = set_seed

__all__ = ["PyDataset", "Sequence", "normalize", "pack_x_y_sample_weight", "pad_sequences", "set_random_seed",
           "to_categorical", "unpack_x_y_sample_weight"]
