"""A network that reads characters one by one learns to spell, and writes some text of its own.

    python examples/char_rnn.py        the text is Python's own manual, which lies in the standard library
"""
from pydoc_data.topics import topics

import numpy as np

import gpunn
from gpunn import layers
from gpunn.callbacks import LambdaCallback

LENGTH, EPOCHS = 64, 10
text = "".join(topics[name] for name in sorted(topics))[:100_000]
alphabet = sorted(set(text))
codes = np.array([alphabet.index(c) for c in text], "int32")


def write(model, start: str, length: int = 120) -> str:
    """`start`, continued with characters drawn by their probabilities, sharpened."""
    written, draw = start, np.random.default_rng(0)
    for _ in range(length):
        seen = np.zeros((1, LENGTH), "int32")
        seen[0, :len(written)] = [alphabet.index(c) for c in written[-LENGTH:]]
        p = model.predict(seen, verbose=0)[0, min(len(written), LENGTH) - 1] ** 2
        written += alphabet[draw.choice(len(p), p=p / p.sum())]
    return written


gpunn.set_seed(1)
n = (len(codes) - 1) // LENGTH
x, y = codes[:n * LENGTH].reshape(n, LENGTH), codes[1:n * LENGTH + 1].reshape(n, LENGTH)
model = gpunn.Sequential([layers.Input((LENGTH,), dtype="int32"), layers.Embedding(len(alphabet), 32),
                          layers.GRU(128, return_sequences=True), layers.Dense(len(alphabet), activation="softmax")])
model.compile(gpunn.optimizers.Adam(0.004), "sparse_categorical_crossentropy")
show = LambdaCallback(on_epoch_end=lambda epoch, logs: print(
    f"epoch {epoch + 1:2d}, {logs['val_loss'] / np.log(2):.2f} bits a character: {write(model, 'The ', 60)!r}"))
history = model.fit(x, y, validation_split=0.1, batch_size=32, epochs=EPOCHS, verbose=0, callbacks=[show])

p = np.bincount(codes) / len(codes)
alone = -(p * np.log2(p)).sum()
bits = history.history["val_loss"][-1] / np.log(2)
print(f"\n{write(model, 'The ', 300)}\n")
print(f"{bits:.2f} bits a character on unseen text; without the characters before it {alone:.2f}")
assert bits < 0.7 * alone
