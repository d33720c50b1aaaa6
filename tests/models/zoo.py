"""Small models that together use every kind of step: dropout, batch norm, recurrence, attention."""
import numpy as np

import gpunn
from gpunn import layers


def mlp():
    return gpunn.Sequential([layers.Input((12,)), layers.Dense(16, activation="relu"), layers.BatchNormalization(),
                             layers.Dropout(0.3), layers.Dense(4, activation="softmax")])


def cnn():
    return gpunn.Sequential([layers.Input((8, 8, 2)), layers.Conv2D(4, 3, activation="relu"),
                             layers.BatchNormalization(), layers.MaxPooling2D(2), layers.Conv2D(3, 2, padding="same"),
                             layers.GlobalAveragePooling2D(), layers.Dropout(0.2),
                             layers.Dense(4, activation="softmax")])


def lstm():
    return gpunn.Sequential([layers.Input((5,), dtype="int32"), layers.Embedding(11, 6, mask_zero=True), layers.LSTM(7),
                             layers.Dropout(0.2), layers.Dense(4, activation="softmax")])


def attention():
    x = layers.Input((6, 8))
    h = layers.LayerNormalization()(x)
    h = layers.MultiHeadAttention(2, 4, dropout=0.1)(h, h, use_causal_mask=True)
    h = layers.Add()([x, h])
    h = layers.Flatten()(h)
    return gpunn.Model(x, layers.Dense(4, activation="softmax")(h))


def data(model, n=22, seed=0):
    """Random samples that fit the model's input, and labels that depend on them."""
    r = np.random.default_rng(seed)
    shape = model.inputs[0].shape[1:]
    whole = model.inputs[0].dtype == "int32"
    x = r.integers(0, 11, (n, *shape)).astype("int32") if whole else r.normal(size=(n, *shape))
    return x, (np.abs(x.reshape(n, -1).sum(1)) * 7).astype("int32") % 4


MODELS = {f.__name__: f for f in (mlp, cnn, lstm, attention)}
