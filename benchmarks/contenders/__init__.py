"""The same trainings in several libraries, each in its own process: `python -m benchmarks.contenders.ours cnn`.

A program prints one JSON object a line, for each line it reads: a round of its workload.
"""
import itertools
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from .. import floor, single, workloads

LEAST_SECONDS = 0.25            # of a round, in whole epochs
WORK = 4e9                      # of an epoch, about: multiplications, and a byte counts as seven


def timed(f):
    began = time.perf_counter()
    f()
    return time.perf_counter() - began


def status(name: str) -> float:
    """A line of the process's own account, in MB: VmRSS now, VmHWM at most since `forget_peak`."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name + ":"))


def forget_peak():
    Path("/proc/self/clear_refs").write_text("5")


class Rounds:
    """Waits for its turn before an epoch, and tells after some how long they took and how much memory there was."""

    def __init__(self, batches: int, before: float):
        self.batches, self.before, self.count, self.seen = batches, before, 1, 0

    def begin(self) -> bool:
        """False when no more is wanted. Two epochs warm up, and a third tells how many make a round."""
        if self.seen == 3:
            self.count = max(1, round(LEAST_SECONDS / (time.perf_counter() - self.began)))
            self.left = 0
            forget_peak()
            tell({"ready": True})
        if self.seen >= 3 and not self.left:
            if not sys.stdin.readline():
                return False
            self.left = self.count
        if self.seen < 3 or self.left == self.count:
            self.began = time.perf_counter()
        return True

    def end(self):
        self.seen += 1
        if self.seen > 3:
            self.left -= 1
            if not self.left:
                seconds = (time.perf_counter() - self.began) / self.count / self.batches
                tell({"seconds": seconds, "memory": status("VmHWM") - self.before})


def training(train):
    """`train(work, x, y, rounds)` trains, epoch after epoch, until `rounds` says that it is enough."""
    work = workloads.ALL[sys.argv[1]]
    flops, moved = floor.work_of(work)
    batches = int(max(8, min(300, WORK / (flops + 7 * moved))))
    x, y = workloads.data(work, batches)
    train(work, x, y, Rounds(batches, status("VmRSS")))


def by_epoch(epoch):
    """For `training`, from `epoch(work, x, y)` that gives a function for one epoch."""
    def train(work, x, y, rounds):
        run = epoch(work, x, y)
        while rounds.begin():
            run()
            rounds.end()
    return train


def tell(answer: dict):
    print(json.dumps(answer), flush=True)


def mnist():
    """((60000, 784), (60000, 10)), ((10000, 784), (10000, 10)) as float32, from GPUNN_DATA."""
    with np.load(Path(os.environ["GPUNN_DATA"]) / "mnist.npz") as file:
        return [(file[f"x_{part}"].reshape(-1, 784).astype("float32") / 255,
                 np.eye(10, dtype="float32")[file[f"y_{part}"]])
                for part in ("train", "test")]


def decks(keras, set_seed):
    """The lecture's program: 512-ReLU, 10-softmax, RMSprop, 5 epochs, batch 128, MNIST; another seed each round."""
    train, test = mnist()
    seeds = itertools.count(1)

    def run():
        set_seed(next(seeds))
        model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(512, activation="relu"),
                                  keras.layers.Dense(10, activation="softmax")])
        model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
        kept = {}
        seconds = timed(lambda: kept.update(model.fit(*train, epochs=5, batch_size=128, verbose=0).history))
        return {"seconds": seconds, "epoch 1": kept["accuracy"][0], "test": model.evaluate(*test, verbose=0)[1]}
    return run


def serve(run):
    """One round a line of input."""
    tell({"ready": True})
    for _ in sys.stdin:
        tell(run())


def kernel_rounds(step):
    """Rounds of one kernel, as `step` makes it."""
    kernel = single.KERNELS[sys.argv[1]]
    least_rounds(step(kernel.function, kernel.inputs(), kernel.options))


def least_rounds(run):
    """The least seconds of many calls"""
    run()
    count = max(5, min(1000, round(LEAST_SECONDS / timed(run))))
    serve(lambda: {"seconds": min(timed(run) for _ in range(count))})
