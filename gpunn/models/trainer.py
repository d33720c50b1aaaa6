"""compile, fit, evaluate, predict: Keras' training interface on recorded steps."""
import warnings
from contextlib import nullcontext
from functools import partial, wraps
from inspect import signature

import numpy as np

from .. import optimizers
from .._names import refuse_unknown
from ..backend import current, rng
from ..callbacks import CallbackList
from ..callbacks.callback import numbers
from ..data import make_feed, whole
from ..data.batches import pack, unpack
from ..data.feeds import is_stream
from ..data.host import host, split, weigh_classes
from ..data.stream import BatchFeed
from ..tensor import Tensor, gradients, no_grad
from ..tree import flatten, map_structure
from . import memory, preflight
from .compiled import Losses, LossMean, Metrics, NotYet, Results
from .fit import Fit, driven
from .loop import Loop
from .objects import deserialize_keras_object, serialize_keras_object

COMPILE = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution",
           "jit_compile", "auto_scale_loss")


def drawing(mode: str):
    """Inside the method, random numbers come from the model's own source."""
    def of(method):
        known = [name for name in signature(method).parameters if name != "self"]

        @wraps(method)
        def inside(self, *args, **options):
            refuse_unknown(method.__name__, [name for name in options if name not in known], known)
            with rng.using(self._source(mode)):
                return method(self, *args, **options)
        return inside
    return of


class Trainer:
    """The half of a model that trains it. Override `train_step`, `test_step`, `predict_step` or `compute_loss`."""

    def _start_training_state(self):
        self.optimizer, self.loss, self.stop_training, self._temporaries, self._fit = None, None, False, 0, None
        self._losses_by_output = self._metrics_by_output = None
        self._loss_tracker, self._compiled, self._batch_loops, self._sources = None, None, {}, {}

    def compile(self, optimizer="rmsprop", loss=None, loss_weights=None, metrics=None, weighted_metrics=None,
                run_eagerly=False, steps_per_execution=1, jit_compile="auto", auto_scale_loss=True, **kwargs):
        """Choose the optimizer, the loss (or one for each output) and the metrics.

        `steps_per_execution`: batches from one call of `on_train_batch_end` to the next; a GPU gets them in one launch.
        "auto": 1 on a CPU, 16 on a GPU.
        """
        refuse_unknown("compile", kwargs, COMPILE)
        whole("compile", steps_per_execution=None if steps_per_execution == "auto" else steps_per_execution)
        self.optimizer, self.loss, self.auto_scale_loss = optimizers.get(optimizer), loss, auto_scale_loss
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16" and \
                not isinstance(self.optimizer, optimizers.LossScaleOptimizer | None):
            self.optimizer = optimizers.LossScaleOptimizer(self.optimizer)
        self._compiled = {"loss": loss, "loss_weights": loss_weights, "metrics": metrics,
                          "weighted_metrics": weighted_metrics}
        self.run_eagerly, self.steps_per_execution = run_eagerly, steps_per_execution
        self._losses_by_output = self._metrics_by_output = None
        self._loss_tracker, self._batch_loops = LossMean(name="loss"), {}
        self._sources = rng.model_sources()
        preflight.check_compile(self._compiled)

    def get_compile_config(self) -> dict | None:
        """What `compile` was given, as plain data; None for a model that was not compiled."""
        if self._compiled is None:
            return None
        return serialize_keras_object({"optimizer": self.optimizer, **self._compiled, "run_eagerly": self.run_eagerly,
                                       "steps_per_execution": self.steps_per_execution,
                                       "auto_scale_loss": self.auto_scale_loss})

    def compile_from_config(self, config: dict):
        """Compile as it was when `get_compile_config` gave this."""
        custom = type(self).compile is not Trainer.compile
        if custom and type(self).compile_from_config is Trainer.compile_from_config:
            warnings.warn(f"{self.name} has a compile() of its own and was not compiled: call it, or define "
                          "get_compile_config and compile_from_config", stacklevel=3)
            return
        self.compile(**deserialize_keras_object(config))

    # ---- one step -------------------------------------------------------------------------------------------------

    def train_step(self, data):
        """Forward, loss, backward, update; returns what to log. What it does with tensors is recorded and replayed."""
        x, y, sample_weight = unpack(data)
        y_pred = self(x, training=True)
        loss = self.compute_loss(x, y, y_pred, sample_weight)
        self._loss_tracker.update_state(loss, len(flatten(x)[0]))
        weights = self.trainable_weights
        if weights:
            gradients(loss, weights, self.optimizer.scale_loss(1.0))
            self.optimizer.apply(None, weights)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data):
        x, y, sample_weight = unpack(data)
        y_pred = self(x, training=False)
        loss = self.compute_loss(x, y, y_pred, sample_weight, training=False)
        self._loss_tracker.update_state(loss, len(flatten(x)[0]))
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data):
        return self(unpack(data)[0], training=False)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The losses of the outputs, plus what layers and regularizers added."""
        if self._losses_by_output is None:
            self._losses_by_output = Losses(self.loss, self._compiled["loss_weights"], self._names_of(y_pred))
        total = self._losses_by_output(y, y_pred, sample_weight) if self.loss is not None else None
        for extra in self.losses:
            total = extra if total is None else total + extra
        if total is None:
            raise ValueError(f"{self.name}: there is no loss: give one to compile(loss=...), "
                             "or call add_loss in a layer")
        return total

    def compute_metrics(self, x, y, y_pred, sample_weight=None) -> Results:
        """Update the compiled metrics; the results of all, computed when somebody looks."""
        if self._metrics_by_output is None:
            names = self._names_of(y_pred)
            self._metrics_by_output = Metrics(self._compiled["metrics"], self._compiled["weighted_metrics"],
                                              names, names)
        if y is not None:
            self._metrics_by_output.update(y, y_pred, sample_weight)
        return Results(self._named_metrics())

    def get_metrics_result(self) -> dict:
        """The loss first, then the metrics in their order."""
        return {name: m.result() for name, m in self._named_metrics()}

    def _named_metrics(self) -> list:
        named = [("loss", self._loss_tracker)] if self._loss_tracker is not None else []
        if self._losses_by_output is not None:
            named += [(t.name, t) for t in self._losses_by_output.trackers]
        named += [(m.name, m) for m in self.held_metrics()]
        if self._metrics_by_output is not None:
            named += self._metrics_by_output.named
        return named

    @property
    def metrics(self) -> list:
        waiting = self._metrics_by_output is None and any((self._compiled or {}).get(k) for k in COMPILE[3:5])
        return [m for _, m in self._named_metrics()] + [NotYet(self)] * waiting

    @property
    def metrics_names(self) -> list[str]:
        named, own = self._named_metrics(), self.metrics
        return [n for n, _ in named] if own == [m for _, m in named] else [m.name for m in own]

    def reset_metrics(self):
        for m in self.metrics:
            m.reset_state()

    def _names_of(self, y_pred) -> list[str]:
        names = getattr(self, "output_names", None)
        count = len(flatten(y_pred))
        if isinstance(y_pred, dict):
            return sorted(y_pred)
        return names if names and len(names) == count else [f"output_{i + 1}" for i in range(count)]

    # ---- many steps -----------------------------------------------------------------------------------------------

    @drawing("train")
    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, validation_split=0.0,
            validation_data=None, shuffle=True, class_weight=None, sample_weight=None, initial_epoch=0,
            steps_per_epoch=None, validation_steps=None, validation_batch_size=None, validation_freq=1):
        """Train for `epochs` epochs; returns the History.

        batch_size="auto": on a GPU the largest power of two that its memory has room for, by estimate; on a CPU 32.
        """
        self._require_compiled("fit")
        if isinstance(batch_size, str) and batch_size == "auto":
            batch_size = memory.chosen_batch(self, x)
        whole("fit", 0, epochs=epochs, initial_epoch=initial_epoch)
        whole("fit", validation_freq=None if hasattr(validation_freq, "__contains__") else validation_freq)
        if validation_split and validation_data is None:
            if is_stream(x):
                raise ValueError(f"fit: validation_split needs arrays, x is a {type(x).__name__}. Fix: validation_data")
            arrays = host(x, "x"), host(y, "y"), host(sample_weight, "sample_weight")
            (x, y, sample_weight), validation_data = split(arrays, validation_split)
        feed = make_feed(x, y, sample_weight, batch_size=batch_size, steps=steps_per_epoch, shuffle=bool(shuffle),
                         class_weight=class_weight)
        held_out = None
        if validation_data is not None:
            held_out = _validation_feed(validation_data, validation_batch_size or batch_size, validation_steps)
        try:
            self._prepare(feed)
            calls = CallbackList(callbacks, add_history=True, add_progbar=verbose != 0, model=self, verbose=verbose,
                                 epochs=epochs, **_sizes(feed))
            preflight.check_fit(self, feed, calls, held_out)
            self._fit, self.history = Fit(self, feed, held_out, calls, validation_freq), calls.history
            self._fit.run(initial_epoch, epochs)
            return calls.history
        except MemoryError as error:
            said = str(error)
        finally:
            self._fit = None
        raise memory.exhausted(self, feed, said)        # after the exception, which held the arrays of the step

    @drawing("test")
    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None, callbacks=None,
                 return_dict=False):
        """The loss, or [loss, metric, ...], or a dictionary, over the data."""
        self._require_compiled("evaluate")
        feed = make_feed(x, y, sample_weight, batch_size=batch_size, steps=steps, who="evaluate")
        self._build_from(feed)
        calls = CallbackList(callbacks, add_progbar=verbose != 0, model=self, verbose=verbose, **_sizes(feed))
        logs = self._evaluate(self._loop("test", feed, "evaluate"), calls)
        feed.close()
        return logs if return_dict else _unwrapped(logs)

    @drawing("predict")
    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """The outputs for all samples, as NumPy arrays."""
        feed = make_feed(x, batch_size=batch_size, steps=steps, who="predict")
        calls = CallbackList(callbacks, add_progbar=verbose != 0, model=self, verbose=verbose, **_sizes(feed))
        loop, parts = self._loop("predict", feed, "predict"), []
        feed.restart()
        calls.on_predict_begin()
        while (key := feed.advance()) is not None:
            calls.on_predict_batch_begin(len(parts))
            parts.append(map_structure(_copied, loop.run(key)))
            calls.on_predict_batch_end(len(parts) - 1, {"outputs": parts[-1]} if calls.wants_batches else None)
        calls.on_predict_end()
        feed.close()
        if not parts:
            raise ValueError("predict: the data is empty")
        return map_structure(lambda *arrays: np.concatenate(arrays), *parts)

    @drawing("train")
    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """One step on one batch; the loss and the metrics are those of this batch."""
        self._require_compiled("train_on_batch")
        self.reset_metrics()
        data = _one_batch(x, y, sample_weight, class_weight)
        loop, key = self._batch_loop("train", data)
        self.optimizer.refresh()
        with driven(self.optimizer):
            logs = numbers(loop.run(key))
        self._temporaries = loop.bytes
        return logs if return_dict else _unwrapped(logs)

    @drawing("test")
    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        self._require_compiled("test_on_batch")
        self.reset_metrics()
        loop, key = self._batch_loop("test", _one_batch(x, y, sample_weight))
        logs = numbers(loop.run(key))
        return logs if return_dict else _unwrapped(logs)

    @drawing("predict")
    def predict_on_batch(self, x):
        loop, key = self._batch_loop("predict", _one_batch(x))
        return map_structure(_copied, loop.run(key))

    # ---- inside ---------------------------------------------------------------------------------------------------

    def _step(self, mode, batch):
        with nullcontext() if mode == "train" else no_grad():
            return getattr(self, f"{mode}_step")(pack(*batch))

    def _source(self, mode: str) -> rng.Source:
        """Made when the model is compiled, anew after `set_seed`."""
        if mode not in self._sources or self._sources[mode].parent is not rng.root():
            self._sources[mode] = rng.model_source()
        return self._sources[mode]

    def _loop(self, mode, feed, what) -> Loop:
        return Loop(partial(self._step, mode), feed, self._source(mode), pure=self._is_plain(),
                    eager=getattr(self, "run_eagerly", False), what=f"{what} of '{self.name}'",
                    variant=lambda: self.optimizer is None or self.optimizer.updates)

    def _is_plain(self) -> bool:
        """Whether all its layers are gpunn's own: nobody's code runs in its steps but a loss or an activation."""
        return all(type(part).__module__.startswith("gpunn.") for part in self.flatten_layers())

    def _batch_loop(self, mode, data):
        """The loop of train_on_batch and its like: kept, so that the next call replays."""
        loop = self._batch_loops.get(mode)
        if loop is None or loop.source is not self._source(mode):
            loop = self._batch_loops[mode] = self._loop(mode, BatchFeed(), f"{mode}_on_batch")
        key = loop.feed.put(data)
        if mode == "train":
            self._prepare(loop.feed)
        return loop, key

    def _steps_in_one(self) -> int:
        """How many steps run from one call of a callback to the next, on a GPU in one launch."""
        return current().steps_in_one if self.steps_per_execution == "auto" else self.steps_per_execution

    @property
    def compiled(self) -> bool:
        return self._compiled is not None

    def _require_compiled(self, what: str):
        if self._compiled is None:
            raise ValueError(f"{self.name}: call compile(optimizer=..., loss=...) before {what}")

    def _prepare(self, feed):
        """Weights exist and lie in the optimizer's flat buffer before the first step."""
        self._build_from(feed)
        if weights := self.trainable_weights:
            if self.optimizer is None:
                raise ValueError(f"{self.name}: there is no optimizer to train with: give one to compile")
            self.optimizer.prepare(weights)

    def _build_from(self, feed):
        layers = self.flatten_layers()
        if not all(layer.built for layer in layers) or not any(layer._own_weights() for layer in layers):
            x = map_structure(lambda a: Tensor(current().asarray(a[:1])), feed.first()[0])
            with no_grad():
                self(x, training=False)

    def _evaluate(self, loop, calls):
        self.reset_metrics()
        loop.feed.restart()
        calls.on_test_begin()
        step, logs = 0, {}
        while (key := loop.feed.advance(self._steps_in_one())) is not None:
            calls.on_test_batch_begin(step)
            logs = loop.run(key)
            step += loop.feed.steps_at_once
            calls.on_test_batch_end(step - 1, numbers(logs) if calls.wants_batches else None)
        if not step:
            raise ValueError(f"{loop.what}: the data is empty. Fix: arrays or a PyDataset; a generator gives a batch "
                             "but once")
        logs = numbers(logs)
        calls.on_test_end(logs)
        return logs


def _validation_feed(data, batch_size, steps):
    if isinstance(data, tuple) and len(data) not in (2, 3):
        raise ValueError("fit: validation_data must be (x, y), (x, y, sample_weight) or a source of batches, got a "
                         f"tuple of {len(data)}")
    parts = data if isinstance(data, tuple | list) and len(data) in (2, 3) else (data,)
    return make_feed(*parts, batch_size=batch_size, steps=steps, who="validation_data")


def _one_batch(x, y=None, sample_weight=None, class_weight=None):
    x, y, sample_weight = host(x, "x"), host(y, "y"), host(sample_weight, "sample_weight")
    if class_weight is not None:
        sample_weight = weigh_classes(y, sample_weight, class_weight)
    return x, y, sample_weight


def _sizes(feed) -> dict:
    """What the progress counts: steps, and samples where the data set is in memory."""
    if not hasattr(feed, "length"):
        return {"steps": feed.steps}
    samples = min(feed.length, feed.steps * feed.batch_size)
    return {"steps": feed.steps, "samples": samples, "batch_size": feed.batch_size}


def _copied(tensor) -> np.ndarray:
    return np.array(tensor.numpy())


def _unwrapped(logs: dict):
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
