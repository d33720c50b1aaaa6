from .callback import Callback, numbers
from .progress import ProgressBar


class ProgbarLogger(Callback):
    """The progress of fit, evaluate and predict, in style "modern" or "classic"; metrics are read when it redraws."""
    reads_lazily = True

    def __init__(self, style: str = "modern"):
        super().__init__()
        self.style, self.bar, self.logs = style, None, None

    def _open(self, epoch: int, epochs: int):
        self.logs = None
        get = self.params.get
        self.bar = ProgressBar(get("steps"), epoch, epochs, get("verbose", "auto"), read=lambda: numbers(self.logs),
                               style=self.style, samples=get("samples"), batch_size=get("batch_size"))

    def _step(self, batch, logs):
        self.logs = logs
        self.bar.update(batch + 1)

    def on_epoch_begin(self, epoch, logs=None):
        self._open(epoch, self.params.get("epochs", 1))

    def on_train_batch_end(self, batch, logs=None):
        self._step(batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self.bar.close(logs)

    def on_test_begin(self, logs=None):
        self._open(0, 1)

    def on_test_end(self, logs=None):
        self.bar.close(logs)

    def on_predict_batch_end(self, batch, logs=None):
        self._step(batch, None)

    def on_predict_end(self, logs=None):
        self.bar.close({})

    on_predict_begin, on_test_batch_end = on_test_begin, on_train_batch_end
