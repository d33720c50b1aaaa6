"""What is kept of a run: in memory, and in a table on disk."""
import csv
import os

import numpy as np

from .callback import Callback


class History(Callback):
    """What `fit` returns: the metrics of all epochs, `history["loss"]`, `history["val_loss"]`; `epoch`: which."""

    def __init__(self):
        super().__init__()
        self.history, self.epoch = {}, []

    def on_train_begin(self, logs=None):
        self.epoch = []

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for key, value in (logs or {}).items():
            self.history.setdefault(key, []).append(value)


class CSVLogger(Callback):
    """A row of a CSV file for each epoch, on disk when the epoch ends."""

    def __init__(self, filename, separator=",", append=False):
        super().__init__()
        self.filename, self.sep, self.append = os.fspath(filename), separator, append

    def on_train_begin(self, logs=None):
        self.file, self.writer = open(self.filename, "a" if self.append else "w", newline=""), None

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        if self.writer is None:                 # validation has its columns even if it comes in a later epoch
            keys = sorted(logs)
            keys += [] if any(key.startswith("val_") for key in keys) else [f"val_{key}" for key in keys]
            self.writer = csv.DictWriter(self.file, ["epoch", *keys], "NA", "ignore", delimiter=self.sep)
            if not self.file.tell():
                self.writer.writeheader()
        row = {key: f'"[{", ".join(map(str, value))}]"' if np.ndim(value) else value for key, value in logs.items()}
        self.writer.writerow({"epoch": epoch, **row})
        self.file.flush()

    def on_train_end(self, logs=None):
        self.file.close()
