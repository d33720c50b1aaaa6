"""What watches one metric: which way is better, and whether a value is."""
from .._names import one_of, suggest
from .callback import Callback


class Monitor(Callback):
    """`mode`: "min", "max", or "auto", which knows that losses fall and asks the metric otherwise."""

    def __init__(self, monitor="val_loss", mode="auto", min_delta=0):
        super().__init__()
        self.mode = one_of(type(self).__name__, "mode", mode, ("auto", "min", "max"))
        self.monitor, self.min_delta, self.best = monitor, abs(min_delta), None

    def current(self, logs):
        """The monitored value; None in an epoch without validation."""
        logs = logs or {}
        if self.monitor in logs:
            return logs[self.monitor]
        if self.monitor.startswith("val_") and not any(name.startswith("val_") for name in logs):
            return None
        raise ValueError(f"{type(self).__name__}: monitor {self.monitor!r} is not among the metrics"
                         f"{suggest(self.monitor, logs)}")

    def rises(self, metrics: dict | None = None) -> bool:
        """Whether larger is better. `metrics`: name -> object; those of the model, if not given."""
        if self.mode != "auto" or self.monitor.endswith("loss"):
            return self.mode == "max"
        metrics = {m.name: m for m in self.model.metrics} if metrics is None else metrics
        found = [m for name, m in metrics.items() if m is not None and f"_{self.monitor}".endswith(f"_{name}")]
        direction = getattr(max(found, key=lambda m: len(m.name), default=None), "_direction", None)
        if direction is None:
            raise ValueError(f"{type(self).__name__} monitors {self.monitor!r}, and it is not known whether that "
                             "should rise or fall. Fix: mode='max' or mode='min'")
        return direction == "up"

    def improved(self, value, reference) -> bool:
        """Better than the reference, by more than min_delta; NaN never is."""
        if reference is None:
            return value == value
        return value - self.min_delta > reference if self.rises() else value + self.min_delta < reference
