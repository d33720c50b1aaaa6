"""Weights in one file: a strict container, keyed by place in the model, so that automatic layer names do not matter."""
import os

from .. import storage

OTHERS = ("optimizer/", "state/")           # what a file of a whole model holds beside its weights


def keys(model, who: str | None = None) -> dict:
    """File key -> variable: the number of the weight and its path without the model's own numbering."""
    if who and not model.weights:
        raise ValueError(f"{model.name} has no weights yet: give it an Input or call it on data before {who}")
    return {f"{i:04d}.{w.name}": w for i, w in enumerate(model.weights)}


def may_write(who: str, filepath, overwrite: bool):
    """Raise for a file that is not to be replaced, or whose folder is not there."""
    folder = os.path.dirname(os.path.abspath(filepath))
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{who}: there is no folder {folder}")
    if os.path.isdir(filepath or "."):
        raise IsADirectoryError(f"{who}: {filepath} is a folder; expected the name of a file")
    if not overwrite and os.path.exists(filepath):
        raise FileExistsError(f"{who}: {filepath} exists; pass overwrite=True to replace it")


def save_weights(model, filepath, overwrite=True):
    """Write all weights to a file (a valid safetensors file), whole or not at all."""
    wanted = keys(model, "save_weights")
    may_write("save_weights", filepath, overwrite)
    storage.save(filepath, {k: w.numpy() for k, w in wanted.items()},
                 {"format": "gpunn.weights", "model": model.name})


def load_weights(model, filepath, skip_mismatch=False):
    """Read weights that `save_weights` or `save` wrote; refuses another architecture before anything is changed."""
    wanted = keys(model, "load_weights")
    arrays = {k: a for k, a in storage.load(filepath)[0].items() if not k.startswith(OTHERS)}
    problems = [f"{k} is missing in the file" for k in wanted if k not in arrays]
    problems += [f"{k} is in the file but not in the model" for k in arrays if k not in wanted]
    fits = {k: a.shape == wanted[k].shape and a.dtype.kind == wanted[k].data.dtype.kind
            for k, a in arrays.items() if k in wanted}
    problems += [f"{k} ({w.path}) is {w.data.dtype} of shape {w.shape}, the file has {arrays[k].dtype} of shape "
                 f"{arrays[k].shape}" for k, w in wanted.items() if not fits.get(k, True)]
    if problems and not skip_mismatch:
        raise ValueError(f"{model.name}: {filepath} does not fit: " + "; ".join(problems[:5])
                         + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")
                         + ". skip_mismatch=True loads what fits")
    for k, w in wanted.items():
        if fits.get(k):
            w.assign(arrays[k])
