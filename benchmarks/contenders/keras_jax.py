"""Keras 3's rounds, on its JAX backend."""
import os

os.environ.update(KERAS_BACKEND="jax", JAX_PLATFORMS="cpu")

import keras  # noqa: E402

from . import training  # noqa: E402
from .keras_api import train  # noqa: E402

if __name__ == "__main__":
    training(lambda *args: train(keras, *args))
