"""Learning rates that change between epochs."""
import numpy as np

from .._names import require
from .callback import Callback
from .messages import say
from .monitor import Monitor


class _Rate:
    """What sets `rate`; it is refused before the first epoch if a schedule would overwrite that, and it logs it."""

    def on_train_begin(self, logs=None):
        schedule = getattr(self.model.optimizer, "schedule", None)
        if schedule is not None:
            raise ValueError(f"{type(self).__name__}: the optimizer's learning rate follows a "
                             f"{type(schedule).__name__}, which sets it at every step. Fix: a number as "
                             f"learning_rate, or no {type(self).__name__}")

    rate: float = property(lambda self: float(self.model.optimizer.learning_rate))

    def set(self, rate, epoch: int, doing: str):
        self.model.optimizer.learning_rate = rate
        if self.verbose:
            say(f"\nEpoch {epoch + 1}: {type(self).__name__} {doing} learning rate to {rate}.")

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = self.rate


class LearningRateScheduler(_Rate, Callback):
    """Before each epoch, `schedule(epoch, rate)` gives the learning rate; epochs count from 0."""

    def __init__(self, schedule, verbose=0):
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch, logs=None):
        try:
            rate = self.schedule(epoch, self.rate)
        except TypeError:                       # a schedule that takes the epoch alone
            rate = self.schedule(epoch)
        right = isinstance(rate, float | np.floating)
        require("LearningRateScheduler", f"what the schedule gives for epoch {epoch}", right, "a float", rate)
        self.set(rate, epoch, "setting")


class ReduceLROnPlateau(_Rate, Monitor):
    """Multiply the learning rate by `factor` when the metric has not got better for `patience` epochs."""
    kept = ("wait", "best", "cooldown_counter")

    def __init__(self, monitor="val_loss", factor=0.1, patience=10, verbose=0, mode="auto", min_delta=1e-4, cooldown=0,
                 min_lr=0.0):
        super().__init__(monitor, mode, min_delta)
        require("ReduceLROnPlateau", "factor", factor < 1.0, "below 1", factor)
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr

    def on_train_begin(self, logs=None):
        super().on_train_begin()
        self.wait, self.cooldown_counter, self.best = 0, 0, None

    def in_cooldown(self) -> bool:
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        if (value := self.current(logs)) is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improved(value, self.best):
            self.best, self.wait = value, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self.rate > np.float32(self.min_lr):
                self.set(max(self.rate * self.factor, self.min_lr), epoch, "reducing")
                self.cooldown_counter, self.wait = self.cooldown, 0
