"""What pooling does: it shrinks the maps, saves weights and time, and forgives small shifts.

    python examples/pooling.py
"""
import time

import numpy as np

import gpunn
from gpunn import layers
from gpunn.datasets import mnist_5k

train, (x_test, y_test) = mnist_5k.load_data()
shifted = np.roll(x_test, (2, 2), axis=(1, 2))              # two pixels down, two to the right

image = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
pooled = {"greatest": layers.MaxPooling2D(2)(image), "mean": layers.AveragePooling2D(2)(image)}
print(f"a map of 4x4:\n{image[0, :, :, 0]}")
for name, y in pooled.items():
    print(f"the {name} of each 2x2:\n{y.numpy()[0, :, :, 0]}")


def trained(pooling):
    """-> (parameters, seconds of the second epoch on, accuracy, accuracy on shifted images)"""
    gpunn.set_seed(1)
    model = gpunn.Sequential([layers.Input((28, 28, 1)), layers.Rescaling(1 / 255),
                              layers.Conv2D(16, 3, padding="same", activation="relu"), pooling(),
                              layers.Conv2D(32, 3, padding="same", activation="relu"), pooling(),
                              layers.Flatten(), layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*train, batch_size=64, verbose=0)
    began = time.perf_counter()
    model.fit(*train, batch_size=64, epochs=3, verbose=0)
    seconds = (time.perf_counter() - began) / 3
    scores = [model.evaluate(x, y_test, verbose=0)[1] for x in (x_test, shifted)]
    return model.count_params(), seconds, *scores


rows = {"none": layers.Identity, "max": layers.MaxPooling2D, "average": layers.AveragePooling2D}
rows = {name: trained(pooling) for name, pooling in rows.items()}
print("\npooling  parameters  s / epoch  accuracy  on shifted images")
for name, (size, seconds, accuracy, moved) in rows.items():
    print(f"{name:7s} {size:11,d} {seconds:10.2f} {accuracy:9.3f} {moved:18.3f}")
assert rows["max"][0] < rows["none"][0] / 10
assert rows["max"][3] > rows["none"][3]
