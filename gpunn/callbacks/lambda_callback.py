from .._names import refuse_unknown
from .callback import HOOKS, Callback


class LambdaCallback(Callback):
    """A callback from functions: `LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))`."""

    def __init__(self, on_epoch_begin=None, on_epoch_end=None, on_train_begin=None, on_train_end=None,
                 on_train_batch_begin=None, on_train_batch_end=None, **kwargs):
        super().__init__()
        refuse_unknown("LambdaCallback", {k: v for k, v in kwargs.items() if k not in HOOKS}, HOOKS)
        given = {"on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end, "on_train_begin": on_train_begin,
                 "on_train_end": on_train_end, "on_train_batch_begin": on_train_batch_begin,
                 "on_train_batch_end": on_train_batch_end, **kwargs}
        # hooks are looked for in the class, so that unused ones cost nothing: each LambdaCallback is a class of its own
        methods = {name: staticmethod(f) for name, f in given.items() if f is not None}
        self.__class__ = type("LambdaCallback", (LambdaCallback,), methods)
