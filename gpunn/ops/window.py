"""Windows over images: strides, dilation, and Keras' padding rules resolved to numbers."""
from .._config import FORMATS, image_data_format


def channels_first(data_format, who: str) -> bool:
    data_format = data_format or image_data_format()
    if data_format not in FORMATS:
        raise ValueError(f"{who}: data_format is 'channels_last' or 'channels_first', got {data_format!r}")
    return data_format == "channels_first"


def resolve(padding, sizes, window, strides, dilation, who: str) -> tuple:
    """((top, bottom), (left, right)) for "valid", "same" (one output a stride), "causal"."""
    if padding == "valid":
        return ((0, 0),) * len(window)
    reach = [(w - 1) * d + 1 for w, d in zip(window, dilation)]
    if padding == "same":
        totals = [max((-(-n // s) - 1) * s + r - n, 0) for n, s, r in zip(sizes, strides, reach)]
        return tuple((t // 2, t - t // 2) for t in totals)
    if padding == "causal" and len(window) == 2:
        return (0, 0), (reach[1] - 1, 0)
    raise ValueError(f"{who}: padding is 'valid' or 'same', got {padding!r}")


def outputs(sizes, window, strides, padding, dilation) -> tuple:
    """How many windows fit along each axis."""
    return tuple((n + sum(p) - (w - 1) * d - 1) // s + 1
                 for n, w, s, p, d in zip(sizes, window, strides, padding, dilation))
