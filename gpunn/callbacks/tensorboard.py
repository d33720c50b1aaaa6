import time
import warnings
from pathlib import Path

import numpy as np

from .._names import require
from .callback import Callback, numbers
from .event_file import EventFile


class TensorBoard(Callback):
    """Curves for TensorBoard: epoch_<metric> in log_dir/train and log_dir/validation; with `update_freq` "batch" or a
    number also batch_<metric>; with `histogram_freq` the weights; with `write_graph` the model's layers."""
    reads_lazily = True

    def __init__(self, log_dir="logs", histogram_freq=0, write_graph=True, write_images=False,
                 write_steps_per_second=False, update_freq="epoch", profile_batch=0, embeddings_freq=0,
                 embeddings_metadata=None):
        super().__init__()
        for name, value in (("write_images", write_images), ("profile_batch", profile_batch),
                            ("embeddings_freq", embeddings_freq), ("embeddings_metadata", embeddings_metadata)):
            require("TensorBoard", name, not value, "left out: scalars, histograms and the graph are served", value)
        self.every = {"epoch": 0, "batch": 1}.get(update_freq, update_freq)
        right = isinstance(self.every, int) and self.every >= (update_freq != "epoch")
        require("TensorBoard", "update_freq", right, "'epoch', 'batch' or a number >= 1", update_freq)
        self.log_dir, self.histogram_freq, self.write_graph = Path(log_dir), histogram_freq, write_graph
        self.write_steps_per_second, self.update_freq = write_steps_per_second, update_freq
        self.files, self.steps = {}, 0

    def file(self, name: str) -> EventFile:
        """train or validation, begun when there is something to write."""
        if name not in self.files:
            self.files[name] = EventFile(self.log_dir / name)
        return self.files[name]

    def scalars(self, name: str, form: str, logs: dict, step: int):
        for tag, value in logs.items():
            if np.ndim(value) == 0:
                self.file(name).scalar(form.format(tag), value, step)

    def on_train_begin(self, logs=None):
        self.steps = 0
        if self.write_graph and hasattr(self.model, "to_json") and getattr(self.model, "inputs", None):
            try:
                self.file("train").model(self.model.to_json())
            except (TypeError, ValueError) as error:
                warnings.warn(f"TensorBoard: the graph is left out: {error}", stacklevel=2)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch_steps, self.epoch_began = self.steps, time.perf_counter()
        self.step_began = self.epoch_began

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.every and self.steps % self.every == 0:
            logs = numbers(logs)
            if self.write_steps_per_second:
                logs["steps_per_second"] = 1 / (time.perf_counter() - self.step_began)
            self.scalars("train", "batch_{}", logs, self.steps)
        self.step_began = time.perf_counter()

    def on_test_end(self, logs=None):
        if self.model.optimizer is not None:
            self.scalars("validation", "evaluation_{}_vs_iterations", logs or {}, int(self.model.optimizer.iterations))

    def on_epoch_end(self, epoch, logs=None):
        logs = dict(logs or {})
        held_out = {name[4:]: logs.pop(name) for name in list(logs) if name.startswith("val_")}
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        if self.write_steps_per_second:
            logs["steps_per_second"] = (self.steps - self.epoch_steps) / (time.perf_counter() - self.epoch_began)
        self.scalars("train", "epoch_{}", logs, epoch)
        self.scalars("validation", "epoch_{}", held_out, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for weight in self.model.weights:
                self.file("train").histogram(f"{weight.path}/histogram", weight.numpy(), epoch)

    def on_train_end(self, logs=None):
        while self.files:
            self.files.popitem()[1].file.close()
