"""What watches one metric: which way is better, and whether a value is."""
from .._names import suggest
from .callback import Callback


class Monitor(Callback):
    """`mode`: "min", "max", or "auto", which knows that losses fall and asks the metric otherwise."""

    def __init__(self, monitor="val_loss", mode="auto", min_delta=0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"{type(self).__name__}: mode must be 'auto', 'min' or 'max', got {mode!r}")
        self.monitor, self.mode, self.min_delta, self.best = monitor, mode, abs(min_delta), None

    def watches(self) -> list[str]:
        return [self.monitor]

    def current(self, logs):
        """The monitored value; None in an epoch without validation."""
        logs = logs or {}
        if self.monitor in logs:
            return logs[self.monitor]
        if self.monitor.startswith("val_") and not any(name.startswith("val_") for name in logs):
            return None
        raise ValueError(f"{type(self).__name__}: monitor {self.monitor!r} is not among the metrics"
                         f"{suggest(self.monitor, logs)}")

    def rises(self) -> bool:
        """Whether larger is better."""
        if self.mode != "auto":
            return self.mode == "max"
        rising = rises(self.monitor, {m.name: m for m in self.model.metrics})
        if rising is None:
            raise ValueError(unclear(self))
        return rising

    def improved(self, value, reference) -> bool:
        """Better than the reference, by more than min_delta; NaN never is."""
        if reference is None:
            return value == value
        return value - self.min_delta > reference if self.rises() else value + self.min_delta < reference


def rises(monitor: str, metrics: dict) -> bool | None:
    """Whether a larger value of this name is better; None if nobody knows. `metrics`: name -> object."""
    if monitor.endswith("loss"):
        return False
    found = [m for name, m in metrics.items() if m is not None and f"_{monitor}".endswith(f"_{name}")]
    direction = getattr(max(found, key=lambda m: len(m.name), default=None), "_direction", None)
    return None if direction is None else direction == "up"


def unclear(callback) -> str:
    return (f"{type(callback).__name__} monitors {callback.monitor!r}, and it is not known whether that should rise or "
            "fall. Fix: mode='max' or mode='min'")
