import math

from .callback import Callback


class LearningRateFinder(Callback):
    """Raises the rate from batch to batch, until the loss explodes; then all is as it was before.

    `rates` and `losses` say what happened, `suggestion` is a tenth of the rate at which the smoothed loss was least.
    """

    def __init__(self, lowest=1e-5, highest=10.0, steps=100, explosion=4.0):
        super().__init__()
        self.lowest, self.highest, self.steps, self.explosion = lowest, highest, steps, explosion

    def on_train_begin(self, logs=None):
        optimizer = self.model.optimizer
        self.rates, self.losses, self.schedule = [], [], optimizer.schedule
        self.kept = [(v, v.numpy().copy()) for v in [*self.model.weights, *optimizer.variables]]

    def on_train_batch_begin(self, batch, logs=None):
        self.model.reset_metrics()                      # or the loss were the mean of many
        self.rates.append(self.lowest * (self.highest / self.lowest) ** (len(self.rates) / max(1, self.steps - 1)))
        self.model.optimizer.learning_rate = self.rates[-1]

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])
        exploded = not self.losses[-1] <= self.explosion * min(self.losses)
        self.model.stop_training = exploded or len(self.losses) == self.steps

    def on_train_end(self, logs=None):
        for variable, value in self.kept:
            variable.assign(value)
        if self.schedule is not None:
            self.model.optimizer.learning_rate = self.schedule

    @property
    def suggestion(self) -> float:
        mean, smooth = self.losses[0], []
        for loss in self.losses:
            mean = 0.8 * mean + 0.2 * loss
            smooth.append(mean if math.isfinite(mean) else math.inf)
        return self.rates[smooth.index(min(smooth))] / 10
