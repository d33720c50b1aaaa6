"""gpunn's rounds: `fit`, with its shuffling and its loss of the epoch."""
import sys

import gpunn

from . import decks, plug_in, serve, training
from .keras_api import train

if __name__ == "__main__":
    plug_in()
    if sys.argv[1:] == ["decks"]:
        serve(decks(gpunn, gpunn.set_seed))
    else:
        gpunn.backend.current()                 # the library is there before memory is counted
        training(lambda *args: train(gpunn, *args))
