from ..backend import asarray, kernels_of
from .callback import Callback


class SwapEMAWeights(Callback):
    """Evaluate, and with `swap_on_epoch` also save, the running average of the weights (an optimizer with use_ema)."""
    kept = ("trained",)

    def __init__(self, swap_on_epoch=False):
        super().__init__()
        self.swap_on_epoch, self.trained = swap_on_epoch, None      # the weights themselves, while the average is in

    def average_in(self, *_):
        optimizer = self.model.optimizer
        if (average := getattr(optimizer, "state", {}).get("average")) is None:
            raise ValueError(f"SwapEMAWeights: {getattr(optimizer, 'name', optimizer)} keeps no average of the "
                             "weights. Fix: use_ema=True in the optimizer, and train before you evaluate")
        if self.trained is None:
            flat = optimizer.flat
            self.trained = kernels_of(flat.data).copy(flat.data)
            flat.write(average)

    def average_out(self, *_):
        if self.trained is not None:
            self.model.optimizer.flat.write(asarray(self.trained))
            self.trained = None

    def on_epoch_begin(self, epoch, logs=None):
        self.average_out()

    def on_epoch_end(self, epoch, logs=None):
        if self.swap_on_epoch:
            self.average_in()

    def on_train_end(self, logs=None):
        self.trained = None                     # the optimizer has left the average in the weights

    on_test_begin = on_predict_begin = average_in
    on_test_end = on_predict_end = average_out
