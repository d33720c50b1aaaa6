"""Images side by side, under Keras' name; drawn by nothing but NumPy and the standard library."""
import base64
import math
from html import escape

import numpy as np

from ._names import require
from .ops.window import channels_first
from .storage.atomic import replacing
from .utils import png

__all__ = ["plot_image_gallery"]

LINE = 16                                       # pixels of a title


class Picture(str):
    """SVG as text; notebooks show it."""
    def _repr_svg_(self) -> str:
        return str(self)


def plot_image_gallery(images, y_true=None, y_pred=None, label_map=None, rows=None, cols=None, value_range=(0, 255),
                       scale=2, path=None, show=None, transparent=True, dpi=60, legend_handles=None, data_format=None):
    """Images (n, h, w, 1, 3 or 4) in rows, `scale` inches wide each, with labels and predictions above them by
    `label_map`: an SVG in the file `path`, or returned, for notebooks to show. `legend_handles` has no effect."""
    images = np.asarray(images)
    images = images.transpose(0, 2, 3, 1) if channels_first(data_format, "plot_image_gallery") else images
    who, right = "plot_image_gallery", images.ndim == 4 and len(images) and images.shape[-1] in (1, 3, 4)
    require(who, "images", right, "of shape (n, h, w, 1, 3 or 4)", images.shape)
    require(who, "path", path is None or str(path).endswith(".svg"), "the name of an '.svg'", path)
    require(who, "show", path is None or not show, "None or False with a path", show)
    require(who, "label_map", label_map is not None or y_true is y_pred is None,
            "given with y_true and y_pred: {0: 'cat', 1: 'dog', ...}", label_map)
    low, high = value_range
    pixels = np.clip((images - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    rows = rows or -(-len(images) // (cols or math.ceil(math.sqrt(len(images)))))
    cols, titles = cols or -(-len(images) // rows), _titles(y_true, y_pred, label_map)
    picture = _page(pixels[:rows * cols], titles, rows, cols, scale * dpi, transparent)
    if path is None:
        return picture
    with replacing(path) as file:
        file.write(picture.encode())


def _titles(y_true, y_pred, names) -> list[str]:
    parts = [[f"{what}: {names.get(int(label), 'Unknown')}" for label in np.asarray(y).reshape(-1)]
             for what, y in (("Label", y_true), ("Pred", y_pred)) if y is not None]
    return ["  ".join(pair) for pair in zip(*parts)]


def _page(pixels, titles, rows: int, cols: int, width: float, transparent: bool) -> Picture:
    picture = width * pixels.shape[1] / pixels.shape[2]
    height = picture + LINE * bool(titles)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{cols * width}" height="{rows * height}">'
             "<style>image{image-rendering:pixelated}text{font:11px sans-serif;text-anchor:middle}</style>",
             "" if transparent else '<rect width="100%" height="100%" fill="#fff"/>']
    for i, image in enumerate(pixels):
        x, y = i % cols * width, i // cols * height + height - picture
        parts.append(f'<image x="{x}" y="{y}" width="{width}" height="{picture}" href="data:image/png;base64,'
                     f'{base64.b64encode(png.write(image)).decode()}"/>')
        if i < len(titles):
            parts.append(f'<text x="{x + width / 2}" y="{y - 4}">{escape(titles[i])}</text>')
    return Picture("\n".join([*parts, "</svg>", ""]))
