"""What happens around epochs and batches: the base class, callbacks from functions, and the list that calls them."""
import numpy as np

from .._names import refuse_unknown
from .._objects import strict

HOOKS = [f"on_{when}_{edge}" for edge in ("begin", "end")
         for when in ("train", "test", "predict", "epoch", "train_batch", "test_batch", "predict_batch")]


class Callback:
    """Override what you need; `self.model` and `self.params` are set before training begins.

    `kept` names the attributes (numbers, arrays, lists of arrays) that BackupAndRestore keeps with the model.
    """
    kept: tuple[str, ...] = ()
    __new__ = strict
    runs_last = False                   # after the hooks of all others, wherever it stands among them

    def __init__(self):
        self.params, self._model = None, None

    model = property(lambda self: self._model)

    def set_params(self, params):
        self.params = params

    def set_model(self, model):
        self._model = model

    def _run(self, logs=None):
        """Training, an evaluation or validation, or a prediction starts or is over; logs: its metrics in the end."""

    def _epoch(self, epoch, logs=None):
        """An epoch, counted from 0, starts or is over; logs: in the end its metrics, and val_ ones."""

    def _batch(self, batch, logs=None):
        """A step starts or is over; logs: in the end the metrics so far, or the "outputs" of a prediction."""

    on_train_begin = on_train_end = on_test_begin = on_test_end = on_predict_begin = on_predict_end = _run
    on_epoch_begin = on_epoch_end = _epoch
    on_test_batch_begin = on_test_batch_end = on_predict_batch_begin = on_predict_batch_end = _batch
    on_batch_begin = on_batch_end = _batch              # the old names of the next two

    def on_train_batch_begin(self, batch, logs=None):
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self.on_batch_end(batch, logs)

    def watches(self) -> list[str]:
        """The names that logs must have for this callback; `fit` looks for them before the first epoch."""
        monitor = getattr(self, "monitor", None)
        return [monitor] if isinstance(monitor, str) else []


class LambdaCallback(Callback):
    """A callback from functions: `LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))`."""

    def __init__(self, on_epoch_begin=None, on_epoch_end=None, on_train_begin=None, on_train_end=None,
                 on_train_batch_begin=None, on_train_batch_end=None, **kwargs):
        given = {**locals(), **kwargs}
        super().__init__()
        refuse_unknown("LambdaCallback", {k: v for k, v in kwargs.items() if k not in HOOKS}, HOOKS)
        # hooks are looked for in the class, so that unused ones cost nothing: each LambdaCallback is a class of its own
        methods = {name: staticmethod(given[name]) for name in HOOKS if given.get(name) is not None}
        self.__class__ = type("LambdaCallback", (LambdaCallback,), methods)


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
        from .progress import ProgbarLogger
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
        from .progress import ProgbarLogger
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
