"""Object detection: which digit is in a large picture, and where? One network with two outputs and two losses.

    python examples/find_the_digit.py [epochs]
"""
import sys

import numpy as np

import gpunn
from gpunn import layers
from gpunn.datasets import mnist_5k

EPOCHS = int(sys.argv[1]) if len(sys.argv) > 1 else 8
SIDE, DIGIT = 40, 28


def scenes(images, labels, copies: int, seed: int):
    """Digits at random places among specks: pictures (n, 40, 40, 1), and what is where: (digits, boxes)."""
    dice = np.random.default_rng(seed)
    images, labels = np.repeat(images, copies, 0), np.repeat(labels, copies)
    pictures = (dice.random((len(images), SIDE, SIDE, 1)) < 0.02).astype(np.float32)
    corners = dice.integers(0, SIDE - DIGIT, (len(images), 2), endpoint=True)
    boxes = np.empty((len(images), 4), np.float32)
    for picture, image, (top, left), box in zip(pictures, images, corners, boxes):
        picture[top:top + DIGIT, left:left + DIGIT, 0] += image / 255
        rows, columns = np.nonzero(image.any(1))[0], np.nonzero(image.any(0))[0]
        box[:] = top + rows[0], left + columns[0], top + rows[-1] + 1, left + columns[-1] + 1
    return pictures, {"digit": labels, "box": boxes / SIDE}


def overlap(a, b):
    """Intersection over union of boxes (n, 4): top, left, bottom, right"""
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    shared = np.maximum(sides, 0).prod(1)
    return shared / ((a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - shared)


def convolutions(x, filters: int):
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return layers.MaxPooling2D(2)(layers.ReLU()(layers.BatchNormalization()(x)))


gpunn.set_seed(1)
(x, y), (u, v) = mnist_5k.load_data()
pictures, truth = scenes(x, y, 2, 0)
picture = layers.Input((SIDE, SIDE, 1))
features = layers.Flatten()(convolutions(convolutions(convolutions(picture, 12), 24), 32))
hidden = layers.Dropout(0.2)(layers.Dense(128, activation="relu")(features))
model = gpunn.Model(picture, {"digit": layers.Dense(10, activation="softmax", name="digit")(hidden),
                              "box": layers.Dense(4, activation="sigmoid", name="box")(hidden)})
model.compile("adam", {"digit": "sparse_categorical_crossentropy", "box": "mae"}, loss_weights={"digit": 1, "box": 10},
              metrics={"digit": ["accuracy"]})
model.fit(pictures, truth, epochs=EPOCHS, batch_size=50)

pictures, truth = scenes(u, v, 1, 1)
found = model.predict(pictures, verbose=0)
right = found["digit"].argmax(-1) == truth["digit"]
overlaps = overlap(found["box"], truth["box"])
print(f"digits right {right.mean():.3f}, mean overlap of boxes {overlaps.mean():.3f}, "
      f"found and right {(right & (overlaps > 0.5)).mean():.3f}")
for i in range(3):
    print(f"picture {i}: digit {found['digit'][i].argmax()} for {truth['digit'][i]}, box "
          f"{(found['box'][i] * SIDE).round().astype(int)} for {(truth['box'][i] * SIDE).round().astype(int)}")
assert right.mean() > 0.85 and overlaps.mean() > 0.7
