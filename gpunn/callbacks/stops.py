"""Two more reasons to stop: a loss that is no number, and weights that no longer move."""
import math

import numpy as np

from .callback import Callback
from .messages import say


class TerminateOnNaN(Callback):
    """Stop at the batch whose loss is NaN or infinite; `raise_error` leaves `fit` at once, without on_train_end."""

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"TerminateOnNaN: the loss is {loss} at batch {batch}. Fix: a lower learning rate, or "
                               "look for NaN in the data")
        say(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True


class StopOnConvergence(Callback):
    """Stop when an epoch moved the trainable weights by less than `tolerance` times their length."""
    kept = ("before",)

    def __init__(self, tolerance=1e-4, verbose=0):
        super().__init__()
        self.tolerance, self.verbose = tolerance, verbose

    def on_train_begin(self, logs=None):
        self.before = self.weights()

    def weights(self) -> list:
        return [np.array(w.numpy()) for w in self.model.trainable_weights]

    def on_epoch_end(self, epoch, logs=None):
        now = self.weights()
        moved = length([a - b for a, b in zip(now, self.before)]) / (length(now) or 1)
        self.before = now
        if moved < self.tolerance:
            self.model.stop_training = True
            if self.verbose:
                say(f"Epoch {epoch + 1}: converged, the weights moved by {moved:.2e} of their length")


def length(arrays) -> float:
    return math.sqrt(sum([float(np.square(a, dtype=np.float64).sum()) for a in arrays]))
