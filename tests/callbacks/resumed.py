"""A training that dies where it is told to: `python -m tests.callbacks.resumed '{"folder": ..., ...}'`.

Prints the digest of the final weights and the history.
"""
import hashlib
import json
import os
import shutil
import signal
import sys

import numpy as np

import gpunn
from gpunn import callbacks, layers
from gpunn.storage import atomic


def die():
    os.kill(os.getpid(), signal.SIGKILL)


class Dies(callbacks.Callback):
    """At this batch of all."""

    def __init__(self, batch):
        super().__init__()
        self.left = batch

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            die()


class Copies(callbacks.Callback):
    """Takes a copy of a folder at this batch of all."""

    def __init__(self, batch, folder, to):
        super().__init__()
        self.left, self.folder, self.to = batch, folder, to

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            shutil.copytree(self.folder, self.to)


def dies_in_the_middle_of_backup(number: int):
    """Half of the file is written."""
    replace, seen = os.replace, []

    def replacing(draft, path):
        seen.extend([path] if path.name == "latest.safetensors" else [])
        if len(seen) == number:
            os.truncate(draft, os.path.getsize(draft) // 2)
            die()
        replace(draft, path)
    atomic.os.replace = replacing


def stream(x, y):
    while True:
        for i in range(0, len(x), 8):
            yield x[i:i + 8], y[i:i + 8]


class Numbered(gpunn.utils.PyDataset):
    def __len__(self):
        return 9

    def __getitem__(self, i):
        x, y = samples()
        return x[i * 8:i * 8 + 8], y[i * 8:i * 8 + 8]


def samples():
    r = np.random.default_rng(0)
    x = r.normal(size=(70, 12)).astype("float32")
    return x, (np.abs(x.sum(1)) * 7).astype("int32") % 4


def data(kind):
    x, y = samples()
    if kind == "generator":
        return {"x": stream(x, y), "steps_per_epoch": 5}
    return {"x": Numbered()} if kind == "dataset" else {"x": x, "y": y, "batch_size": 8, **(
        {"steps_per_epoch": 4} if kind == "parts" else {})}


def main(folder, save_freq="epoch", seed=1, kind="arrays", die_at=None, die_in_backup=None, copy=None, **options):
    if seed is not None:
        gpunn.set_seed(seed)
    model = gpunn.Sequential([layers.Input((12,)), layers.Dense(16, activation="relu"), layers.BatchNormalization(),
                              layers.Dropout(0.3), layers.Dense(4, activation="softmax")])
    model.compile(gpunn.optimizers.Adam(0.02, use_ema=True), "sparse_categorical_crossentropy", metrics=["accuracy"])
    if die_in_backup:
        dies_in_the_middle_of_backup(die_in_backup)
    calls = [callbacks.BackupAndRestore(folder, save_freq, **options),
             callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
             callbacks.ReduceLROnPlateau("loss", 0.5, patience=1, min_delta=0.05),
             callbacks.EarlyStopping("loss", patience=4, min_delta=10.0, restore_best_weights=True),
             *([Dies(die_at)] if die_at else []), *([Copies(copy[0], folder, copy[1])] if copy else [])]
    history = model.fit(**data(kind), epochs=6, callbacks=calls, verbose=0, validation_data=samples())
    digest = hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()
    print(json.dumps([digest, history.history]))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
