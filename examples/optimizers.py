"""The optimizers that lectures compare: how fast the loss falls, and how well the network does at the end.

    python examples/optimizers.py [epochs]
"""
import sys

import gpunn
from gpunn import layers, optimizers
from gpunn.callbacks import LearningRateFinder
from gpunn.datasets import mnist_5k
from gpunn.optimizers.schedules import OneCycle

EPOCHS = int(sys.argv[1]) if len(sys.argv) > 1 else 10
BATCH = 64
ROWS = {
    "SGD": optimizers.SGD(0.05), "momentum": optimizers.SGD(0.05, momentum=0.9),
    "Nesterov": optimizers.SGD(0.05, momentum=0.9, nesterov=True), "Adagrad": optimizers.Adagrad(0.01),
    "RMSprop": optimizers.RMSprop(0.001), "Adam": optimizers.Adam(0.001), "Nadam": optimizers.Nadam(0.001),
    "AdaMax": optimizers.Adamax(0.002),
}
train, test = mnist_5k.load_data()


def network(optimizer):
    gpunn.set_seed(1)
    model = gpunn.Sequential([layers.Input((28, 28)), layers.Rescaling(1 / 255), layers.Flatten(),
                              layers.Dense(100, activation="relu"), layers.Dense(100, activation="relu"),
                              layers.Dense(10, activation="softmax")])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def report(name, optimizer):
    model = network(optimizer)
    losses = model.fit(*train, batch_size=BATCH, epochs=EPOCHS, verbose=0).history["loss"]
    accuracy = model.evaluate(*test, verbose=0)[1]
    print(f"{name:10s} loss after one epoch {losses[0]:.3f}, after {EPOCHS} {losses[-1]:.4f}; accuracy {accuracy:.3f}")
    return losses[-1]


losses = {name: report(name, optimizer) for name, optimizer in ROWS.items()}
finder = LearningRateFinder(1e-4, 10.0)
network(optimizers.SGD(0.01, momentum=0.9)).fit(*train, batch_size=BATCH, epochs=2, verbose=0, callbacks=[finder])
steps = EPOCHS * -(-len(train[0]) // BATCH)
print(f"the learning-rate finder suggests {finder.suggestion:.3f}")
# five times that: the cycle is at its top for a moment only
report("1cycle", optimizers.SGD(OneCycle(5 * finder.suggestion, steps), momentum=0.9))
assert max(losses["momentum"], losses["Nesterov"], losses["Adam"]) < losses["SGD"]
assert 0.001 < finder.suggestion < 1
