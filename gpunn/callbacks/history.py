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
