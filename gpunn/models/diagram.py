"""A model as a picture: a box for each layer, from the inputs on, as DOT text or as SVG."""
import json
import os
import shutil
import subprocess
from html import escape

from .._names import one_of
from ..storage.atomic import replacing
from ..symbol import Node, called
from .fusion import symbols_of

LINE, LETTER, GAP = 18, 7.5, 36                 # pixels: a line's height, a letter's width, between the boxes
PAGE = """<svg xmlns="http://www.w3.org/2000/svg" width="{0:.0f}" height="{1:.0f}" viewBox="0 0 {0:.0f} {1:.0f}">
<style>text{{font:13px ui-monospace,Menlo,Consolas,monospace;text-anchor:middle;fill:#0f172a}}
.box{{fill:#fff;stroke:#475569}}.edge{{fill:none;stroke:#475569;stroke-width:1.5}}</style>
<marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0L8 4L0 8z" fill="#475569"/></marker><rect width="100%" height="100%" fill="#fff"/>
{2}
</svg>
"""


class Box:
    """A layer, or with no lines a stretch of an edge that passes by its level."""

    def __init__(self, lines: list[str], sources=(), level: int = 0):
        self.lines, self.sources, self.level = lines, list(sources), level
        self.size = (LETTER * max(map(len, lines)) + 20, LINE * len(lines) + 12) if lines else (LINE, LINE)


def model_to_dot(model, show_shapes=False, show_dtype=False, show_layer_names=True, rankdir="TB", expand_nested=False,
                 dpi=200, subgraph=False, show_layer_activations=False, show_trainable=False, splines="ortho") -> str:
    """The model in the language of Graphviz."""
    boxes = boxes_of(model, expand_nested, (show_shapes, show_dtype, show_layer_names, show_layer_activations,
                                            show_trainable))
    head = f"subgraph {json.dumps('cluster_' + model.name)} {{\nstyle=dashed" if subgraph else \
        f"digraph {{\nrankdir={rankdir} dpi={dpi} splines={splines}"
    lines = [head, 'node [shape=box fontname="Helvetica"]']
    for i, box in enumerate(boxes):
        lines.append(f"n{i} [label={json.dumps(chr(10).join(box.lines))}]")
        lines += [f"n{boxes.index(source)} -> n{i}" for source in box.sources]
    return "\n".join([*lines, "}", ""])


def plot_model(model, to_file="model.png", show_shapes=False, show_dtype=False, show_layer_names=False, rankdir="TB",
               expand_nested=False, dpi=200, show_layer_activations=False, show_trainable=False, splines="ortho"):
    """Draw the model into a file: .svg and .dot always; others, such as .png and .pdf, need Graphviz's program dot."""
    stem, kind = os.path.splitext(to_file)
    kind = kind[1:].lower() or "png"
    shown = show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable
    if kind == "svg":
        picture = svg(boxes_of(model, expand_nested, shown), rankdir).encode()
    else:
        picture = model_to_dot(model, *shown[:3], rankdir, expand_nested, dpi, False, *shown[3:], splines).encode()
        if kind != "dot" and shutil.which("dot") is None:
            raise ImportError(f"plot_model: a .{kind} needs Graphviz (the program 'dot'), which is not installed. "
                              f"Fix: to_file={stem + '.svg'!r} needs nothing")
        if kind != "dot":
            picture = subprocess.run(["dot", f"-T{kind}"], input=picture, capture_output=True, check=True).stdout
    with replacing(to_file) as file:
        file.write(picture)


def boxes_of(model, expand: bool, shown) -> list[Box]:
    """In the order of the calls; a layer that is called again keeps its box."""
    if not model.built:
        raise ValueError(f"{model.name} is not built, so it cannot be drawn. Fix: call it on data, or "
                         "build(input_shape)")
    boxes, values = {}, {}

    def walk(graph, sources) -> list:
        values.update(zip(map(id, graph.input_symbols), sources))
        for node in graph.nodes:
            found = [values[id(s)] for s in symbols_of(node)]
            inner = getattr(node.f, "_graph", None) if expand else None
            if inner is None:
                layer = hasattr(node.f, "weights")
                box = boxes.setdefault(id(node.f if layer else node), Box(
                    lines_of(node.f if layer else node, symbols_of(node), node.outputs, *shown)))
                box.sources += [b for b in dict.fromkeys(found) if b is not None and b not in (*box.sources, box)]
                box.level = box.level or max([b.level + 1 for b in box.sources], default=0)
            made = [box] * len(node.outputs) if inner is None else walk(inner, found)
            values.update(zip(map(id, node.outputs), made))
        return [values[id(s)] for s in graph.output_symbols]
    graph = getattr(model, "_graph", None)
    if graph is None:                                   # a subclass is one box
        return [Box(lines_of(model, (), (), *shown))]
    for layer, s in zip(model.layers, graph.input_symbols):
        if type(layer).__name__ == "InputLayer":
            boxes[id(layer)] = Box(lines_of(layer, (), [s], *shown))
    walk(graph, list(boxes.values()) or [None] * len(graph.input_symbols))
    return list(boxes.values())


def lines_of(f, inputs, outputs, shapes: bool, dtype: bool, names: bool, activations: bool, trainable: bool) -> list:
    """What a box says of a layer or an op."""
    kind = called(f.f, f.options) if isinstance(f, Node) else type(f).__name__
    lines = [f"{f.name} ({kind})" if names and hasattr(f, "name") else kind]
    if activations and getattr(f, "activation", None) is not None:
        lines.append(f"Activation: {getattr(f.activation, '__name__', f.activation)}")
    for what, symbols in (("Input", inputs), ("Output", outputs)):
        if shapes and symbols:
            lines.append(f"{what} shape: {', '.join(str(s.shape) for s in symbols)}")
    if dtype and outputs:
        lines.append(f"Output dtype: {outputs[0].dtype}")
    if trainable and getattr(f, "weights", None):
        lines.append("Trainable" if f.trainable else "Non-trainable")
    return lines


def svg(boxes: list[Box], rankdir: str) -> str:
    """Level below level, or in "LR" beside it; edges go around the boxes that they pass."""
    # to (across, along) and back
    turn = -1 if one_of("plot_model into a .svg", "rankdir", rankdir, ("TB", "LR")) == "LR" else 1
    boxes, along = with_stretches(boxes), GAP / 2
    rows = [[box for box in boxes if box.level == level] for level in range(max(box.level for box in boxes) + 1)]
    widths = [sum([box.size[::turn][0] + GAP for box in row]) for row in rows]
    for row, width in zip(rows, widths):
        across, depth = (max(widths) - width + GAP) / 2, max(box.size[::turn][1] for box in row)
        for box in sorted(row, key=lambda b: sum([s.x for s in b.sources]) / max(1, len(b.sources))):
            size, deep = box.size[::turn]
            box.x, box.y, box.half = across + size / 2, along + depth / 2, (deep if box.lines else depth) / 2
            across += size + GAP
        along += depth + GAP
    parts = [edge(source, box, turn) for box in boxes for source in box.sources]
    parts += [drawn(box, *(box.x, box.y)[::turn]) for box in boxes if box.lines]
    return PAGE.format(*(max(widths), along - GAP / 2)[::turn], "\n".join(parts))


def with_stretches(boxes: list[Box]) -> list[Box]:
    """Edges between neighbouring levels only: a longer one in pieces, one on each level that it passes."""
    found = list(boxes)
    for box in boxes:
        for i, source in enumerate(box.sources):
            for level in range(source.level + 1, box.level):
                source = Box([], [source], level)
                found.append(source)
            box.sources[i] = source
    return found


def edge(source: Box, box: Box, turn: int) -> str:
    """A curve, with an arrow at a box and a straight line through a stretch."""
    start, end = source.y + source.half, box.y - box.half
    places = (source.x, start), (source.x, (start + end) / 2), (box.x, (start + end) / 2), (box.x, end), \
        (box.x, box.y + box.half)
    a, b, c, d, e = ["{:.1f} {:.1f}".format(*place[::turn]) for place in places]
    return f'<path class="edge" d="M{a}C{b} {c} {d}' + ('" marker-end="url(#a)"/>' if box.lines else f'L{e}"/>')


def drawn(box: Box, x: float, y: float) -> str:
    width, height = box.size
    top = y - height / 2
    lines = [f'<text x="{x:.1f}" y="{top + LINE * (i + 1):.1f}">{escape(line)}</text>'
             for i, line in enumerate(box.lines)]
    return (f'<rect class="box" x="{x - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height}" rx="4"/>'
            + "".join(lines))
