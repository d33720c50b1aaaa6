"""Keras 3's rounds, on its PyTorch backend."""
import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras  # noqa: E402

from . import mnist, serve, timed  # noqa: E402


def decks():
    """The lecture's program: 512-ReLU, 10-softmax, RMSprop, 5 epochs, batch 128, all of MNIST."""
    train, test = mnist()
    seeds = iter(range(1, 100))

    def run():
        keras.utils.set_random_seed(next(seeds))
        model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(512, activation="relu"),
                                  keras.layers.Dense(10, activation="softmax")])
        model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
        kept = {}
        seconds = timed(lambda: kept.update(model.fit(*train, epochs=5, batch_size=128, verbose=0).history))
        return {"seconds": seconds, "epoch 1": kept["accuracy"][0], "test": model.evaluate(*test, verbose=0)[1]}
    return run


if __name__ == "__main__":
    serve({"decks": decks})
