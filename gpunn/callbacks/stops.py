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
