"""Learning rates that change between epochs."""
import numpy as np

from .callback import Callback
from .messages import say
from .monitor import Monitor


def settable(callback):
    """The optimizer, refused before the first epoch if a schedule would overwrite what the callback sets."""
    optimizer = callback.model.optimizer
    if getattr(optimizer, "schedule", None) is not None:
        raise ValueError(f"{type(callback).__name__}: the optimizer's learning rate follows a "
                         f"{type(optimizer.schedule).__name__}, which sets it at every step. Fix: a number as "
                         f"learning_rate, or no {type(callback).__name__}")
    return optimizer


class LearningRateScheduler(Callback):
    """Before each epoch, `schedule(epoch, rate)` gives the learning rate; epochs count from 0."""

    def __init__(self, schedule, verbose=0):
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_train_begin(self, logs=None):
        settable(self)

    def on_epoch_begin(self, epoch, logs=None):
        try:
            rate = self.schedule(epoch, float(self.model.optimizer.learning_rate))
        except TypeError:                       # a schedule that takes the epoch alone
            rate = self.schedule(epoch)
        if not isinstance(rate, float | np.floating):
            raise ValueError(f"LearningRateScheduler: the schedule must return a float, got {rate!r} for epoch {epoch}")
        self.model.optimizer.learning_rate = rate
        if self.verbose:
            say(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class ReduceLROnPlateau(Monitor):
    """Multiply the learning rate by `factor` when the metric has not got better for `patience` epochs."""
    kept = ("wait", "best", "cooldown_counter")

    def __init__(self, monitor="val_loss", factor=0.1, patience=10, verbose=0, mode="auto", min_delta=1e-4, cooldown=0,
                 min_lr=0.0):
        super().__init__(monitor, mode, min_delta)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau: factor must be below 1, got {factor}")
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self.wait, self.cooldown_counter = 0, 0

    def on_train_begin(self, logs=None):
        settable(self)
        self.wait, self.cooldown_counter, self.best = 0, 0, None

    def in_cooldown(self) -> bool:
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        if (value := self.current(logs)) is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improved(value, self.best):
            self.best, self.wait = value, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self.reduce(epoch):
                self.cooldown_counter, self.wait = self.cooldown, 0

    def reduce(self, epoch) -> bool:
        old = float(self.model.optimizer.learning_rate)
        if old <= np.float32(self.min_lr):
            return False
        rate = self.model.optimizer.learning_rate = max(old * self.factor, self.min_lr)
        if self.verbose:
            say(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {rate}.")
        return True
