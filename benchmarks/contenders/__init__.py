"""The same two trainings in several libraries, each in its own process: `python -m benchmarks.contenders.ours tiny`.

A program prints one JSON object a line, for each line it reads: a round of the workload `tiny` or `decks`.
"""
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

TINY_STEPS = 300


def tiny_data():
    r = np.random.default_rng(0)
    x = r.normal(size=(32, 2)).astype("float32")
    return x, (x[:, :1] * x[:, 1:]).astype("float32")


def mnist():
    """((60000, 784), (60000, 10)), ((10000, 784), (10000, 10)) as float32, from GPUNN_DATA."""
    with np.load(Path(os.environ["GPUNN_DATA"]) / "mnist.npz") as file:
        return [(file[f"x_{part}"].reshape(-1, 784).astype("float32") / 255,
                 np.eye(10, dtype="float32")[file[f"y_{part}"]])
                for part in ("train", "test")]


def decks(keras, set_seed):
    """The lecture's program: 512-ReLU, 10-softmax, RMSprop, 5 epochs, batch 128, MNIST; another seed each round."""
    train, test = mnist()
    seeds = iter(range(1, 100))

    def run():
        set_seed(next(seeds))
        model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(512, activation="relu"),
                                  keras.layers.Dense(10, activation="softmax")])
        model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
        kept = {}
        seconds = timed(lambda: kept.update(model.fit(*train, epochs=5, batch_size=128, verbose=0).history))
        return {"seconds": seconds, "epoch 1": kept["accuracy"][0], "test": model.evaluate(*test, verbose=0)[1]}
    return run


def timed(f):
    began = time.perf_counter()
    f()
    return time.perf_counter() - began


def serve(workloads: dict):
    """One round a line of input; the first round of a workload warms up what it needs."""
    run = workloads[sys.argv[1]]()
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        print(json.dumps(run()), flush=True)
