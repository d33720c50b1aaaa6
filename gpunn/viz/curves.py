"""The curves of a run: one panel for the loss and one for each metric, training against validation."""
import csv
import io
import math

from gpunn.storage.atomic import replacing

from .svg import Axis, Panel, page

BLUE, ORANGE = "#2563eb", "#ea580c"
COLOURS = BLUE, ORANGE, "#16a34a", "#9333ea"
COLUMNS = 2


def save_curves(history: dict[str, list[float]], path, title: str = "") -> None:
    """An SVG of a `History.history`; `val_loss` is drawn with `loss`, every other pair likewise."""
    names = [name for name in history if not (name.startswith("val_") and name[4:] in history)]
    panels = [panel_of(name, history) for name in sorted(names, key=lambda name: name != "loss")]
    with replacing(path) as file:
        file.write(page(panels, min(COLUMNS, max(1, len(panels))), title).encode())


def save_lines(panels: dict[str, dict[str, dict[float, float]]], path, title: str = "", unit: str = "x") -> None:
    """An SVG of functions: {title of a panel: {name of a line: {x: y}}}."""
    drawn = []
    for name, lines in panels.items():
        points = [(x, y) for line in lines.values() for x, y in line.items() if math.isfinite(y)]
        x, y = ([point[i] for point in points] for i in (0, 1))
        low, high = min(x, default=0.0), max(x, default=1.0)
        curves = list(zip(lines, COLOURS, lines.values()))
        drawn.append(Panel(name, curves, Axis(low, high if high > low else low + 1), Axis(*span(y)), unit))
    with replacing(path) as file:
        file.write(page(drawn, min(COLUMNS, len(drawn)), title).encode())


def write_csv(history: dict[str, list[float]], path) -> None:
    """`epoch,loss,accuracy,...`: one row an epoch, numbers in full."""
    epochs = max(map(len, history.values()), default=0)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", *history])
    for i in range(epochs):
        writer.writerow([i + 1, *(repr(float(v[i])) if i < len(v) else "" for v in history.values())])
    with replacing(path) as file:
        file.write(text.getvalue().encode())


def panel_of(name: str, history: dict) -> Panel:
    curves = [("training", BLUE, history[name])]
    if f"val_{name}" in history:
        curves.append(("validation", ORANGE, history[f"val_{name}"]))
    values = [value for _, _, values in curves for value in values if math.isfinite(value)]
    epochs = max(len(values) for _, _, values in curves)
    return Panel(name, curves, Axis(1, max(epochs, 2), whole=True), Axis(*span(values)))


def span(values) -> tuple[float, float]:
    """Room above and below; a flat line lies in the middle."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 0.5
    return low - (room if low < 0 or low > room else low), high + room
