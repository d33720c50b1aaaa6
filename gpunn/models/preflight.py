"""Before the first batch: everything that is wrong with data, labels, loss and monitors, at once, each with its fix."""
import warnings

import numpy as np

from .. import losses, metrics
from .._names import suggest
from ..callbacks.monitor import Monitor
from ..tree import flatten

SPARSE = ("sparse_categorical_crossentropy",)
CATEGORICAL = ("categorical_crossentropy",)
BINARY = ("binary_crossentropy", "bce", "BCE")
KNOWN_AT_ONCE = ("loss", "val_loss", "learning_rate", "lr")


def check_compile(compiled: dict):
    """Misspelt losses and metrics are found here, not in the first step."""
    for identifier in flatten(compiled["loss"]):
        if isinstance(identifier, str):
            losses.as_loss(identifier, ((1,), (1, 1)))
    for identifier in flatten([compiled["metrics"] or [], compiled["weighted_metrics"] or []]):
        if isinstance(identifier, str):
            metrics.as_metric(identifier, ((1,), (1, 1)))
    for weight in flatten(compiled["loss_weights"]):
        if isinstance(weight, str):
            raise ValueError(f"compile: loss_weights must be numbers, got {weight!r}. Fix: metrics=[{weight!r}]")


def check_fit(model, feed, calls, held_out):
    """Raise one error that lists every problem."""
    problems = [*label_problems(model, feed), *monitor_problems(model, calls, held_out)]
    if hasattr(held_out, "length"):
        problems += [f"validation_data: {p}" for p in label_problems(model, held_out)]
    if problems:
        raise ValueError(f"{model.name} cannot be trained as it is:\n" + "\n".join(f"  - {p}" for p in problems))
    warn_of_scores(model)
    x = flatten(feed.first()[0])[0]
    if x.dtype == np.uint8 and x.ndim >= 3 and x.max() > 1 and not _rescales(model):
        warnings.warn(f"fit: x holds whole numbers up to {x.max()}; networks learn better from small numbers. "
                      "Fix: x = x.astype('float32') / 255, or a Rescaling(1/255) layer first", stacklevel=4)


def warn_of_scores(model):
    """Where a cross-entropy reads as probabilities what a last layer without an activation makes."""
    loss = name_of(model.loss)
    if loss not in (*SPARSE, *CATEGORICAL, *BINARY) or getattr(model.loss, "options", {}).get("from_logits"):
        return
    for s in getattr(model, "outputs", None) or ():
        activation = getattr(getattr(s.node, "f", None), "activation", None)
        if getattr(activation, "__name__", "") == "linear":
            warnings.warn(f"fit: {loss} reads the outputs as probabilities, but the last layer has no activation. Fix: "
                          f"activation='{'sigmoid' if loss in BINARY else 'softmax'}' in it, or a loss with "
                          "from_logits=True", stacklevel=5)


def _rescales(model) -> bool:
    return any(type(layer).__name__ in ("Rescaling", "Normalization", "BatchNormalization", "Embedding", "Lambda")
               for layer in model.flatten_layers())


def name_of(loss) -> str:
    return loss if isinstance(loss, str) else getattr(loss, "name", None) or getattr(loss, "__name__", "")


def label_problems(model, feed) -> list[str]:
    """Targets that cannot belong to the outputs, for each output with a loss of the library's."""
    shapes = [s.shape for s in getattr(model, "outputs", None) or ()]          # a subclass knows them when it runs
    targets = feed.targets()
    y, names = flatten(targets), getattr(model, "output_names", None) or [model.name]
    wanted = model.loss
    if isinstance(wanted, dict):
        wanted = [wanted.get(n) for n in names]
    wanted = list(wanted) if isinstance(wanted, list | tuple) else [wanted] * len(y)
    if targets is None or not len(wanted) == len(y) == len(shapes) == len(names):
        return []
    return [p for loss, labels, shape, name in zip(wanted, y, shapes, names, strict=True)
            if labels is not None and (p := label_problem(name_of(loss), labels, shape, name))]


def label_problem(loss: str, labels, shape, name: str) -> str | None:
    classes = shape[-1]
    if loss in CATEGORICAL and (labels.ndim < len(shape) or labels.shape[-1] == 1 != classes):
        return (f"output '{name}' has {classes} values a sample, but y has shape {labels.shape}: "
                "categorical_crossentropy wants "
                f"one-hot rows. Fix: loss='sparse_categorical_crossentropy', or y = to_categorical(y, {classes})")
    if loss in SPARSE and labels.ndim == len(shape) and labels.shape[-1] == classes != 1:
        return (f"output '{name}': y has shape {labels.shape}, which looks one-hot. Fix: "
                "loss='categorical_crossentropy', or y = y.argmax(-1)")
    if loss in SPARSE and labels.size and classes is not None:
        return class_problem(labels, classes, name)
    if loss in losses.KNOWN and loss not in SPARSE and labels.ndim == len(shape) and not all(
            n == m or None in (n, m) or 1 in (n, m) for n, m in zip(shape[1:], labels.shape[1:], strict=True)):
        return f"output '{name}' has shape {shape}, but y has shape {labels.shape}. Fix: another last layer or y"
    return None


def class_problem(labels, classes: int, name: str) -> str | None:
    """Of the first label that is no whole number from 0 to classes - 1."""
    flat = labels.reshape(-1)
    if flat.min() >= 0 and flat.max() < classes and (flat.dtype.kind in "biu" or (flat == np.floor(flat)).all()):
        return None
    wrong = ~((flat >= 0) & (flat < classes) & (flat == np.floor(flat)))
    at, most = int(np.argmax(wrong)), flat[np.isfinite(flat)].max(initial=0)
    fix = f"Dense({int(most) + 1}) as the last layer, or other labels" if most >= classes else "other labels"
    return (f"output '{name}' has {classes} values, so labels must be 0 to {classes - 1}, but sample "
            f"{at // (flat.size // len(labels))} has the label {flat[at]}. Fix: {fix}")


def monitor_problems(model, calls, held_out) -> list[str]:
    """Callbacks that watch a metric which will not be there."""
    problems, known = [], known_metrics(model)
    watched = [(c, name) for c in calls.callbacks if hasattr(c, "watches") for name in c.watches()]
    for c, monitor in watched:
        if known is not None and monitor.removeprefix("val_") not in known:
            problems.append(f"{type(c).__name__} monitors {monitor!r}, which is not among the metrics"
                            f"{suggest(monitor, [*known, *(f'val_{k}' for k in known if k[:4] != 'val_')])}")
        elif monitor.startswith("val_") and held_out is None:
            problems.append(f"{type(c).__name__} monitors {monitor!r}, but there is no validation data. Fix: pass "
                            f"validation_data or validation_split to fit, or monitor {monitor[4:]!r}")
        elif known is not None and isinstance(c, Monitor) and monitor == c.monitor:
            try:
                c.rises(known)
            except ValueError as error:
                problems.append(str(error))
    return problems


def known_metrics(model) -> dict | None:
    """The names that logs will have, and the metrics behind them; None when a model makes its own logs."""
    from .trainer import Trainer
    if type(model).train_step is not Trainer.train_step or type(model).compute_metrics is not Trainer.compute_metrics:
        return None
    names = getattr(model, "output_names", None) or [None]
    prefixes = [f"{n}_" for n in names] if len(names) > 1 else [""]
    wanted = flatten([model._compiled["metrics"] or [], model._compiled["weighted_metrics"] or []])
    made = [metrics.as_metric(m, ((1,), (1, 1))) for m in wanted]
    return {**dict.fromkeys([*KNOWN_AT_ONCE, *(f"{p}loss" for p in prefixes)]),
            **{p + m.name: m for m in made for p in prefixes}}
