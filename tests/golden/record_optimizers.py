"""Run once where Keras 3 is installed: `KERAS_BACKEND=numpy python -m tests.golden.record_optimizers`.

On torch, ScheduleFreeAdamW takes the new momentum for the old one, which it overwrote."""
from pathlib import Path

import keras
import numpy as np

from .optimizer_cases import cases, run

if __name__ == "__main__":
    found = {name: run(keras, *case) for name, case in cases().items()}
    texts = {f"{name}/names": each.pop("names") for name, each in found.items()}
    # one array a case: a file in the archive costs more than its numbers
    arrays = {name: np.concatenate([np.ravel(value) for value in each.values()]) for name, each in found.items()}
    path = Path(__file__).with_name("optimizers.npz")
    np.savez_compressed(path, **arrays, **texts)
    print(f"{len(arrays)} trainings from Keras {keras.__version__}, {path.stat().st_size} bytes")
