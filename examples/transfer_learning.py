"""Transfer learning: convolutions that learnt the digits 0 to 4 are frozen and reused for 5 to 9.

    python examples/transfer_learning.py
"""
import numpy as np

import gpunn
from gpunn import layers
from gpunn.datasets import mnist_5k

FEW = 5                                                     # images of each new digit
(x, y), (x_test, y_test) = mnist_5k.load_data()


def features():
    return gpunn.Sequential([layers.Input((28, 28, 1)), layers.Rescaling(1 / 255),
                             layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2),
                             layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(2),
                             layers.Flatten()], name="features")


def classifier(base, x, y, epochs):
    """A new top for five classes on `base`, trained."""
    model = gpunn.Sequential([base, layers.Dense(5, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
    return model


gpunn.set_seed(2)
low, new = y < 5, y_test >= 5
few = np.concatenate([np.flatnonzero(y == digit)[:FEW] for digit in range(5, 10)])
base = features()
classifier(base, x[low], y[low], epochs=5)

base.trainable = False
before = base.get_weights()
models = {"frozen features": classifier(base, x[few], y[few] - 5, epochs=60),
          "from scratch": classifier(features(), x[few], y[few] - 5, epochs=60)}
models["frozen features"].summary()
assert all(np.array_equal(a, b) for a, b in zip(before, base.get_weights()))

scores = {name: model.evaluate(x_test[new], y_test[new] - 5, verbose=0)[1] for name, model in models.items()}
for name, accuracy in scores.items():
    print(f"{name:15s} {5 * FEW} images of the digits 5 to 9, test accuracy {accuracy:.3f}")
assert scores["frozen features"] > scores["from scratch"]
