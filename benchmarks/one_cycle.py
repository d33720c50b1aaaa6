"""`python -m benchmarks.one_cycle [result.json]`: 100 epochs of 1cycle against 800 of a plain rate.

Smith's claim (arXiv 1803.09820), on what every machine has: 4,000 images of MNIST to learn from, 1,000 others to be
judged by. The network, the batches and the momentum are the same, each way has the best of its rates, three seeds.
"""
import json
import sys
import time
from pathlib import Path

import numpy as np

import gpunn
from gpunn import layers, optimizers
from gpunn.datasets import mnist_5k
from gpunn.optimizers.schedules import OneCycle

from .harness import machine

BATCH, SEEDS = 128, (0, 1, 2)
STEPS = -(-4000 // BATCH)                       # of an epoch
WAYS = {                                        # name -> (epochs, rates to try, rate -> what the optimizer is given)
    "plain, 800 epochs": (800, (0.01, 0.03, 0.1), float),
    "plain, 100 epochs": (100, (0.01, 0.03, 0.1), float),
    "1cycle, 100 epochs": (100, (0.1, 0.3, 1.0), lambda top: OneCycle(top, 100 * STEPS, final_fraction=0.1)),
}


def trained(seed: int, epochs: int, rate, train, test) -> float:
    """Test accuracy"""
    gpunn.set_seed(seed)
    model = gpunn.Sequential([layers.Input((28, 28)), layers.Rescaling(1 / 255), layers.Flatten(),
                              layers.Dense(100, activation="relu"), layers.Dropout(0.3),
                              layers.Dense(100, activation="relu"), layers.Dropout(0.3),
                              layers.Dense(10, activation="softmax")])
    model.compile(optimizers.SGD(rate, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*train, batch_size=BATCH, epochs=epochs, verbose=0)
    return model.evaluate(*test, verbose=0)[1]


def way(epochs: int, rates, schedule, data) -> dict:
    """The rate with the best mean over the seeds."""
    began, runs = time.perf_counter(), {}
    for rate in rates:
        runs[rate] = [trained(seed, epochs, schedule(rate), *data) for seed in SEEDS]
    best = max(runs, key=lambda rate: np.mean(runs[rate]))
    seconds = (time.perf_counter() - began) / (len(rates) * len(SEEDS))
    return {"rate": best, "accuracy": float(np.mean(runs[best])), "runs": runs[best], "seconds a run": seconds}


def main(arguments: list[str]) -> None:
    results, data = {}, mnist_5k.load_data()
    for name, (epochs, rates, schedule) in WAYS.items():
        row = results[name] = way(epochs, rates, schedule, data)
        print(f"{name:<19} rate {row['rate']:<5} test accuracy {row['accuracy']:.4f}  "
              f"({', '.join(f'{a:.3f}' for a in row['runs'])})  {row['seconds a run']:.1f} s a run", flush=True)
    if arguments:
        record = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "results": results}
        Path(arguments[0]).write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
