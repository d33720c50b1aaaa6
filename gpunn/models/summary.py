"""The table of a model's layers: shapes, parameters, totals."""
import sys
from itertools import chain, count, zip_longest

from ..kernels.served import served
from ..symbol import called
from .fusion import symbols_of
from .memory import readable

HEADS = "Layer (type)", "Output Shape", "Param #", "Connected to", "Trainable", "Engine"
MEMORY = {"float32": 4, "float64": 8, "int32": 4, "bool": 1}


def summary(model, line_length=None, positions=None, print_fn=None, expand_nested=False, show_trainable=False,
            layer_range=None, show_engine=False):
    """Print the layers with output shapes and parameter counts; of a graph that branches, also who reads whom.

    show_engine: also who makes a layer's products and convolutions, and the gradients if others do; "-" for a layer
    that has not run, and where there is nothing to choose.
    """
    things = _branching(model) or [(layer, layer.name, ()) for layer in model.layers]
    rows = [row for thing in things[_range([name for _, name, _ in things], layer_range)]
            for row in _rows(*thing, expand_nested)]
    shown = [True, True, True, any(row[3] for row in rows), show_trainable, show_engine]
    table = _table(*([cell for cell, show in zip(row, shown, strict=True) if show] for row in (HEADS, *rows)))
    (print_fn or _print)("\n".join([f'Model: "{model.name}"', *table, *_totals(model)]))


def _print(text: str):
    """Box characters where the output can show them, ASCII elsewhere."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        text = text.translate(str.maketrans("─│┌┐└┘├┤┬┴┼", "-|+++++++++"))
    print(text)


def _branching(model) -> list:
    """(layer or node of an operation, its name, what it reads: "name[call][output]") in the order of the calls; nothing
    for a chain of layers."""
    graph = getattr(model, "_graph", None)
    if graph is None or len(graph.input_symbols) == 1 and all(
            hasattr(node.f, "weights") and [s.node for s in symbols_of(node)] == [before]
            for node, before in zip(graph.nodes, [None, *graph.nodes])):
        return []
    found, places, calls, names = {}, {}, {}, [layer.name for layer in model.layers]
    for layer, s in zip(model.layers, graph.input_symbols):
        found[id(layer)], places[id(s)] = (layer, layer.name, []), f"{layer.name}[0][0]"
    for node in graph.nodes:
        thing, name = (node.f, node.f.name) if hasattr(node.f, "weights") else (node, called(node.f, node.options))
        if thing is node:
            name = next(n for n in chain([name], (f"{name}_{i}" for i in count(1))) if n not in names)
            names.append(name)
        _, _, reads = found.setdefault(id(thing), (thing, name, []))
        calls[id(thing)] = call = calls.get(id(thing), -1) + 1
        reads += [places[id(s)] for s in symbols_of(node)]
        places.update((id(s), f"{name}[{call}][{s.index}]") for s in node.outputs)
    return list(found.values())


def _range(names: list, wanted) -> slice:
    missing = [n for n in wanted or () if n not in names]
    if missing:
        raise ValueError(f"summary: layer_range names {missing}, but the layers are {', '.join(names)}")
    return slice(names.index(wanted[0]), names.index(wanted[1]) + 1) if wanted else slice(None)


def _rows(thing, name: str, reads, nested: bool, depth: int = 0):
    """The cells of a layer or an operation, and of the layers inside."""
    if hasattr(thing, "weights"):
        shapes = _shapes(thing)
        cells = type(thing).__name__, f"{thing.count_params():,}" if thing.built else "0 (unbuilt)"
    else:
        shapes, cells = [s.shape for s in thing.outputs], (called(thing.f, thing.options).title().replace("_", ""), "0")
    yield [f"{'  ' * depth}{name} ({cells[0]})", ", ".join(map(str, shapes)) or "?", cells[1], ",\n".join(reads),
           {True: "yes", False: "no"}.get(getattr(thing, "trainable", None), ""), _engine(thing)]
    for layer in getattr(thing, "layers", ()) if nested else ():
        yield from _rows(layer, layer.name, (), nested, depth + 1)


def _engine(thing) -> str:
    """Who made the products with its weights, forward, and on the next line backward where that is not the same"""
    forward, backward = {}, {}
    for weight in getattr(thing, "weights", ()):
        seen = [list(served(a).values()) for a in (weight.data, getattr(weight, "shadow", None)) if a is not None]
        forward |= dict.fromkeys(sum([who[:1] for who in seen], []))
        made = [] if weight.grad is None else list(served(weight.grad).values())
        backward |= dict.fromkeys(sum([who[1:] for who in seen], made))
    same = not backward.keys() - forward.keys()
    return ", ".join(forward) + ("" if same else f"\nback: {', '.join(backward)}") if forward else "-"


def _shapes(layer) -> list:
    try:
        output = layer.output
    except (AttributeError, ValueError):
        return []
    return [tuple(s.shape) for s in (output if isinstance(output, list | tuple) else [output])]


def _table(heads, *rows) -> list[str]:
    widths = [max(len(line) for row in [heads, *rows] for line in row[i].split("\n")) for i in range(len(heads))]
    rule = lambda left, mid, right: left + mid.join("─" * (w + 2) for w in widths) + right          # noqa: E731

    def lines(cells):
        for parts in zip_longest(*(cell.split("\n") for cell in cells), fillvalue=""):
            padded = [p.rjust(w) if h == "Param #" else p.ljust(w) for p, w, h in zip(parts, widths, heads)]
            yield "│ " + " │ ".join(padded) + " │"
    body = [line for row in rows for line in lines(row)]
    return [rule("┌", "┬", "┐"), *lines(heads), rule("├", "┼", "┤"), *body, rule("└", "┴", "┘")]


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
    parts = {"weights": sum(a.nbytes for a in (flat.data, flat.shadow, *[w.data for w in model.non_trainable_weights])
                            if a is not None),
             "gradients": flat.grad.nbytes, "optimizer": sum(v.data.nbytes for v in optimizer.variables if v.ndim),
             "temporaries": temporaries}
    said = ", ".join(f"{name} {readable(n)}" for name, n in parts.items())
    return [f" Step memory: {readable(sum(parts.values()))} ({said})"]
