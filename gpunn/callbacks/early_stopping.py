
from .callback import Callback

MAXIMIZED = ("acc", "accuracy", "auc", "precision", "recall", "f1", "fbeta", "r2", "iou", "similarity")


def better(mode: str, monitor: str):
    """(is a better than b, the worst value): "auto" knows that losses fall and accuracies rise."""
    if mode not in ("auto", "min", "max"):
        raise ValueError(f"mode must be 'auto', 'min' or 'max', got {mode!r}")
    rises = mode == "max" or mode == "auto" and any(word in monitor for word in MAXIMIZED)
    return (lambda a, b: a > b, float("-inf")) if rises else (lambda a, b: a < b, float("inf"))


class EarlyStopping(Callback):
    """Stop when the monitored metric has not got better for `patience` epochs."""

    def __init__(self, monitor="val_loss", min_delta=0, patience=0, verbose=0, mode="auto", baseline=None,
                 restore_best_weights=False, start_from_epoch=0):
        super().__init__()
        self.monitor, self.min_delta, self.patience, self.verbose = monitor, abs(min_delta), patience, verbose
        self.mode, self.baseline, self.restore_best_weights = mode, baseline, restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.better, self.worst = better(mode, monitor)
        self.wait, self.stopped_epoch, self.best, self.best_weights, self.best_epoch = 0, 0, None, None, 0

    def on_train_begin(self, logs=None):
        self.wait, self.stopped_epoch, self.best, self.best_weights, self.best_epoch = 0, 0, None, None, 0

    def improved(self, value, reference) -> bool:
        delta = self.min_delta if self.worst > 0 else -self.min_delta
        return self.better(value + delta, self.worst if reference is None else reference)

    def on_epoch_end(self, epoch, logs=None):
        value = self.monitored(logs or {}, self.monitor)
        if epoch < self.start_from_epoch:
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
                return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)
