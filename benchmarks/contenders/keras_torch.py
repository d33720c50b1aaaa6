"""Keras 3's rounds of the lecture's program, on its PyTorch backend."""
import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras  # noqa: E402

from . import decks, serve  # noqa: E402

if __name__ == "__main__":
    serve(decks(keras, keras.utils.set_random_seed))
