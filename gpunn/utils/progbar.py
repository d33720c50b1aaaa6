from dataclasses import replace

from ..callbacks.progress import STYLES, ProgressBar, modern_texts


class Progbar:
    """A bar to drive by hand: `update(steps_done, [("loss", 0.3)])`. Values are averaged over the steps, unless they
    are named in `stateful_metrics` (or, where `stateless_metrics` is given, are not named there)."""

    def __init__(self, target, width=20, verbose=1, interval=0.05, stateful_metrics=None, stateless_metrics=None,
                 unit_name="step"):
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Progbar: give only one of stateful_metrics and stateless_metrics")
        self.target, self.unit_name, self.totals, self.seen = target, unit_name, {}, 0
        self.averaged = stateless_metrics.__contains__ if stateless_metrics is not None else \
            lambda name: name not in (stateful_metrics or ())
        style = replace(STYLES["modern"], texts=self.texts, bar=f"{{bar:{width}}}  ")
        self.bar = ProgressBar(target, verbose=verbose, read=self.values, style=style, refresh=interval)

    def texts(self, state) -> tuple[str, str]:
        """`31/40  1.2s  3ms/step  loss: 0.3121`"""
        each, counts = state.seconds / max(1, state.done), modern_texts(replace(state, logs={}))[1]
        scale, unit = next(((s, u) for s, u in ((1, "s"), (1e-3, "ms")) if each >= s or not each), (1e-6, "us"))
        return "", "  ".join([counts, f"{each / scale:.0f}{unit}/{self.unit_name}", *state.metrics])

    def values(self) -> dict:
        return {name: total / count for name, (total, count) in self.totals.items()}

    def update(self, current, values=None, finalize=None):
        """`current` steps are done; the last update, by default that of the target, ends the line."""
        finalize = self.target is not None and current >= self.target if finalize is None else finalize
        steps = max(current - self.seen, 1)
        for name, value in values or ():
            total, count = self.totals.get(name, (0.0, 0))
            averaged = self.averaged(name) and not finalize
            self.totals[name] = (total + value * steps, count + steps) if averaged else (value, 1)
        self.seen = current
        self.bar.update(current)
        if finalize:
            self.bar.close()

    def add(self, n, values=None):
        self.update(self.seen + n, values)
