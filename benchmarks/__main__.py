"""`python -m benchmarks [result.json]`: a training step of two networks, recorded and not recorded."""
import sys

import numpy as np

import gpunn
from gpunn import layers

from . import harness

BATCH = 128


def mlp():
    hidden = layers.Dense(512, activation="relu")
    return [layers.Input((784,)), hidden, layers.Dense(10, activation="softmax")]


def cnn():
    return [layers.Input((28, 28, 1)), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"), layers.Flatten(), layers.Dense(10, activation="softmax")]


def trained(network, eager: bool):
    """A function that trains on one batch and waits for the loss."""
    gpunn.set_seed(0)
    model = gpunn.Sequential(network())
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=eager)
    dice = np.random.default_rng(0)
    x = dice.random((BATCH, *model.input_shape[1:]), np.float32)
    y = dice.integers(0, 10, BATCH).astype(np.int32)
    return lambda: model.train_on_batch(x, y)


def main(arguments: list[str]) -> None:
    results = {}
    for network in (mlp, cnn):
        contenders = {"eager": trained(network, True), "recorded": trained(network, False)}
        title = f"{network.__name__}, batch of {BATCH}, {gpunn.device()}"
        results[title] = harness.summary(harness.paired(contenders))
        print(harness.table(title, results[title]), flush=True)
    if arguments:
        harness.save(arguments[0], results)


main(sys.argv[1:])
