"""Weights in one file: a strict container, keyed by place in the model, so that automatic layer names do not matter."""
import os

from .. import storage


def keys(model, who: str) -> dict:
    """File key -> variable: the number of the weight and its path without the model's own numbering."""
    if not model.weights:
        raise ValueError(f"{model.name} has no weights yet: give it an Input or call it on data before {who}")
    return {f"{i:04d}.{w.name}": w for i, w in enumerate(model.weights)}


def save_weights(model, filepath, overwrite=True):
    """Write all weights to a file (a valid safetensors file), whole or not at all."""
    wanted = keys(model, "save_weights")
    if not overwrite and os.path.exists(filepath):
        raise FileExistsError(f"save_weights: {filepath} exists; pass overwrite=True to replace it")
    storage.save(filepath, {k: w.numpy() for k, w in wanted.items()},
                 {"format": "gpunn.weights", "model": model.name})


def load_weights(model, filepath, skip_mismatch=False):
    """Read weights that `save_weights` wrote; refuses another architecture before anything is changed."""
    wanted = keys(model, "load_weights")
    arrays, _ = storage.load(filepath)
    problems = [f"{k} is missing in the file" for k in wanted if k not in arrays]
    problems += [f"{k} is in the file but not in the model" for k in arrays if k not in wanted]
    problems += [f"{k} ({w.path}) has shape {w.shape}, the file has {arrays[k].shape}"
                 for k, w in wanted.items() if k in arrays and arrays[k].shape != w.shape]
    if problems and not skip_mismatch:
        raise ValueError(f"{model.name}: {filepath} does not fit: " + "; ".join(problems[:5])
                         + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")
                         + ". skip_mismatch=True loads what fits")
    for k, w in wanted.items():
        if k in arrays and arrays[k].shape == w.shape:
            w.assign(arrays[k])
