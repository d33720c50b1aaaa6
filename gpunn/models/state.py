"""All that a training is between two steps: with it, another process goes on with the same bits."""
import sys

import numpy as np

from ..backend import asarray, current, kernels_of, to_numpy
from ..data.batches import pack
from ..tensor import Tensor, no_grad
from ..tree import map_structure


def state_of(fit, epoch: int, step: int) -> tuple[dict, dict]:
    """(arrays, plain data) of a training whose next step is this one; step 0: a whole epoch lies behind it."""
    kept = [{name: getattr(c, name) for name in getattr(c, "kept", ())} for c in fit.calls.callbacks]
    arrays = {name: to_numpy(a) for name, a in live_arrays(fit, step).items()}
    data = {"epoch": epoch, "step": step, "stopped": bool(fit.model.stop_training), "feed": fit.feed.position(),
            "sources": {mode: source.state() for mode, source in fit.model._sources.items()},
            "callbacks": [[type(c).__name__, map_structure(lambda v: _plain(v, arrays), values)]
                          for c, values in zip(fit.calls.callbacks, kept)]}
    return arrays, data


def restore(fit, arrays: dict, data: dict, whole: bool):
    """Write a state into everything that it came from; `whole`: also into metrics and the place in the data."""
    model = fit.model
    if whole and data["step"]:
        _build_metrics(fit)
    for mode, source in data["sources"].items():
        model._source(mode).resume(**source)
    model._batch_loops.clear()                          # they hold the numbers of the old seeds
    live = live_arrays(fit, data["step"] if whole else 0)
    missing = [name for name, a in live.items() if name not in arrays or arrays[name].shape != a.shape]
    if missing:
        raise ValueError(f"{model.name} is not the model that was backed up: it differs in {', '.join(missing[:5])}. "
                         "Fix: the same model and optimizer, or another backup_dir")
    for name, a in live.items():
        kernels_of(a).copy(asarray(arrays[name]), out=a)
    for v in model.weights:
        v.settle()
    if whole:
        fit.feed.seek(data["feed"])
    for callback, (kind, values) in zip(fit.calls.callbacks, data["callbacks"]):
        for name, value in values.items() if type(callback).__name__ == kind else ():
            setattr(callback, name, _live(value, arrays))
    fit.next_epoch, fit.next_step = sys.maxsize if data["stopped"] else data["epoch"], data["step"]


def live_arrays(fit, step: int) -> dict:
    """Name -> the array itself: weights, what layers carry on, the optimizer's; inside an epoch also the metrics'."""
    model = fit.model
    states = [v for layer in model.flatten_layers() for v in getattr(layer, "states", None) or ()]
    named = {"weight": model.weights, "state": states, "optimizer": model.optimizer.variables}
    found = {f"{name}.{i}": v.data for name, variables in named.items() for i, v in enumerate(variables)}
    if step:
        found |= {f"metric.{i}.{j}": v.data for i, m in enumerate(model.metrics) for j, v in enumerate(m.variables)}
    return found


def _build_metrics(fit):
    """Metrics are made by the first step that uses them: one on the first batch, whose traces are overwritten."""
    batch = map_structure(lambda a: None if a is None else Tensor(current().asarray(a)), fit.feed.first())
    with no_grad():
        fit.model.test_step(pack(*batch))


def _plain(value, arrays: dict):
    """A number as it is; an array as its name, with the array among the others."""
    if isinstance(value, np.generic):
        return value.item()
    if not hasattr(value, "dtype"):
        return value
    name = f"kept.{len(arrays)}"
    arrays[name] = np.asarray(value) if isinstance(value, np.ndarray) else to_numpy(value)
    return {"array": name}


def _live(value, arrays: dict):
    if isinstance(value, dict):
        return arrays[value["array"]]
    return [_live(v, arrays) for v in value] if isinstance(value, list) else value
