"""gpunn's rounds."""
import numpy as np

import gpunn
from gpunn import layers

from . import TINY_STEPS, decks, serve, timed, tiny_data


def tiny():
    """Seconds a step of fit: 2-8-8-1, tanh, Adam, batch 32."""
    model = gpunn.Sequential([layers.Input((2,)), layers.Dense(8, "tanh"), layers.Dense(8, "tanh"), layers.Dense(1)])
    model.compile("adam", "mse")
    x, y = (np.tile(a, (TINY_STEPS, 1)) for a in tiny_data())
    fit = lambda: model.fit(x, y, batch_size=32, verbose=0)                                             # noqa: E731
    fit()
    return lambda: {"seconds": timed(fit) / TINY_STEPS}


if __name__ == "__main__":
    serve({"tiny": tiny, "decks": lambda: decks(gpunn, gpunn.set_seed)})
