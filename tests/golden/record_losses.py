"""Record losses.npz and metrics.npz from Keras 3: KERAS_BACKEND=torch python -m tests.golden.record_losses"""
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
import numpy as np

from tests.golden import loss_cases as cases

HERE = Path(__file__).parent


def number(x) -> np.ndarray:
    return keras.ops.convert_to_numpy(x)


def losses() -> dict:
    out = {}
    for i, (name, options, y, p) in enumerate(cases.LOSSES):
        make = getattr(keras.losses, name)
        whole = name in ("Dice", "Tversky") and options.get("axis") is None
        for reduction in cases.REDUCTIONS:
            loss = make(reduction=reduction, **options)
            out[f"{i}/{reduction}"] = number(loss(y, p))
            if len(p) == len(cases.WEIGHTS) and not whole:
                weights = cases.WEIGHTS[:, None] if name == "CosineSimilarity" and options else cases.WEIGHTS
                if weights.ndim == 1:
                    out[f"{i}/{reduction}/weighted"] = number(loss(y, p, weights))
    return out


def masked() -> dict:
    """Losses of a masked prediction, with and without weights."""
    out = {}
    for reduction in cases.REDUCTIONS:
        loss = keras.losses.SparseCategoricalCrossentropy(reduction=reduction)
        for name, weights in (
            ("", None), ("/weighted", cases.DEEP_WEIGHTS), ("/rows", cases.DEEP_WEIGHTS[:, 0])
        ):
            if name == "/rows":
                continue
            p = keras.ops.convert_to_tensor(cases.DEEP)
            p._keras_mask = keras.ops.convert_to_tensor(cases.MASK)
            out[f"masked/{reduction}{name}"] = number(loss(cases.DEEP_LABELS, p, weights))
    metric = keras.metrics.SparseCategoricalAccuracy()
    p = keras.ops.convert_to_tensor(cases.DEEP)
    p._keras_mask = keras.ops.convert_to_tensor(cases.MASK)
    out["masked/metric"] = number(metric(cases.DEEP_LABELS, p))
    return out


def metrics() -> dict:
    """The result after two batches, and after two weighted batches."""
    out = {}
    for i, (name, options, y, p) in enumerate(cases.METRICS):
        for kind, weights in (("plain", None), ("weighted", cases.WEIGHTS)):
            metric = getattr(keras.metrics, name)(**options)
            for half in (slice(0, 4), slice(4, 6)):
                metric.update_state(y[half], p[half], None if weights is None else weights[half])
            out[f"{i}/{kind}"] = number(metric.result())
    for name in ("Mean", "Sum"):
        for kind, weights in (("plain", None), ("weighted", cases.WEIGHTS)):
            metric = getattr(keras.metrics, name)()
            metric.update_state(cases.SCORES, weights)
            out[f"{name}/{kind}"] = number(metric.result())
    return out


if __name__ == "__main__":
    np.savez_compressed(HERE / "losses.npz", **losses(), **masked())
    np.savez_compressed(HERE / "metrics.npz", **metrics())
