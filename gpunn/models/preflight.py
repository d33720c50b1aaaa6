"""Before the first batch: everything that is wrong with data, labels, loss and monitors, at once, each with its fix."""
import math
import warnings
from itertools import zip_longest

import numpy as np

from .. import losses, metrics
from .._names import suggest
from ..backend import to_numpy
from ..callbacks.monitor import Monitor
from ..tensor import Tensor, no_grad
from ..tree import flatten, map_structure
from .graph import fitted

SPARSE = ("sparse_categorical_crossentropy",)
CATEGORICAL = ("categorical_crossentropy",)
BINARY = ("binary_crossentropy", "bce", "BCE")
RATES = ("learning_rate", "lr")
KNOWN_AT_ONCE = ("loss", *RATES)


def check_compile(compiled: dict):
    """Misspelt losses and metrics are found here, not in the first step."""
    for identifier in flatten(compiled["loss"]):
        if isinstance(identifier, str):
            losses.as_loss(identifier, ((1,), (1, 1)))
        elif not callable(identifier) and identifier is not None and not isinstance(compiled["loss"], dict):
            raise ValueError(f"compile: loss must be a name, a function or a Loss, got {identifier!r}")
    for identifier in flatten([compiled["metrics"] or [], compiled["weighted_metrics"] or []]):
        if isinstance(identifier, str):
            metrics.as_metric(identifier, ((1,), (1, 1)))
        elif not callable(identifier) and isinstance(identifier, int | float):
            raise ValueError(f"compile: a metric must be a name, a function or a Metric, got {identifier!r}")
    for weight in flatten(compiled["loss_weights"]):
        if isinstance(weight, str):
            raise ValueError(f"compile: loss_weights must be numbers, got {weight!r}. Fix: metrics=[{weight!r}]")


def check_fit(model, feed, calls, held_out):
    """Raise one error that lists every problem."""
    problems = [*data_problems(model, feed), *monitor_problems(model, calls, held_out)]
    if hasattr(held_out, "length"):
        problems += [f"validation_data: {p}" for p in data_problems(model, held_out)]
    if problems:
        raise ValueError(f"{model.name} cannot be trained as it is:\n" + "\n".join(f"  - {p}" for p in problems))
    warn_of_scores(model)
    x = flatten(feed.first()[0])[0]
    if x.dtype == np.uint8 and x.ndim >= 3 and x.max() > 1 and not _rescales(model):
        warnings.warn(f"fit: x holds whole numbers up to {x.max()}; networks learn better from small numbers. "
                      "Fix: x = x.astype('float32') / 255, or a Rescaling(1/255) layer first", stacklevel=4)


def warn_of_scores(model):
    """Where a cross-entropy reads as probabilities what a last layer makes that makes none."""
    loss = name_of(model.loss)
    if loss not in (*SPARSE, *CATEGORICAL, *BINARY) or getattr(model.loss, "options", {}).get("from_logits"):
        return
    for s in getattr(model, "outputs", None) or ():
        name = getattr(getattr(getattr(s.node, "f", None), "activation", None), "__name__", "")
        wanted = "sigmoid" if loss in BINARY else "softmax"
        if name in ("linear", "relu", "tanh") or name == "softmax" and s.shape[-1] == 1 \
                or name == "sigmoid" != wanted and s.shape[-1] != 1:
            has = "has no activation" if name == "linear" else f"of {s.shape[-1]} units has the activation {name}"
            warnings.warn(f"fit: {loss} reads the outputs as probabilities, but the last layer {has}. Fix: "
                          f"activation='{wanted}' in it, or a loss with from_logits=True", stacklevel=5)


def _rescales(model) -> bool:
    return any(type(layer).__name__ in ("Rescaling", "Normalization", "BatchNormalization", "Embedding", "Lambda")
               for layer in model.flatten_layers())


def name_of(loss) -> str:
    return loss if isinstance(loss, str) else getattr(loss, "name", None) or getattr(loss, "__name__", "")


def data_problems(model, feed) -> list[str]:
    """Of all samples that are in memory, or of the first batch."""
    x, y, weight = feed.arrays if hasattr(feed, "length") else feed.first()
    found = shape_problem(model, feed.first()[0])
    if found:
        return [found]
    plain = _plain(model, "train_step", "compute_loss")
    if y is None and model.loss is not None and plain:
        return ["argument 'y' is missing: the loss compares the outputs with it"]
    problems = [*input_problems(model, x), *label_problems(model, y)]
    if plain and all(name_of(loss) in losses.KNOWN for loss in flatten(model.loss)):
        problems += [p[0] for what, a in (("y", y), ("sample_weight", weight)) if (p := bad_number(what, a))]
        for s in (getattr(model, "outputs", None) or ())[:1] if getattr(weight, "ndim", 1) > 1 else ():
            pairs = zip_longest((*s.shape[1:-1], 1)[:weight.ndim - 1], weight.shape[1:])
            if not all(n in (m, None) for n, m in pairs):
                problems.append(f"sample_weight has shape {weight.shape}. Fix: one number a sample, ({len(weight)},)")
    return problems


def _plain(model, *methods) -> bool:
    """Whether these are the library's."""
    from .trainer import Trainer
    return all(getattr(type(model), name) is getattr(Trainer, name) for name in methods)


def shape_problem(model, x) -> str | None:
    symbols, arrays = getattr(model, "inputs", None) or (), flatten(x)
    try:
        for symbol, array in zip(symbols, () if isinstance(x, dict) or len(arrays) != len(symbols) else arrays):
            fitted(model.name, array, symbol)
    except ValueError as error:
        return str(error)


def bad_number(what: str, nest) -> tuple[str, int] | None:
    """Where the first NaN or infinity is, and in which sample; floats that add up to a number hold none."""
    for i, a in enumerate(arrays := [a for a in flatten(nest) if a is not None]):
        with np.errstate(all="ignore"):
            if a.dtype.kind != "f" or math.isfinite(a.sum()) or not (bad := ~np.isfinite(a := to_numpy(a))).any():
                continue
        at = np.unravel_index(int(bad.argmax()), a.shape)
        samples, place = int(bad.reshape(len(a), -1).any(1).sum()), ", ".join(map(str, at[1:]))
        return (f"{what}{f'[{i}]' if len(arrays) > 1 else ''} holds {a[at]} in {samples} of {len(a)} samples, first in "
                f"sample {at[0]}{f', column {place}' if place else ''}. Fix: np.nan_to_num, or leave such samples out",
                int(at[0]))


def input_problems(model, x) -> list[str]:
    """NaN that reaches the outputs, and numbers beyond the words of an Embedding."""
    problems, found = [], bad_number("x", x)
    if found:
        sample = map_structure(lambda a: Tensor(a[found[1]:found[1] + 1]), x)
        with no_grad():
            if bad_number("", map_structure(lambda t: t.data, model(sample, training=False))):
                problems.append(found[0])
    graph, arrays = getattr(model, "_graph", None), flatten(x)
    first = [(0, layer) for layer in getattr(model, "_layers", ())[:1]] if graph is None else \
        [(i, node.f) for node in graph.nodes for i, s in enumerate(graph.input_symbols) if s is node.args[0]]
    for i, layer in first:
        if type(layer).__name__ != "Embedding" or not arrays[i].size:
            continue
        least, most, words = int(arrays[i].min()), int(arrays[i].max()), layer.input_dim
        if not 0 <= least <= most < words:
            fix = f"Embedding({most + 1}, ...)" if least >= 0 else "numbers >= 0"
            problems.append(f"x holds the numbers {least} to {most}, but Embedding '{layer.name}' has "
                            f"input_dim={words}: 0 to {words - 1}. Fix: {fix}")
    return problems


def label_problems(model, targets) -> list[str]:
    """Targets that cannot belong to the outputs, for each output with a loss of the library's."""
    shapes = [s.shape for s in getattr(model, "outputs", None) or ()]          # a subclass knows them when it runs
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
    joins = classes == 1 and all(n in (m, None) for n, m in zip_longest(shape[1:-1], labels.shape[1:]))
    if loss in losses.KNOWN and not joins and 2 >= labels.ndim < len(shape) - (loss in SPARSE) > 1 < len(shape) - 1:
        return (f"output '{name}' has shape {shape}, an answer for each place, but y has shape {labels.shape}. Fix: "
                "Flatten() (or return_sequences=False in a recurrent layer) before the last layer")
    if loss in CATEGORICAL and (labels.ndim < len(shape) or labels.shape[-1] == 1 != classes):
        return (f"output '{name}' has {classes} values a sample, but y has shape {labels.shape}: "
                "categorical_crossentropy wants "
                f"one-hot rows. Fix: loss='sparse_categorical_crossentropy', or y = to_categorical(y, {classes})")
    if loss in SPARSE and labels.ndim == len(shape) and labels.shape[-1] == classes != 1:
        return (f"output '{name}': y has shape {labels.shape}, which looks one-hot. Fix: "
                "loss='categorical_crossentropy', or y = y.argmax(-1)")
    if loss in SPARSE and labels.size and classes is not None:
        return class_problem(labels, classes, name)
    if loss in BINARY and labels.size and (labels.min() < 0 or labels.max() > 1):
        return (f"output '{name}': binary_crossentropy wants labels from 0 to 1, y has {float(labels.min()):g} to "
                f"{float(labels.max()):g}. Fix: labels of 0 and 1 (for more classes 'sparse_categorical_crossentropy')")
    if loss in losses.KNOWN and loss not in SPARSE and (
            labels.ndim == len(shape) - 1 and classes not in (1, None) or labels.ndim == len(shape) and not all(
            n == m or None in (n, m) or 1 in (n, m) for n, m in zip(shape[1:], labels.shape[1:], strict=True))):
        return f"output '{name}' has shape {shape}, but y has shape {labels.shape}. Fix: another last layer or y"
    return None


def class_problem(labels, classes: int, name: str) -> str | None:
    """Of the first label that is no whole number from 0 to classes - 1."""
    flat = to_numpy(labels).reshape(-1)
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
                            f"{suggest(monitor, [*known, *(f'val_{k}' for k in known if k not in RATES)])}")
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
    if not _plain(model, "train_step", "compute_metrics"):
        return None
    names = getattr(model, "output_names", None) or [None]
    prefixes = [f"{n}_" for n in names] if len(names) > 1 else [""]
    wanted = flatten([model._compiled["metrics"] or [], model._compiled["weighted_metrics"] or []])
    made = [metrics.as_metric(m, ((1,), (1, 1))) for m in wanted]
    return {**dict.fromkeys([*KNOWN_AT_ONCE, *(f"{p}loss" for p in prefixes)]),
            **{m.name: m for m in model.held_metrics()}, **{p + m.name: m for m in made for p in prefixes}}
