"""What happens around epochs and batches: the base class, and the list that calls them."""
import numpy as np

HOOKS = [f"on_{when}_{edge}" for edge in ("begin", "end")
         for when in ("train", "test", "predict", "epoch", "train_batch", "test_batch", "predict_batch")]


class Callback:
    """Override what you need; `self.model` and `self.params` are set before training begins.

    `kept` names the attributes (numbers, arrays, lists of arrays) that BackupAndRestore keeps with the model.
    """
    kept: tuple[str, ...] = ()
    runs_last = False                   # after the hooks of all others, wherever it stands among them

    def __init__(self):
        self.params, self._model = None, None

    model = property(lambda self: self._model)

    def set_params(self, params):
        self.params = params

    def set_model(self, model):
        self._model = model

    def on_train_begin(self, logs=None):
        """Training starts."""

    def on_train_end(self, logs=None):
        """Training is over; logs of the last epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        """An epoch starts; epochs count from 0."""

    def on_epoch_end(self, epoch, logs=None):
        """An epoch is over; logs hold its metrics, and val_ ones."""

    def on_train_batch_begin(self, batch, logs=None):
        """A training step starts."""

    def on_train_batch_end(self, batch, logs=None):
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch, logs=None):
        """The old name of on_train_batch_begin."""

    def on_batch_end(self, batch, logs=None):
        """The old name of on_train_batch_end."""

    def on_test_begin(self, logs=None):
        """Evaluation or validation starts."""

    def on_test_end(self, logs=None):
        """Evaluation or validation is over."""

    def on_test_batch_begin(self, batch, logs=None):
        """A step of evaluation starts."""

    def on_test_batch_end(self, batch, logs=None):
        """A step of evaluation is over."""

    def on_predict_begin(self, logs=None):
        """Prediction starts."""

    def on_predict_end(self, logs=None):
        """Prediction is over."""

    def on_predict_batch_begin(self, batch, logs=None):
        """A step of prediction starts."""

    def on_predict_batch_end(self, batch, logs=None):
        """A step of prediction is over; logs["outputs"] are its outputs."""

    def watches(self) -> list[str]:
        """The names that logs must have for this callback; `fit` looks for them before the first epoch."""
        monitor = getattr(self, "monitor", None)
        return [monitor] if isinstance(monitor, str) else []


def overrides(callback, name: str) -> bool:
    """Whether this callback does anything at this hook."""
    own = getattr(type(callback), name, None)
    if name == "on_train_batch_end":
        return own is not Callback.on_train_batch_end or overrides(callback, "on_batch_end")
    if name == "on_train_batch_begin" and own is Callback.on_train_batch_begin:
        return overrides(callback, "on_batch_begin")
    return own is not getattr(Callback, name, None)


class CallbackList:
    """Calls the hooks of several callbacks; batch logs are read from the device only if somebody looks at them."""

    def __init__(self, callbacks=None, add_history=False, add_progbar=False, model=None, verbose="auto", epochs=1,
                 steps=None, samples=None, batch_size=1):
        from .history import History
        from .progbar import ProgbarLogger
        self.callbacks = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks] if callbacks else []
        for c in self.callbacks:
            if not hasattr(c, "on_epoch_end") or isinstance(c, type):
                fix = f". Fix: {c.__name__}(...)" if isinstance(c, type) else ""
                raise ValueError(f"callbacks: expected Callback objects, got {type(c).__name__} {c!r}{fix}")
        self.history = next((c for c in self.callbacks if isinstance(c, History)), None)
        if add_history and self.history is None:
            self.history = History()
            self.callbacks.append(self.history)
        if add_progbar and not any(isinstance(c, ProgbarLogger) for c in self.callbacks):
            self.callbacks.append(ProgbarLogger())
        self.params = {"verbose": verbose, "epochs": epochs, "steps": steps, "samples": samples,
                       "batch_size": batch_size}
        for c in self.callbacks:
            c.set_model(model)
            c.set_params(self.params)
        self._find_hooks()

    def _find_hooks(self):
        ordered = sorted(self.callbacks, key=lambda c: getattr(c, "runs_last", False))
        self._at = {name: [getattr(c, name) for c in ordered if overrides(c, name)] for name in HOOKS}
        self.wants_batches = any(overrides(c, name) and not getattr(c, "reads_lazily", False)
                                 for c in self.callbacks for name in HOOKS if "batch_end" in name)

    def quiet(self):
        """The same callbacks without the progress bar: validation inside an epoch has no line of its own."""
        from .progbar import ProgbarLogger
        inner = object.__new__(CallbackList)
        inner.callbacks = [c for c in self.callbacks if not isinstance(c, ProgbarLogger)]
        inner.history, inner.params = self.history, self.params
        inner._find_hooks()
        return inner


def _announce(name: str):
    """The method of CallbackList that calls the hook of this name of all callbacks which have one."""
    reads, count = name in ("on_train_batch_end", "on_test_batch_end"), 2 if "batch" in name or "epoch" in name else 1

    def announce(self, *args, **named):         # ([epoch or batch], logs=None); a hook always gets logs
        if hooks := self._at[name]:
            args = (*args, *named.values(), {})[:count]
            if reads and self.wants_batches:
                args = args[0], numbers(args[1])
            for hook in hooks:
                hook(*args)
    return announce


for _name in HOOKS:
    setattr(CallbackList, _name, _announce(_name))


def numbers(logs=None) -> dict:
    """Logs for the host: plain numbers; a metric may have several results, by name."""
    parts = [v if isinstance(v, dict) else {k: v} for k, v in (logs or {}).items()]
    return {k: float(v) if np.size(v) == 1 else np.asarray(v) for part in parts for k, v in part.items()}
