"""Line charts as SVG text: panels with axes, ticks, a legend; nothing but the standard library."""
import math
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 460, 300                        # of a panel
LEFT, RIGHT, TOP, BOTTOM = 62, 20, 44, 46       # around its plot
GAP, HEAD = 16, 38
STYLE = """text{font-family:system-ui,-apple-system,'Segoe UI',Arial,sans-serif;font-size:12px;fill:#475569}
.title{font-size:15px;font-weight:600;fill:#0f172a}.head{font-size:17px;font-weight:600;fill:#0f172a}
.grid{stroke:#e2e8f0;stroke-width:1}.axis{stroke:#94a3b8;stroke-width:1}
.curve{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}"""


@dataclass
class Axis:
    low: float
    high: float
    whole: bool = False

    def ticks(self) -> list[float]:
        """About five round numbers: 1, 2 or 5 times a power of ten apart."""
        rough = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = power * next(m for m in (1, 2, 5, 10) if m * power >= 0.8 * rough)
        step = max(1.0, step) if self.whole else step
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        ticks = [i * step for i in range(first, last + 1)]
        return [self.low] + [tick for tick in ticks if tick > self.low] if self.whole else ticks

    def place(self, value: float) -> float:
        """0 at the low end, 1 at the high end."""
        return (value - self.low) / (self.high - self.low)


@dataclass
class Panel:
    title: str
    curves: list                                # (label, colour, values): those at 1, 2, ..., or a dictionary x -> y
    x: Axis
    y: Axis
    unit: str = "epoch"


def page(panels: list[Panel], columns: int, title: str = "") -> str:
    """Panels in rows, on white."""
    rows, top = math.ceil(len(panels) / columns), HEAD if title else 0
    width, height = GAP + columns * (WIDTH + GAP), GAP + top + rows * (HEIGHT + GAP)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title or "training curves")}">',
             f"<style>{STYLE}</style>", f'<rect width="{width}" height="{height}" fill="#f8fafc"/>']
    if title:
        parts.append(f'<text class="head" x="{GAP + 4}" y="{HEAD - 6}">{escape(title)}</text>')
    for i, panel in enumerate(panels):
        x, y = GAP + i % columns * (WIDTH + GAP), GAP + top + i // columns * (HEIGHT + GAP)
        curves = [part for curve in panel.curves for part in draw(panel, *curve)]
        parts += [f'<g transform="translate({x},{y})">', *frame(panel), *legend(panel), *curves, "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def frame(panel: Panel) -> list[str]:
    """The card, the grid with its numbers, the axes."""
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#ffffff" stroke="#e2e8f0"/>',
             f'<text class="title" x="{LEFT}" y="27">{escape(panel.title)}</text>']
    ticks = panel.y.ticks()
    for tick in ticks:
        y = y_of(panel, tick)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y}" x2="{right}" y2="{y}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label(tick, ticks)}</text>')
    ticks = panel.x.ticks()
    for tick in ticks:
        x = x_of(panel, tick)
        parts.append(f'<line class="axis" x1="{x}" y1="{bottom}" x2="{x}" y2="{bottom + 4}"/>')
        parts.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{label(tick, ticks)}</text>')
    parts.append(f'<line class="axis" x1="{LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}"/>')
    parts.append(f'<text x="{(LEFT + right) / 2}" y="{bottom + 36}" text-anchor="middle">'
                 f"{escape(panel.unit)}</text>")
    return parts


def legend(panel: Panel) -> list[str]:
    """At the upper right: a stroke, a name and the last value of each curve."""
    parts, x = [], WIDTH - RIGHT
    for name, colour, values in reversed(panel.curves):
        text = f"{name} {values[-1]:.4g}" if values and not isinstance(values, dict) else name
        x -= 6.9 * len(text)
        parts.append(f'<text x="{x:.1f}" y="27">{escape(text)}</text>')
        parts.append(f'<path d="M{x - 22:.1f} 23h16" stroke="{colour}" stroke-width="3"/>')
        x -= 34
    return parts


def draw(panel: Panel, name: str, colour: str, values) -> list[str]:
    """The line, broken where a value is not finite; a dot at each value where there is room for dots."""
    pairs = values.items() if isinstance(values, dict) else enumerate(values, 1)
    points = [(x_of(panel, x), y_of(panel, y)) if math.isfinite(y) else None for x, y in pairs]
    steps, pen = [], "M"
    for point in points:
        if point:
            steps.append(f"{pen}{point[0]} {point[1]}")
        pen = "L" if point else "M"
    dots = [point for point in points if point] if len(points) <= 30 else []
    return [f'<path class="curve" stroke="{colour}" d="{" ".join(steps)}"/>' if steps else "",
            *(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in dots)]


def x_of(panel: Panel, value: float) -> float:
    return round(LEFT + panel.x.place(value) * (WIDTH - LEFT - RIGHT), 1)


def y_of(panel: Panel, value: float) -> float:
    return round(HEIGHT - BOTTOM - panel.y.place(value) * (HEIGHT - TOP - BOTTOM), 1)


def label(tick: float, ticks: list[float]) -> str:
    """All labels of an axis with as many digits as their distance needs."""
    step = ticks[1] - ticks[0] if len(ticks) > 1 else abs(tick) or 1.0
    if (largest := max(map(abs, ticks))) >= 1e5 or step < 1e-3:
        return f"{tick:.{max(0, math.floor(math.log10(largest / step))) + 2}g}"
    return f"{tick:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"
