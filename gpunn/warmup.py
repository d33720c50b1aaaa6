"""`gpunn warmup`: compile the kernels of usual models before they are needed, on all cores."""
import sys
import time
import warnings
from functools import partial

import numpy as np
from tqdm import tqdm

from . import Model, Sequential, layers, use
from .kernels.cpu import ahead, cache

BATCH = 128
OPTIMIZERS = "sgd", "rmsprop", "adamw"
LOSSES = "mse", "mae", "huber", "binary_crossentropy", "categorical_crossentropy"


def main() -> int:
    use("cpu")
    began = time.perf_counter()
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")         # in a rehearsal, all numbers are nonsense
        jobs = list(dict.fromkeys(job for step in steps() for job in ahead.needed(step)))
    made = sum(tqdm(ahead.prepare_all(jobs), "compiling", len(jobs), unit="kernel", file=sys.stderr))
    place = cache.folder() or "no folder: nothing can be kept, set GPUNN_CACHE_DIR"
    seconds = time.perf_counter() - began
    print(f"{len(jobs)} kernels are ready, {made} of them compiled now, in {seconds:.1f} s ({place})")
    return 0


def steps():
    """Short lives of small models, that together call what most programs call."""
    for build in (dense, convolutional, separable, recurrent, attentive):
        yield partial(live, build)
    for loss in LOSSES:
        yield partial(live, perceptron, loss)
    for optimizer in OPTIMIZERS:
        yield partial(live, perceptron, "mse", optimizer)


def live(build, loss="sparse_categorical_crossentropy", optimizer="adam"):
    model = build()
    model.compile(optimizer, loss, metrics=["accuracy"])
    whole = model.inputs[0].dtype == "int32"
    x = np.zeros((BATCH, *model.inputs[0].shape[1:]), "int32" if whole else "float32")
    y = np.zeros(BATCH if loss.startswith("sparse") else (BATCH, 10), "float32")
    model.fit(x, y, batch_size=BATCH, validation_data=(x, y), verbose=0)
    model.predict(x, batch_size=BATCH, verbose=0)


def perceptron():
    return Sequential([layers.Input((20,)), layers.Dense(64, "tanh"), layers.Dense(10, "sigmoid")])


def dense():
    return Sequential([layers.Input((28, 28)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(512, "relu"),
                       layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(64, "gelu"),
                       layers.Dense(64, "elu"), layers.Dense(64, "silu"), layers.Dense(10, "softmax")])


def convolutional():
    return Sequential([layers.Input((28, 28, 1)), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
                       layers.Conv2D(64, 3, padding="same"), layers.BatchNormalization(), layers.ReLU(),
                       layers.AveragePooling2D(), layers.Conv2D(64, 3, strides=2, activation="relu"),
                       layers.Flatten(), layers.Dropout(0.2), layers.Dense(10, "softmax")])


def separable():
    return Sequential([layers.Input((32, 32, 3)), layers.SeparableConv2D(16, 3, activation="relu"),
                       layers.Conv2DTranspose(8, 3, strides=2), layers.LeakyReLU(), layers.GlobalAveragePooling2D(),
                       layers.Dense(10, "softmax")])


def recurrent():
    return Sequential([layers.Input((20,), dtype="int32"), layers.Embedding(1000, 32),
                       layers.LSTM(32, return_sequences=True), layers.GRU(32, return_sequences=True),
                       layers.SimpleRNN(32), layers.Dense(10, "softmax")])


def attentive():
    x = layers.Input((16, 32))
    h = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(4, 8)(x, x)]))
    h = layers.Add()([h, layers.MultiHeadAttention(4, 8)(h, h, use_causal_mask=True)])
    return Model(x, layers.Dense(10, "softmax")(layers.GlobalAveragePooling1D()(h)))
