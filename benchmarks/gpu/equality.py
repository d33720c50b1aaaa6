"""A recorded training ends with the bits of an eager one; the device draws the numbers that the CPU draws."""
import contextlib
import io
from dataclasses import replace

import numpy as np

import gpunn
from gpunn.backend import rng
from gpunn.kernels import cpu, cuda

from .. import workloads
from ..contenders import keras_api
from . import failed, left_out

TITLE, SHARE = "Graph equals eager, CPU and GPU draw the same numbers: bit for bit", 35
BATCHES, EPOCHS, BATCH = 4, 2, 16
FURTHER = {"depthwise 3x3", "transposed 3x3, stride 2", "conv 3x3, 4 groups", "gru", "mlp, odd widths"}
DRAWS = 10_007                  # an odd number of numbers
CHOSEN = workloads.SIX | {name: workloads.ALL[name] for name in sorted(FURTHER)} | {
    **workloads.also_bf16({"resnet50": workloads.resnet(4, 64, (3, 4, 6, 3)),
                           "transformer": workloads.transformer(2, 64, 512, 256, 4, 2)})}


def rows(chosen):
    backend = chosen.backend()
    yield from random_numbers(backend)
    for name, work in (workloads.SMALL if chosen.short else CHOSEN).items():
        if chosen.late():
            yield left_out(f"{name}: no time")
            continue
        try:
            yield from compared(name, replace(work, batch=min(work.batch, BATCH)))
        except Exception as error:
            yield failed(f"{name}: {type(error).__name__}: {error}")


def compared(name: str, work):
    """Three trainings from the same seed: eager, recorded, and recorded with two steps in one launch."""
    eager, _ = trained(work, run_eagerly=True)
    recorded, words = trained(work)
    pairs, _ = trained(work, steps_per_execution=2)
    reason = words.partition("step by step: ")[2].strip()
    equal = all(a.tobytes() == b.tobytes() == c.tobytes() for a, b, c in zip(eager, recorded, pairs, strict=True))
    yield {"what": f"fit: {name}", "steps": BATCHES * EPOCHS, "recorded": "no" if reason else "yes",
           "equal": "bitwise" if equal else "NO"}
    if reason:
        yield failed(f"{name} was not recorded: {reason}")
    if not equal:
        yield failed(f"{name}: the recorded training ends {apart(recorded, eager):.3g} from the eager one, "
                     f"that of two steps in one launch {apart(pairs, eager):.3g}")
    if not all(np.isfinite(w).all() for w in eager):
        yield failed(f"{name}: weights are not finite")


def trained(work, **options):
    """-> (weights, what was said on the way)"""
    gpunn.set_seed(7)
    model = keras_api.compiled(gpunn, work, **options)
    x, y = workloads.data(work, BATCHES)
    with contextlib.redirect_stderr(io.StringIO()) as said:
        model.fit(x, y, batch_size=work.batch, epochs=EPOCHS, verbose=0)
    return model.get_weights(), said.getvalue()


def apart(one, other) -> float:
    return max(float(np.abs(a - b).max(initial=0)) for a, b in zip(one, other))


def random_numbers(backend):
    """The same call of a kernel on the CPU and on the device; an epoch's order; first weights."""
    draws = {
        "random_bits": lambda k, put, key, clock: k.random_bits(key, clock, 3, put(np.empty(DRAWS, "uint32"))),
        "random_uniform": lambda k, put, key, clock: k.random_uniform(key, clock, 3, -1.0, 2.0,
                                                                      put(np.empty(DRAWS, "float32"))),
        "dropout": lambda k, put, key, clock: k.dropout(put(np.ones(DRAWS, "float32")), 0.3, key, clock, 3),
    }
    for name, draw in draws.items():
        key, clock = np.array([5, 1 << 31], "uint32"), np.array([77], "uint32")
        here = draw(cpu, np.asarray, key, clock)
        there = draw(cuda, backend.asarray, backend.asarray(key), backend.asarray(clock))
        yield from same(name, here, backend.to_numpy(there))
    for name, make in {"shuffle": shuffle, "first weights": first_weights}.items():
        yield from same(name, on("cpu", make), on(backend.name, make))


def same(name: str, here, there):
    equal = here.tobytes() == there.tobytes()
    yield {"what": name, "steps": None, "recorded": None, "equal": "bitwise" if equal else "NO"}
    if not equal:
        yield failed(f"{name}: the CPU draws other numbers")


def on(device: str, make):
    """What `make` gives while new arrays go to this device."""
    with contextlib.redirect_stderr(io.StringIO()):
        gpunn.use(device)
        gpunn.set_seed(11)
        return make()


def shuffle():
    return rng.permutation(rng.next_seed(), 2, 1000)


def first_weights():
    return np.concatenate([w.ravel() for w in keras_api.compiled(gpunn, workloads.SIX["cnn"]).get_weights()])
