"""XOR: no line parts it, so one neuron can only say 0.5; one hidden layer is enough.

    python examples/xor.py
"""
import numpy as np

import gpunn
from gpunn import layers

x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
y = np.array([[0], [1], [1], [0]], "float32")


def trained(*hidden):
    gpunn.set_seed(1)
    model = gpunn.Sequential([layers.Input((2,)), *hidden, layers.Dense(1, activation="sigmoid")])
    model.compile(gpunn.optimizers.Adam(0.05), "binary_crossentropy")
    model.fit(x, y, batch_size=4, epochs=500, verbose=0)
    return model


models = {"one neuron": trained(), "8 hidden": trained(layers.Dense(8, activation="tanh"))}
answers = {name: model.predict(x, verbose=0) for name, model in models.items()}
print("inputs  xor ", *[f"{name:>11s}" for name in answers])
for i, (a, b) in enumerate(x):
    print(f"{a:.0f}, {b:.0f} {y[i, 0]:6.0f} ", *[f"{answer[i, 0]:11.3f}" for answer in answers.values()])
for name, model in models.items():
    print(f"{name}: loss {model.evaluate(x, y, verbose=0):.4f}")
assert (np.round(answers["8 hidden"]) == y).all()
assert np.abs(answers["one neuron"] - 0.5).max() < 0.2
