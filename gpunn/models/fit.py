"""One call of fit: the epochs, the steps in them, the validation after them."""
import warnings
from contextlib import contextmanager

import numpy as np

from ..callbacks.callback import numbers
from .state import restore, state_of


class Fit:
    """Runs the epochs of one call, and tells the callbacks."""
    state, restore = state_of, restore

    def __init__(self, model, feed, held_out, calls, validation_freq):
        self.model, self.feed, self.calls, self.validation_freq = model, feed, calls, validation_freq
        self.loop = model._loop("train", feed, "fit")
        self.validation = None if held_out is None else model._loop("test", held_out, "validation")

    def run(self, initial_epoch: int, epochs: int):
        model, optimizer = self.model, self.model.optimizer
        model.stop_training = False
        self.next_epoch, self.next_step = initial_epoch, 0
        self.calls.on_train_begin()                     # where a training that was broken off may be taken up again
        self.steps_done, logs = int(optimizer.calls), {}
        # the host decides before each step of some optimizers: these come one by one
        self.at_once = model._steps_in_one() if optimizer.steady else 1
        with driven(optimizer):
            for epoch in range(self.next_epoch, epochs):
                logs = self.epoch(epoch)
                if epoch + 1 < epochs and self.feed.steps is None and not self.feed.can_restart:
                    warnings.warn(f"fit: the generator ended with epoch {epoch + 1} of {epochs}. Fix: one that never "
                                  "ends, with steps_per_epoch, or a PyDataset", stacklevel=4)
                    break
                if model.stop_training:
                    break
        if optimizer.use_ema and model.trainable_weights:
            optimizer.finalize_variable_values(model.trainable_weights)
        model._temporaries = self.loop.bytes
        self.calls.on_train_end(logs)
        self.feed.close()

    def epoch(self, epoch: int) -> dict:
        model, calls = self.model, self.calls
        model.reset_metrics()
        self.feed.start(epoch)
        calls.on_epoch_begin(epoch)
        logs = numbers(self.steps())
        if broken := [k for k, v in logs.items() if np.isnan(v).any()]:
            warnings.warn(f"fit: {', '.join(broken)} became NaN in epoch {epoch + 1}; lower the learning "
                          "rate, or look for NaN in the data and for indices beyond an Embedding", stacklevel=5)
        if self.validation is not None and self.validates(epoch):
            held_out = model._evaluate(self.validation, calls.quiet())
            logs.update({f"val_{k}": v for k, v in held_out.items()})
        calls.on_epoch_end(epoch, logs)
        return logs

    def validates(self, epoch: int) -> bool:
        f = self.validation_freq
        return (epoch + 1) % f == 0 if isinstance(f, int) else epoch + 1 in f

    def steps(self) -> dict:
        """All steps of an epoch; the logs of the last one, still on the device."""
        model, feed, calls = self.model, self.feed, self.calls
        step, self.next_step = self.next_step, 0
        logs = model.get_metrics_result() if step else {}
        while (key := feed.advance(self.at_once)) is not None:
            calls.on_train_batch_begin(step)
            done, logs = self.execution(key)
            step += done
            calls.on_train_batch_end(step - 1, logs)
            if model.stop_training:
                break
        if not step:
            raise ValueError("fit: the data is empty" if self.feed.steps != 0 else "fit: there is nothing to train on")
        if feed.steps and step < feed.steps and not model.stop_training:
            warnings.warn(f"fit: the data ended after {step} of {feed.steps} steps; make sure that the generator gives "
                          "steps_per_epoch * epochs batches", stacklevel=6)
            model.stop_training = not feed.can_restart
        return logs

    def execution(self, key):
        """As many steps as `steps_per_execution` says, or the epoch has left: how many, and the logs of the last."""
        done, feed = 0, self.feed
        while key is not None:
            self.model.optimizer.refresh(self.steps_done)
            logs = self.loop.run(key)
            self.steps_done += feed.steps_at_once
            done += feed.steps_at_once
            left = self.model._steps_in_one() - done
            key = feed.advance(min(left, self.at_once)) if left > 0 else None
        return done, logs


@contextmanager
def driven(optimizer):
    """While a loop runs the steps, it tells the optimizer about each of them beforehand."""
    optimizer.driven = True
    try:
        yield
    finally:
        optimizer.driven = False
