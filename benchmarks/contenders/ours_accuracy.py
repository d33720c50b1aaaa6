"""`python -m benchmarks.contenders.ours_accuracy SET TARGET EPOCHS`: trains until so many test images are told.

One line: {"accuracy", "epochs"}, or {"left out"} where the images are not on this machine.
"""
import os
import sys

import numpy as np

import gpunn
from gpunn import datasets, layers

from . import plug_in, tell

BATCH, FEW = 250, 20            # a batch divides both parts: the last one is like the others


def data(name: str):
    """((x, y), (x, y)) or None; `few`: a handful of small images that come along"""
    if name == "few":
        (x, y), (u, v) = datasets.digits.load_data()
        return (x[:FEW], y[:FEW]), (u[:FEW], v[:FEW])
    return getattr(datasets, name).find_data()


def images(x):
    return np.float32(x[..., None]) / 255


def network(shape, filters: int):
    """Two pairs of convolutions, each with batch norm and pooling, and a dense layer before the last."""
    def convolutions(width):
        return [layers.Conv2D(width, 3, padding="same", use_bias=False), layers.BatchNormalization(), layers.ReLU()]
    return gpunn.Sequential([
        layers.Input((*shape, 1)), *convolutions(filters), *convolutions(filters), layers.MaxPooling2D(2),
        *convolutions(2 * filters), *convolutions(2 * filters), layers.MaxPooling2D(2), layers.Dropout(0.3),
        layers.Flatten(), layers.Dense(8 * filters, activation="relu"), layers.Dropout(0.3), layers.Dense(10)])


class Until(gpunn.callbacks.Callback):
    def __init__(self, target: float):
        super().__init__()
        self.target = target

    def on_epoch_end(self, epoch, logs=None):
        self.reached, self.epochs = logs["val_accuracy"], epoch + 1
        self.model.stop_training = self.reached >= self.target


def train(name: str, target: float, epochs: int) -> dict:
    found = data(name)
    if found is None:
        return {"left out": f"{name} is not on this machine: GPUNN_DATA names its folder"}
    (x, y), (u, v) = found
    gpunn.set_seed(1)
    model = network(x.shape[1:], 2 if name == "few" else 32)
    model.compile(gpunn.optimizers.Adam(1e-3), gpunn.losses.SparseCategoricalCrossentropy(from_logits=True),
                  metrics=["accuracy"])
    until = Until(target)
    model.fit(images(x), y, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[until],
              validation_data=(images(u), v))
    return {"accuracy": float(until.reached), "epochs": until.epochs}


if __name__ == "__main__":
    plug_in()
    gpunn.use(os.environ["GPUNN_DEVICE"])
    tell(train(sys.argv[1], float(sys.argv[2]), int(sys.argv[3])))
