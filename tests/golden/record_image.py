"""Record image.npz from Keras 3: KERAS_BACKEND=torch python -m tests.golden.record_image"""
from pathlib import Path

import keras
import numpy as np

from tests.golden.image_cases import CASES, X

if __name__ == "__main__":
    values = {}
    for i, (name, args, options) in enumerate(CASES):
        y = getattr(keras.ops.image, name)(X, *args, **options, data_format="channels_last")
        values[str(i)] = keras.ops.convert_to_numpy(y)
    np.savez_compressed(Path(__file__).parent / "image.npz", **values)
