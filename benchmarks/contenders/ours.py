"""gpunn's rounds."""
import numpy as np

import gpunn
from gpunn import layers

from . import TINY_STEPS, mnist, serve, timed, tiny_data


def tiny():
    """Seconds a step of fit: 2-8-8-1, tanh, Adam, batch 32."""
    model = gpunn.Sequential([layers.Input((2,)), layers.Dense(8, "tanh"), layers.Dense(8, "tanh"), layers.Dense(1)])
    model.compile("adam", "mse")
    x, y = (np.tile(a, (TINY_STEPS, 1)) for a in tiny_data())
    fit = lambda: model.fit(x, y, batch_size=32, verbose=0)                                             # noqa: E731
    fit()
    return lambda: {"seconds": timed(fit) / TINY_STEPS}


def decks():
    """The lecture's program: 512-ReLU, 10-softmax, RMSprop, 5 epochs, batch 128, all of MNIST."""
    train, test = mnist()
    seeds = iter(range(1, 100))

    def run():
        gpunn.set_seed(next(seeds))
        model = gpunn.Sequential([layers.Dense(512, activation="relu", input_shape=(784,)), layers.Dense(10, activation="softmax")])
        model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
        kept = {}
        seconds = timed(lambda: kept.update(model.fit(*train, epochs=5, batch_size=128, verbose=0).history))
        return {"seconds": seconds, "epoch 1": kept["accuracy"][0], "test": model.evaluate(*test, verbose=0)[1]}
    return run


if __name__ == "__main__":
    serve({"tiny": tiny, "decks": decks})
