import json
import os
from contextlib import suppress
from pathlib import Path

from .. import storage
from .callback import Callback
from .checkpoint import Every


class BackupAndRestore(Every, Callback):
    """Keep the state of the training in a folder; when `fit` is called again after a crash, it goes on from there.

    The result is the same, bit for bit, as without the crash: weights, optimizer, random numbers, the order of the
    data, metrics, and what the other callbacks name in `kept` are all restored.
    """
    reads_lazily = runs_last = True             # its backups hold what the other callbacks did
    kept = ("seen",)

    def __init__(self, backup_dir, save_freq="epoch", double_checkpoint=False, delete_checkpoint=True):
        super().__init__()
        if not backup_dir:
            raise ValueError("BackupAndRestore: backup_dir is empty; expected the name of a folder")
        self.start(save_freq)
        self.backup_dir, self.delete_checkpoint = Path(backup_dir), delete_checkpoint
        self.double_checkpoint = double_checkpoint
        self.files = [self.backup_dir / f"{name}.safetensors" for name in ("latest", "previous")]

    def on_train_begin(self, logs=None):
        self.remove(*self.backup_dir.glob(".latest.*.tmp"))             # what was being written when a process died
        self.found = self.load()
        if self.found:
            self.model._fit.restore(*self.found, whole=not self.found[1]["step"])

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        if self.found and self.found[1]["step"]:        # inside an epoch, whose beginning is over now
            self.model._fit.restore(*self.found, whole=True)
        self.found = None

    def on_train_batch_end(self, batch, logs=None):
        if self.due():
            self.save(self.epoch, batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq == "epoch":
            self.save(epoch + 1, 0)

    def on_train_end(self, logs=None):
        if self.delete_checkpoint:
            self.remove(*self.files)
            with suppress(OSError):
                self.backup_dir.rmdir()         # not if there is anything else in it

    def remove(self, *paths):
        for path in paths:
            path.unlink(missing_ok=True)

    def save(self, epoch: int, step: int):
        arrays, data = self.model._fit.state(epoch, step)
        self.backup_dir.mkdir(parents=True, exist_ok=True)
        latest, previous = self.files
        if self.double_checkpoint and latest.exists():
            os.replace(latest, previous)
        storage.save(latest, arrays, {"format": "gpunn.training", "state": json.dumps(data)})

    def load(self):
        """(arrays, plain data) of the last backup that is whole, or None."""
        errors = []
        for path in filter(Path.exists, self.files):
            try:
                arrays, metadata = storage.load(path)
                if "state" in metadata:
                    return arrays, json.loads(metadata["state"])
                errors.append(f"{path}: not a backup")
            except (OSError, storage.FormatError) as error:
                errors.append(f"{path}: {error}")
        if errors:
            raise OSError("BackupAndRestore: no backup can be read. Fix: delete them to train from the start. "
                          + "; ".join(errors))
