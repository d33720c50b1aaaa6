"""The perceptron learns two digits by correcting its mistakes, with no gradient at all.

    python examples/perceptron.py
"""
import numpy as np

from gpunn import layers, ops
from gpunn.datasets import digits

RATE = 1.0
train, test = digits.load_data()


def pair(x, y, no=3, yes=8):
    """The images of two digits, with the labels -1 and 1."""
    chosen = (y == no) | (y == yes)
    return x[chosen].reshape(-1, 64).astype("float32") / 16, np.where(y[chosen] == yes, 1, -1)


x, y = pair(*train)
neuron = layers.Dense(1, activation=ops.sign, kernel_initializer="zeros")
neuron.build((None, 64))
order = np.random.default_rng(1)
for epoch in range(1, 51):
    mistakes = 0
    for i in order.permutation(len(x)):
        wrong = y[i] - neuron(x[i:i + 1]).numpy()[0, 0]     # 0 where the answer is right
        if wrong:
            neuron.kernel.assign_add(RATE * wrong * x[i][:, None])
            neuron.bias.assign_add([RATE * wrong])
            mistakes += 1
    print(f"epoch {epoch:2d}: {mistakes:2d} mistakes in {len(x)} images")
    if not mistakes:
        break

x_test, y_test = pair(*test)
accuracy = np.mean(neuron(x_test).numpy()[:, 0] == y_test)
print(f"test accuracy {accuracy:.3f}; the weights as an image of 8x8, from - to #:")
w = neuron.kernel.numpy().reshape(8, 8)
for row in np.digitize(w / np.abs(w).max(), [-0.5, -0.15, 0.15, 0.5]):
    print(" ".join("-. +#"[i] for i in row))
assert accuracy > 0.9 and mistakes == 0
