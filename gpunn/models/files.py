"""A model in one file, a strict container: its weights, or all that it is: what it is made of, how it trains, and every
number that training goes on from. Weights are keyed by their place, so that automatic layer names do not matter."""
import os

import numpy as np

from .. import storage
from .._objects import custom_object_scope
from ..backend.rng import MODES, Source, root
from ..initializers import blank
from ..layers.weights import _found, _unique
from ..ops.random import SeedGenerator
from ..storage import FormatError
from ..tensor import Variable
from .objects import deserialize_keras_object, serialize_keras_object

FORMAT = {"format": "gpunn.model", "version": "1"}
OTHERS = ("optimizer/", "state/")           # what a file of a whole model holds beside its weights
SPARE = 1 << 20                 # numbers that a model may need beyond those in its file: states of metrics


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


def save_model(model, filepath, overwrite=True, zipped=None, include_optimizer=True):
    """Write the model to one file (whatever its suffix, a valid safetensors file), whole or not at all: layers,
    weights, how it was compiled, the optimizer's state, the state of its random numbers. `zipped` has no effect."""
    may_write("save_model", filepath, overwrite)
    arrays = {key: w.numpy() for key, w in keys(model).items()}
    arrays |= {f"state/{i:04d}": v.numpy() for i, v in enumerate(_states(model))}
    description = {"model": serialize_keras_object(model), "layers": list(map(_notes, model.flatten_layers()))}
    if model._compiled is not None:
        description["random"] = {mode: model._source(mode).state() for mode in MODES}
        if include_optimizer:
            description["optimizer"] = _optimizer_notes(model)
            arrays |= {f"optimizer/{i:04d}": v.numpy() for i, v in enumerate(model.optimizer.variables)}
    storage.save(filepath, arrays, {**FORMAT, "description": storage.write_json(description)})


def load_model(filepath, custom_objects=None, compile=True, safe_mode=True):
    """The model that `save_model` wrote, ready to predict and - where it was compiled - to train on. Nothing in a file
    can run, whatever `safe_mode`; classes and functions of your own are registered, or given in `custom_objects`."""
    arrays, metadata = storage.load(filepath)
    found = metadata.get("format")
    if found == "gpunn.weights":
        raise FormatError(f"{filepath} holds only weights. Fix: make the model, then model.load_weights(...)")
    if found != FORMAT["format"] or metadata.get("version") != FORMAT["version"] or "description" not in metadata:
        raise FormatError(f"{filepath} is not a model of this version of gpunn, but {found or 'some other file'} "
                          f"{metadata.get('version', '')}".rstrip())
    description = storage.read_json(metadata["description"])
    try:
        with custom_object_scope(custom_objects), blank(sum(a.size for a in arrays.values()) + SPARE):
            return _restored(description, arrays, compile)
    except ValueError:
        raise
    except Exception as error:
        raise FormatError(f"{filepath}: its description makes no model: {type(error).__name__}: {error}") from error


def _notes(layer) -> list:
    """What a layer's config does not say: what it was built for, whether it trains, the seeds it draws with."""
    return [serialize_keras_object(layer.get_build_config()), layer._trainable, [g.seed for g in _seeds(layer)]]


def _seeds(layer) -> list:
    return _found(vars(layer), SeedGenerator, skip=("_arguments",))


def _states(model) -> list[Variable]:
    """The variables that are no weights, as what a stateful layer carries from batch to batch."""
    weights = {id(w) for w in model.weights}
    found = [v for layer in model.flatten_layers() for v in _found(vars(layer), Variable, skip=("_arguments",))]
    return [v for v in _unique(found) if id(v) not in weights]


def _optimizer_notes(model) -> dict:
    """The weights that the optimizer holds, and those that do not decay, by number."""
    optimizer, number = model.optimizer, {id(w): i for i, w in enumerate(model.weights)}
    held = optimizer.flat.variables if optimizer.flat is not None else []
    if not all(id(v) in number for v in held):
        raise ValueError(f"{model.name}: its optimizer holds variables that are no weights of the model; make them "
                         "attributes of a layer, or save with include_optimizer=False")
    return {"holds": [number[id(v)] for v in held],
            "kept_out": [number[id(v)] for v in held if not optimizer.decays(v)]}


def _restored(description: dict, arrays: dict, compile: bool):
    config = description["model"]
    compiled = config.pop("compile_config", None)
    model = deserialize_keras_object(config)
    _rebuild(model, description["layers"])
    _fill("weight", model.weights, [a for key, a in arrays.items() if not key.startswith(OTHERS)])
    _fill("state", _states(model), [a for key, a in arrays.items() if key.startswith("state/")])
    if compile and compiled:
        model.compile_from_config(compiled)
    if model._compiled is not None and "random" in description:
        model._sources = {mode: Source(0, root()).resume(**description["random"][mode]) for mode in MODES}
        if "optimizer" in description:
            _resume(model, description["optimizer"], [a for key, a in arrays.items() if key.startswith("optimizer/")])
    return model


def _rebuild(model, notes: list):
    """Build what is not built yet, as it was; parents first, as they may make the layers inside them."""
    stack, seen, notes = [model], set(), iter(notes)
    while stack:
        layer = stack.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        shapes, trainable, seeds = next(notes)
        if not layer.built:
            layer.build_from_config(shapes)
        layer._trainable = bool(trainable)
        for weight in layer._own_weights():
            weight.trainable = trainable
        for generator, seed in zip(_seeds(layer), seeds, strict=True):
            generator.seed = seed & (1 << 64) - 1
        stack.extend(reversed(layer.sublayers()))
    if (left := len(list(notes))):
        raise FormatError(f"{model.name}: the file has {left} layers more than the model that its description makes")


def _fill(what: str, variables: list, arrays: list[np.ndarray]):
    if len(variables) != len(arrays):
        raise FormatError(f"the model has {len(variables)} {what}s, the file {len(arrays)}")
    for v, a in zip(variables, arrays, strict=True):
        dtype = v.numpy().dtype                     # of numbers of few bits not that of the array
        if v.shape != a.shape or dtype != a.dtype:
            raise FormatError(f"{what} {v.path}: expected {dtype} of shape {v.shape}, the file has {a.dtype} of "
                              f"shape {a.shape}")
    for v, a in zip(variables, arrays, strict=True):
        v.assign(a)


def _resume(model, notes: dict, arrays: list[np.ndarray]):
    weights, optimizer = dict(enumerate(model.weights)), model.optimizer
    if notes["holds"]:
        optimizer.build([weights[i] for i in notes["holds"]])
    optimizer.exclude_from_weight_decay([weights[i] for i in notes["kept_out"]])
    _fill("optimizer number", optimizer.variables, arrays)
