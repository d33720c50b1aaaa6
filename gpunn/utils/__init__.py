"""Small tools around training."""
from ..backend.rng import set_seed
from ..data.batches import pack as pack_x_y_sample_weight
from ..data.batches import unpack as unpack_x_y_sample_weight
from ..data.pydataset import PyDataset
from ..callbacks.messages import (disable_interactive_logging, enable_interactive_logging,
                                  is_interactive_logging_enabled)
from ..models.diagram import model_to_dot, plot_model
from .files import get_file
from .labels import normalize, to_categorical
from .progbar import Progbar
from .sequences import pad_sequences
from .session import clear_session, standardize_dtype

Sequence = PyDataset
set_random_seed = set_seed

__all__ = ["Progbar", "PyDataset", "Sequence", "clear_session", "disable_interactive_logging",
           "enable_interactive_logging", "get_file", "is_interactive_logging_enabled", "model_to_dot", "normalize",
           "pack_x_y_sample_weight", "pad_sequences", "plot_model", "set_random_seed", "standardize_dtype",
           "to_categorical", "unpack_x_y_sample_weight"]
