"""gpunn's rounds, with as many steps in one launch as are good for the device."""
import gpunn

from . import plug_in, training
from .keras_api import train

if __name__ == "__main__":
    plug_in()
    training(lambda *args: train(gpunn, *args, steps_per_execution="auto"))
