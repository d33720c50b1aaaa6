"""The same trainings in several libraries, each in its own process: `python -m benchmarks.contenders.ours cnn`.

A program prints one JSON object a line, for each line it reads: a round of its workload. Without an argument it
says that it is there, and the lines name the workloads: `cnn`, then `go` for each round, anything else ends it, and the
next name may come. The argument `first` ends after one step of what a second one names.
"""
import importlib
import itertools
import json
import math
import os
import sys
import time
from pathlib import Path

import numpy as np

from .. import floor, single, workloads

DEVICE = os.environ.get("BENCHMARK_DEVICE", "cpu")              # of the peers: cpu or cuda
SHORT = bool(os.environ.get("BENCHMARK_SHORT"))
LEAST_SECONDS = 0.01 if SHORT else 0.25         # of a round, in whole epochs
EPOCH = 0.04                    # seconds, about, at these rates: operations and bytes a second, seconds of a step
RATES = {"cpu": (1e11, 1e11 / 7, 0), "cuda": (1e14, 2e12, 2e-5)}
MOST = {"cpu": 300, "cuda": 2000}
GO = "go"
ROOM = 256e6                    # bytes of data


def plug_in():
    """What registers a device that gpunn does not know by itself."""
    if os.environ.get("BENCHMARK_PLUGIN"):
        importlib.import_module(os.environ["BENCHMARK_PLUGIN"]).install()


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
            if self.before is not None:
                forget_peak()
            tell({"ready": True})
        if self.seen >= 3 and not self.left:
            if sys.stdin.readline().strip() != GO:
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
                memory = {} if self.before is None else {"memory": status("VmHWM") - self.before}
                tell({"seconds": seconds} | memory)


class FirstStep:
    """Ends after one epoch, of one step."""
    wanted = True

    def begin(self) -> bool:
        return self.wanted

    def end(self):
        self.wanted = False
        tell({"first step": True})


def batches_of(work) -> int:
    """Of an epoch"""
    (flops, moved), (rate, width, step) = floor.work_of(work), RATES[DEVICE]
    most = min(MOST[DEVICE], ROOM / (4 * work.batch * math.prod(work.shape)))
    return 4 if SHORT else int(max(8, min(most, EPOCH / (flops / rate + moved / width + step))))


def training(train):
    """`train(work, x, y, rounds)` trains, epoch after epoch, until `rounds` says that it is enough."""
    match sys.argv[1:]:
        case ["first", name]:
            work = workloads.KNOWN[name]
            train(work, *workloads.data(work), FirstStep())
        case [name]:
            rounds_of(train, name, status("VmRSS"))
        case []:
            tell({"here": True})
            for line in iter(sys.stdin.readline, ""):
                rounds_of(train, line.strip(), None)


def rounds_of(train, name: str, before: float | None):
    """`before`: MB that were there; None where the memory that counts is not the process's."""
    work = workloads.KNOWN[name]
    batches = batches_of(work)
    train(work, *workloads.data(work, batches), Rounds(batches, before))


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
