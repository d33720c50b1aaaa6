"""Reasons to stop: a metric that gets no better, a loss that is no number, weights that no longer move."""
import math

import numpy as np

from .callback import Callback
from .messages import say
from .monitor import Monitor


class EarlyStopping(Monitor):
    """Stop when the monitored metric has not got better for `patience` epochs."""
    kept = ("wait", "stopped_epoch", "best", "best_epoch", "best_weights")

    def __init__(self, monitor="val_loss", min_delta=0, patience=0, verbose=0, mode="auto", baseline=None,
                 restore_best_weights=False, start_from_epoch=0):
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self.on_train_begin()

    def on_train_begin(self, logs=None):
        self.wait, self.stopped_epoch, self.best, self.best_weights, self.best_epoch = 0, 0, None, None, 0

    def on_epoch_end(self, epoch, logs=None):
        value = self.current(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self.improved(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.improved(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        if self.stopped_epoch and self.verbose:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                say(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class TerminateOnNaN(Callback):
    """Stop at the batch whose loss is NaN or infinite; `raise_error` leaves `fit` at once, without on_train_end."""

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            if self.raise_error:
                raise RuntimeError(f"TerminateOnNaN: the loss is {loss} at batch {batch}. Fix: a lower learning rate, "
                                   "or look for NaN in the data")
            say(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True


class StopOnConvergence(Callback):
    """Stop when an epoch moved the trainable weights by less than `tolerance` times their length."""
    kept = ("before",)

    def __init__(self, tolerance=1e-4, verbose=0):
        super().__init__()
        self.tolerance, self.verbose = tolerance, verbose

    def weights(self):
        return np.concatenate([w.numpy().ravel() for w in self.model.trainable_weights]).astype(np.float64)

    def on_train_begin(self, logs=None):
        self.before = self.weights()

    def on_epoch_end(self, epoch, logs=None):
        now = self.weights()
        moved, self.before = np.linalg.norm(now - self.before) / (np.linalg.norm(now) or 1.0), now
        if moved < self.tolerance:
            self.model.stop_training = True
            if self.verbose:
                say(f"Epoch {epoch + 1}: converged, the weights moved by {moved:.2e} of their length")
