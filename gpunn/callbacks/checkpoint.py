import os
from string import Formatter

from .._names import require
from .callback import numbers
from .messages import say
from .monitor import Monitor


class Every:
    """A callback with something to do after each epoch ("epoch"), or each `save_freq` batches, over all epochs."""

    def start(self, save_freq):
        right = save_freq == "epoch" or type(save_freq) is int and save_freq >= 1
        require(type(self).__name__, "save_freq", right, "'epoch' or a number of batches >= 1", save_freq)
        self.save_freq, self.seen = save_freq, 0

    def due(self) -> bool:
        """Asked once after each batch."""
        if self.save_freq == "epoch":
            return False
        self.seen = (self.seen + 1) % self.save_freq
        return not self.seen


class ModelCheckpoint(Every, Monitor):
    """Save the model, or its weights, after each epoch or each `save_freq` batches; the best one only, if wanted.

    `filepath` may hold {epoch}, {batch} and the names of logs: "{epoch:02d}-{val_loss:.2f}.keras".
    """
    reads_lazily, kept = True, ("best", "seen")

    def __init__(self, filepath, monitor="val_loss", verbose=0, save_best_only=False, save_weights_only=False,
                 mode="auto", save_freq="epoch", initial_value_threshold=None):
        super().__init__(monitor, mode)
        self.filepath, self.verbose, self.save_best_only = os.fspath(filepath), verbose, save_best_only
        self.save_weights_only, self.best = save_weights_only, initial_value_threshold
        self.start(save_freq)
        if os.path.isdir(self.filepath or "."):
            raise IsADirectoryError(f"ModelCheckpoint: filepath {self.filepath!r} is a folder; expected the name "
                                    "of a file")
        late = [name for name in self.watches() if name.startswith("val_")]
        if late and save_freq != "epoch":
            raise ValueError(f"ModelCheckpoint: {late[0]!r} has no value inside an epoch. Fix: save_freq='epoch', or "
                             f"{late[0][4:]!r}")

    def watches(self) -> list[str]:
        fields = [field for _, field, _, _ in Formatter().parse(self.filepath) if field not in (None, "epoch", "batch")]
        return [*([self.monitor] if self.save_best_only else []), *fields]

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.due():
            self.save({"batch": batch + 1, **numbers(logs)})

    def on_epoch_end(self, epoch, logs=None):
        self.epoch = epoch
        if self.save_freq == "epoch":
            self.save(logs or {})

    def save(self, logs):
        try:
            path = self.filepath.format(epoch=self.epoch + 1, **logs)
        except KeyError as error:
            raise KeyError(f"ModelCheckpoint: filepath {self.filepath!r} needs {error}, which epoch {self.epoch + 1} "
                           f"did not log; it has {', '.join(logs)}") from None
        why = self.reason(logs) if self.save_best_only else ""
        if why is not None:
            self.tell(f"{why}saving model to {path}")
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            (self.model.save_weights if self.save_weights_only else self.model.save)(path, overwrite=True)
            self.tell(f"finished saving model to {path}")

    def reason(self, logs) -> str | None:
        """Why this is the best so far, if it is."""
        value, best = self.current(logs), "None" if self.best is None else f"{self.best:.5f}"
        if value is None or not self.improved(value, self.best):
            return self.tell(f"{self.monitor} did not improve from {best}")
        self.best = value
        return f"{self.monitor} improved from {best} to {value:.5f}, "

    def tell(self, what: str):
        if self.verbose:
            say(f"\nEpoch {self.epoch + 1}: {what}")
