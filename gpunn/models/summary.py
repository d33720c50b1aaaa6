"""The table of a model's layers: shapes, parameters, totals."""
import sys

from .memory import readable

MEMORY = {"float32": 4, "float64": 8, "int32": 4, "bool": 1}


def summary(model, line_length=None, positions=None, print_fn=None, expand_nested=False, show_trainable=False,
            layer_range=None):
    """Print the layers with output shapes and parameter counts."""
    rows = [_row(layer, depth, show_trainable) for layer, depth in _walk(model, expand_nested)]
    first, last = _range(model, layer_range)
    heads = ["Layer (type)", "Output Shape", "Param #", *(["Trainable"] if show_trainable else [])]
    shown = rows if expand_nested else rows[first:last]
    text = "\n".join([f'Model: "{model.name}"', *_table(heads, shown), *_totals(model)])
    (print_fn or _print)(text)


def _print(text: str):
    """Box characters where the output can show them, ASCII elsewhere."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        text = text.translate(str.maketrans("─│┌┐└┘├┤┬┴┼", "-|+++++++++"))
    print(text)


def _walk(model, nested: bool, depth: int = 0):
    for layer in model.layers:
        yield layer, depth
        if nested and hasattr(layer, "layers"):
            yield from _walk(layer, nested, depth + 1)


def _range(model, layer_range):
    if layer_range is None:
        return 0, None
    names = [layer.name for layer in model.layers]
    missing = [n for n in layer_range if n not in names]
    if missing:
        raise ValueError(f"summary: layer_range names {missing}, but the layers are {', '.join(names)}")
    return names.index(layer_range[0]), names.index(layer_range[1]) + 1


def _row(layer, depth, show_trainable) -> list[str]:
    row = [f"{'  ' * depth}{layer.name} ({type(layer).__name__})", _shape(layer),
           f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"]
    return [*row, "yes" if layer.trainable else "no"] if show_trainable else row


def _shape(layer) -> str:
    try:
        output = layer.output
    except (AttributeError, ValueError):
        return "?"
    shapes = [tuple(s.shape) for s in output] if isinstance(output, list | tuple) else [tuple(output.shape)]
    return ", ".join(map(str, shapes))


def _table(heads, rows) -> list[str]:
    widths = [max(len(r[i]) for r in [heads, *rows]) for i in range(len(heads))]
    rule = lambda left, mid, right: left + mid.join("─" * (w + 2) for w in widths) + right          # noqa: E731

    def line(cells):
        padded = [c.rjust(w) if h == "Param #" else c.ljust(w) for c, w, h in zip(cells, widths, heads, strict=True)]
        return "│ " + " │ ".join(padded) + " │"
    return [rule("┌", "┬", "┐"), line(heads), rule("├", "┼", "┤"), *map(line, rows), rule("└", "┴", "┘")]


def _totals(model) -> list[str]:
    count = lambda weights: (sum(w.size for w in weights), sum(w.size * MEMORY.get(w.dtype, 4) for w in weights))  # noqa: E731
    lines = []
    for name, weights in (("Total", model.weights), ("Trainable", model.trainable_weights),
                          ("Non-trainable", model.non_trainable_weights)):
        number, size = count(weights)
        lines.append(f" {name} params: {number:,} ({readable(size)})")
    return [*lines, *_step_memory(model)]


def _step_memory(model) -> list[str]:
    """What the recorded steps of the last training hold, data apart; before a recording, nothing is said.

    The first steps, which run one by one before the recording, may hold more: until Python lets go of it.
    """
    temporaries = getattr(model, "_temporaries", 0)
    if not temporaries:
        return []
    flat, optimizer = model.optimizer.flat, model.optimizer
    parts = {"weights": flat.data.nbytes + sum(w.data.nbytes for w in model.non_trainable_weights),
             "gradients": flat.grad.nbytes, "optimizer": sum(v.data.nbytes for v in optimizer.variables if v.ndim),
             "temporaries": temporaries}
    said = ", ".join(f"{name} {readable(n)}" for name, n in parts.items())
    return [f" Step memory: {readable(sum(parts.values()))} ({said})"]
