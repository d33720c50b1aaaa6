"""Run once where Keras 3 is installed: `KERAS_BACKEND=torch python -m tests.golden.record_training`."""
from pathlib import Path

import keras
import numpy as np

from .training_cases import packed, runs

if __name__ == "__main__":
    arrays = {f"{name}/{key}": value for name, run in runs().items() for key, value in packed(run(keras)).items()}
    np.savez_compressed(Path(__file__).with_name("training.npz"), **arrays)
    print(f"{len(arrays)} arrays from Keras {keras.__version__}")
