"""Dense layers against convolutions on Fashion-MNIST, after the same number of epochs.

    python examples/fashion_mnist.py [epochs]        handwritten digits where Fashion-MNIST is not on this machine
"""
import sys

import gpunn
from gpunn import layers
from gpunn.datasets import fashion_mnist, mnist_5k

EPOCHS = int(sys.argv[1]) if len(sys.argv) > 1 else 5


def dense():
    return [layers.Flatten(), layers.Dense(512, activation="relu")]


def convolutions():
    return [layers.Conv2D(32, 3, padding="same", activation="relu"), layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, padding="same", activation="relu"), layers.MaxPooling2D(2),
            layers.Flatten(), layers.Dense(128, activation="relu")]


def trained(body, train, test) -> float:
    """Test accuracy of a network with this body."""
    gpunn.set_seed(1)
    model = gpunn.Sequential([layers.Input((28, 28, 1)), layers.Rescaling(1 / 255), *body(),
                              layers.Dense(10, activation="softmax")],
                             name=body.__name__)
    model.summary()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*train, epochs=EPOCHS, batch_size=128)
    return model.evaluate(*test, batch_size=1000, verbose=0)[1]


found = fashion_mnist.find_data()
data = found or mnist_5k.load_data()
print("Fashion-MNIST" if found else "Fashion-MNIST is not on this machine: 5,000 images of MNIST")
scores = {body.__name__: trained(body, *data) for body in (dense, convolutions)}
for name, accuracy in scores.items():
    print(f"{name:<13} test accuracy {accuracy:.4f}")
assert scores["convolutions"] > scores["dense"] > 0.8
