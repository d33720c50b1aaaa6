"""A small language model: masked self-attention, where each character sees only those before it.

    python examples/language_model.py        the text is Python's own manual, which lies in the standard library
"""
from pydoc_data.topics import topics

import numpy as np

import gpunn
from gpunn import layers, ops

LENGTH, WIDTH, HEADS, BLOCKS, EPOCHS = 64, 64, 4, 2, 10
text = "".join(topics[name] for name in sorted(topics))[:100_000]
alphabet = sorted(set(text))
codes = np.array([alphabet.index(c) for c in text], "int32")


class Places(layers.Layer):
    """Adds what each place means: (n, length, width) -> the same"""

    def build(self, shape):
        self.places = self.add_weight(shape[1:], "normal", name="places")

    def call(self, x):
        return x + self.places


def block(x):
    y = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(y, y, use_causal_mask=True)
    y = layers.Dense(4 * WIDTH, activation="gelu")(layers.LayerNormalization()(x))
    return x + layers.Dense(WIDTH)(y)


def language_model():
    x = seen = layers.Input((LENGTH,), dtype="int32")
    x = Places()(layers.Embedding(len(alphabet), WIDTH)(x))
    for _ in range(BLOCKS):
        x = block(x)
    x = layers.LayerNormalization()(x)
    return gpunn.Model(seen, layers.Dense(len(alphabet))(x), name="language_model")


def write(model, start: str, length: int) -> str:
    """`start`, continued with characters drawn by their probabilities, sharpened."""
    written, draw = start, np.random.default_rng(0)
    for _ in range(length):
        seen = np.zeros((1, LENGTH), "int32")
        last = written[-LENGTH:]
        seen[0, :len(last)] = [alphabet.index(c) for c in last]
        p = np.asarray(ops.softmax(2 * model.predict(seen, verbose=0)[0, len(last) - 1]), "float64")
        written += alphabet[draw.choice(len(p), p=p / p.sum())]
    return written


gpunn.set_seed(1)
n = (len(codes) - 1) // LENGTH
x, y = codes[:n * LENGTH].reshape(n, LENGTH), codes[1:n * LENGTH + 1].reshape(n, LENGTH)
model = language_model()
model.summary()
model.compile(gpunn.optimizers.AdamW(0.003), gpunn.losses.SparseCategoricalCrossentropy(from_logits=True))
history = model.fit(x, y, validation_split=0.1, batch_size=32, epochs=EPOCHS, verbose=2)

later = x[:1].copy()
later[:, LENGTH // 2:] = 0                                  # another second half leaves the first half's answers alone
np.testing.assert_allclose(*[model.predict(part, verbose=0)[:, :LENGTH // 2] for part in (x[:1], later)], atol=1e-5)

p = np.bincount(codes) / len(codes)
alone = -(p * np.log2(p)).sum()
bits = history.history["val_loss"][-1] / np.log(2)
print(f"\n{write(model, 'The ', 300)}\n")
print(f"{bits:.2f} bits a character on unseen text; without the characters before it {alone:.2f}")
assert bits < 0.75 * alone
