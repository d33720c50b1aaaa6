"""Records what Keras 3 computes for every case: KERAS_BACKEND=torch python -m tests.golden.record_layers ->
layers.npz"""
import json
import pathlib
import zlib

import keras
import numpy as np
import torch

from tests.golden.layer_cases import CASES, MIXED


def draw(spec, rng):
    """The value of an input or option."""
    if isinstance(spec, list):
        return [draw(s, rng) for s in spec]
    if isinstance(spec, tuple):
        return rng.normal(size=spec).astype("float32")
    if isinstance(spec, str):
        kind, *numbers = spec.split()
        shape = [int(n) for n in numbers]
        if kind == "ids":
            return rng.integers(0, shape[0], shape[1:]).astype("int32")
        mask = rng.random(shape) < 0.6
        mask[..., 0] = True                         # a row that may look nowhere is nobody's truth
        return mask
    return spec


def leaves(value):
    return [v for part in value for v in leaves(part)] if isinstance(value, list | tuple) else [value]


def tensors(value):
    if isinstance(value, list | tuple):
        return [tensors(v) for v in value]
    if not isinstance(value, np.ndarray):
        return value
    t = torch.from_numpy(value.copy())
    return t.requires_grad_(value.dtype == np.float32)


def weights(layer, rng):
    for w in layer.weights:
        value = rng.normal(size=w.shape) * 0.5
        w.assign(abs(value) + 0.5 if "variance" in w.path else value)


def evaluate(expression):
    return eval(expression, vars(keras.layers))


def numpy(t):
    if not isinstance(t, torch.Tensor):
        return np.asarray(t)
    return (t.float() if t.dtype == torch.bfloat16 else t).detach().numpy()


def record(name, expression, inputs, train, options):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    layer = evaluate(expression)
    inputs, options = draw(list(inputs), rng), {k: draw(v, rng) for k, v in options.items()}
    x, extra = tensors(inputs), {k: tensors(v) for k, v in options.items()}
    layer(*x, **extra)                              # builds
    weights(layer, rng)
    before = [numpy(w.value).copy() for w in layer.weights]
    y = layer(*x, training=train, **extra) if train else layer(*x, **extra)
    outputs = leaves(y)
    seeds = [rng.normal(size=tuple(t.shape)).astype("float32") for t in outputs]
    loss = sum((t * torch.from_numpy(r)).sum() for t, r in zip(outputs, seeds))
    if loss.requires_grad:
        loss.backward()
    store = {}

    def keep(kind, values):
        store.update({f"{name}/{kind}{i}": numpy(v) for i, v in enumerate(values) if v is not None})
    keep("x", leaves(inputs))
    keep("w", before)
    keep("after", [w.value for w in layer.weights if not w.trainable] if train else [])
    keep("y", outputs)
    keep("r", seeds)
    keep("dx", [getattr(t, "grad", None) for t in leaves(x)])
    keep("dw", [w.value.grad for w in layer.weights if w.trainable])
    keep("mask", [getattr(t, "_keras_mask", None) for t in outputs])
    for k, v in options.items():
        if isinstance(leaves(v)[0], np.ndarray):
            keep(f"option_{k}", leaves(v))
    losses = [float(v) for v in layer.losses]
    about = {"config": layer.get_config(), "weights": [w.path.split("/", 1)[1] for w in layer.weights],
             "losses": losses}
    return store, about


def main():
    arrays, about = {}, {}
    for name, of in (CASES | MIXED).items():
        keras.utils.clear_session()
        of_case, about[name] = record(name, *of)
        arrays.update(of_case)
    path = pathlib.Path(__file__).with_name("layers.npz")
    np.savez_compressed(path, about=np.array(json.dumps(about, default=str)), **arrays)
    print(len(CASES | MIXED), "cases", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
