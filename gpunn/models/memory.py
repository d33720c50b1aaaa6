"""What a training step needs, estimated from the shapes of the layers, and what to say when it is not there."""
from math import prod

from ..backend import current
from ..data.feeds import is_stream
from ..tree import flatten

SPARE = 0.9                     # of the free memory: kernels and the allocator need some


def per_sample(model) -> dict[str, int]:
    """Layer -> bytes that one sample takes there: its output, and the output's gradient."""
    sizes = {}
    for layer in model.layers:
        try:
            shapes = [s.shape for s in flatten(layer.output)]
        except (AttributeError, ValueError):            # a subclass knows its shapes only when it runs
            continue
        each = 2 if layer.compute_dtype in current().halves else 4
        sizes[layer.name] = sum(2 * each * prod([n or 1 for n in shape[1:]]) for shape in shapes)
    return sizes


def fixed(model) -> int:
    """Bytes that do not depend on the batch: weights, gradients, the optimizer's slots, 16-bit shadows."""
    trained = sum(w.size * w.data.itemsize for w in model.trainable_weights)
    slots = sum(len(group.split()) for group in getattr(model.optimizer, "slots", ()))
    few = sum(2 * w.size for w in model.trainable_weights if getattr(w, "compute", None) in current().halves)
    return sum(w.size * w.data.itemsize for w in model.weights) + (1 + slots) * trained + few


def largest_batch(model, free: int, samples: int) -> int:
    """The largest power of two that fits by the estimate, and is needed for so many samples; at least 1."""
    room = (SPARE * free - fixed(model)) / max(1, sum(per_sample(model).values()))
    return 1 << max(0, min(int(room), max(samples, 1)).bit_length() - 1)


def chosen_batch(model, x) -> int:
    """The batch_size of fit(batch_size="auto"): all that fits on a GPU; 32 on a CPU, or where no shape is known."""
    free = current().free_bytes()
    if free is None or not per_sample(model) or is_stream(x):
        return 32
    return largest_batch(model, free, len(flatten(x)[0]))


def readable(n: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if n < 1024 or unit == "GB":
            return f"{n:.2f} {unit}"
        n /= 1024


def complaint(model, batch: int, free: int) -> str:
    layers = sorted(per_sample(model).items(), key=lambda entry: -entry[1])
    need = fixed(model) + batch * sum(size for _, size in layers)
    fits = largest_batch(model, free, batch)
    first = ", ".join(f"{name} {readable(batch * size)}" for name, size in layers[:5])
    return (f"{model.name}: the device is out of memory. A step with batch_size={batch} needs about {readable(need)} "
            f"({readable(fixed(model))} for weights, gradients and optimizer; the largest layers: {first}); "
            f"{readable(free)} are free. Fix: batch_size={fits if fits < batch else max(1, batch // 2)}, or a smaller "
            "model")


def exhausted(model, feed, said: str) -> MemoryError:
    """The error to raise where a training found no memory, and said so."""
    free = current().free_bytes()
    return MemoryError(said if free is None else complaint(model, getattr(feed, "batch_size", feed.size), free))
