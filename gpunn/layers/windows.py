"""Options of layers with windows over sequences and images, and the sizes that follow from them."""
from .._config import FORMATS, image_data_format
from .._objects import constructor


def of_rank(base: type, name: str, rank: int, meaning: str, options: dict | None = None, **attributes) -> type:
    """The layer that does over sequences (rank 1) or images (rank 2) what its base says. `options`: the arguments, with
    their defaults, that it takes of the base's."""
    attributes = {n: staticmethod(value) if callable(value) else value for n, value in attributes.items()}
    if options is not None:
        attributes["__init__"] = constructor(
            lambda self, kwargs, **given: base.__init__(self, **given, **kwargs), options, more=True)
    return type(name, (base,), {"rank": rank, "__doc__": meaning, **attributes})


def channel_format(layer, data_format) -> str:
    return layer._one_of("data_format", data_format or image_data_format(), FORMATS)


def spatial(data_format: str, rank: int) -> range:
    """The axes of time, or of rows and columns."""
    return range(2, 2 + rank) if data_format == "channels_first" else range(1, 1 + rank)


def pair(layer, name: str, value, rank: int, least: int = 1) -> tuple:
    """One number, or `rank` of them, as a tuple."""
    values = tuple(value) if isinstance(value, list | tuple) else (value,) * rank
    right = len(values) == rank and all(isinstance(v, int) and v >= least for v in values)
    layer._require(name, right, f"an integer >= {least} or {rank} of them", value)
    return values


def doubled(layer, name: str, value) -> tuple:
    """One number, or one for each axis, or (before, after) for each."""
    rank = layer.rank
    values = (value,) * rank if isinstance(value, int) else tuple(value)
    if rank == 1 and len(values) == 2 and isinstance(values[0], int):
        values = (values,)
    values = tuple((v, v) if isinstance(v, int) else tuple(v) for v in values)
    right = len(values) == rank and all(len(v) == 2 and min(v) >= 0 for v in values)
    layer._require(name, right, "an integer, one for each axis, or a pair for each", value)
    return values


def length(n: int | None, size: int, stride: int, padding: str, dilation: int = 1) -> int | None:
    """How many windows fit along an axis of n."""
    if n is None:
        return None
    reach = (size - 1) * dilation + 1
    return -(-(n if padding in ("same", "causal") else n - reach + 1) // stride)


def window_shape(layer, input_shape, channels, size, strides, dilation) -> tuple:
    """The output shape of a convolution or pooling layer; refuses windows that do not fit."""
    axes = spatial(layer.data_format, len(size))
    sizes = [length(input_shape[a], taps, stride, layer.padding, gap)
             for a, taps, stride, gap in zip(axes, size, strides, dilation)]
    if any(n is not None and n < 1 for n in sizes):
        raise ValueError(f"{layer._who}: a window of {tuple(size)} does not fit the input of "
                         f"shape {tuple(input_shape)}. Fix: use a smaller window, fewer layers that shrink before it, "
                         "or padding='same'")
    rest = (channels, *sizes) if layer.data_format == "channels_first" else (*sizes, channels)
    return input_shape[0], *rest
