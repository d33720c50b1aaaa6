"""What `summary` says about the memory of a training step, against what NumPy allocates."""
import gc
import re
import tracemalloc

import numpy as np
import pytest

import gpunn
from gpunn import layers

from .zoo import MODELS, data

UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


def said(model) -> dict[str, float]:
    """Bytes by name, from the last line of the summary."""
    lines = []
    model.summary(print_fn=lines.append)
    parts = re.findall(r"([\w ]+?):? ([\d.]+) (B|KB|MB|GB)\b", lines[0].splitlines()[-1])
    return {name.strip(): float(number) * UNITS[unit] for name, number, unit in parts}


def wide():
    return gpunn.Sequential([layers.Input((256,)), layers.Dense(1024, "tanh"), layers.Dropout(0.2),
                             layers.Dense(1024, "relu"), layers.BatchNormalization(), layers.Dense(4, "softmax")])


def imaging():
    return gpunn.Sequential([layers.Input((24, 24, 8)), layers.Conv2D(32, 3, activation="relu"),
                             layers.MaxPooling2D(), layers.Flatten(), layers.Dense(4, "softmax")])


@pytest.mark.parametrize("build", [wide, imaging])
def test_a_recorded_step_keeps_what_the_summary_says(build):
    def trained():
        model = build()
        model.compile("adam", "sparse_categorical_crossentropy")
        for _ in range(4):
            model.train_on_batch(x, y)
        return model
    x = np.random.default_rng(0).normal(size=(512, *build().inputs[0].shape[1:])).astype("float32")
    y = np.arange(512, dtype="int32") % 4
    trained()                                           # what stays in the process: compiled kernels, plans
    gc.collect()
    tracemalloc.start()
    model = trained()
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert said(model)["Step memory"] == pytest.approx(kept - x.nbytes - y.nbytes, rel=0.1)


def test_the_parts_add_up():
    model = MODELS["mlp"]()
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert "Step memory" not in said(model)
    for _ in range(4):
        model.train_on_batch(*data(model))
    parts = said(model)
    total = parts.pop("Step memory")
    assert total == pytest.approx(sum(parts.values()), rel=0.01) and parts["optimizer"] == 0 < parts["temporaries"]
