"""Convolutions. Images are (n, h, w, c), sequences (n, t, c) and run as images of height 1, volumes (n, d, h, w, c)."""
from ..tensor import op
from .arithmetic import add
from .core import as_dtype, kernels_of, pair
from .math import relu, sigmoid, tanh
from .shape import _slice, pad, reshape, stack, transpose
from .window import channels_first, outputs, resolve

TO_LAST = {3: (0, 2, 1), 4: (0, 2, 3, 1), 5: (0, 2, 3, 4, 1)}
TO_FIRST = {3: (0, 2, 1), 4: (0, 3, 1, 2), 5: (0, 4, 1, 2, 3)}


def channels_last_of(x, data_format, who):
    """The input with channels last, and the way back."""
    if channels_first(data_format, who):
        return transpose(x, TO_LAST[x.ndim]), lambda y: transpose(y, TO_FIRST[y.ndim])
    return x, None


def rank_of(x, who: str) -> int:
    if x.ndim not in TO_LAST:
        raise ValueError(f"{who}: expected sequences (n, t, c), images (n, h, w, c) or volumes (n, d, h, w, c), "
                         f"got shape {tuple(x.shape)}")
    return x.ndim - 2


def conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1, *, bias=None,
         activation: str = "linear"):
    """Convolution with a kernel (kh, kw, c / groups, f); groups follow from the shapes."""
    return _convolution(inputs, kernel, bias, strides, padding, data_format, dilation_rate, activation, False)


def depthwise_conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1, *, bias=None,
                   activation: str = "linear"):
    """Each channel convolved on its own, with a kernel (kh, kw, c, multiplier)."""
    return _convolution(inputs, kernel, bias, strides, padding, data_format, dilation_rate, activation, True)


def separable_conv(inputs, depthwise_kernel, pointwise_kernel, strides=1, padding="valid", data_format=None,
                   dilation_rate=1, *, bias=None, activation: str = "linear"):
    """A depthwise convolution, then a convolution of size 1 across the channels."""
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(x, pointwise_kernel, 1, "valid", data_format, 1, bias=bias, activation=activation)


def _convolution(x, kernel, bias, strides, padding, data_format, dilation_rate, activation, depthwise):
    who = "depthwise_conv" if depthwise else "conv"
    rank = rank_of(kernel, who)
    if data_format != "channels_last":
        x, back = channels_last_of(x, data_format, who)
        if back is not None:
            return back(_convolution(x, kernel, bias, strides, padding, "channels_last", dilation_rate, activation,
                                     depthwise))
    options = {"strides": pair(strides, rank, f"{who}: strides"), "padding": padding, "activation": activation,
               "dilation": pair(dilation_rate, rank, f"{who}: dilation_rate")}
    if x.ndim != kernel.ndim:
        raise ValueError(f"{who}: a kernel of shape {tuple(kernel.shape)} needs an input of {kernel.ndim} dimensions, "
                         f"got shape {tuple(x.shape)}")
    if rank == 3:
        kernel = reshape(kernel, (*kernel.shape[:3], 1, -1)) if depthwise else kernel
        return _volume_conv(x, kernel, bias, **options)
    return _conv(x, kernel, bias, depthwise=depthwise, **options)


def image(x):
    """A sequence as an image of height 1."""
    return x if x.ndim == 4 else x.reshape(x.shape[0], 1, *x.shape[1:])


def grouped(w, depthwise: bool):
    """A kernel as (kh, kw, c / groups, f)."""
    w = w if w.ndim == 4 else w.reshape(1, *w.shape)
    return w.reshape(*w.shape[:2], 1, w.shape[2] * w.shape[3]) if depthwise else w


def like(y, x):
    """An image of height 1 as a sequence again, where the input was one."""
    return y if x.ndim == 4 else y.reshape(y.shape[0], *y.shape[2:])


def check_channels(x, w, who: str):
    c, per_group, f = x.shape[-1], w.shape[2], w.shape[3]
    if c % per_group or f % (c // per_group):
        raise ValueError(f"{who}: the input has {c} channels, but the kernel expects {per_group} a group and makes "
                         f"{f}; channels must be a multiple of the kernel's, and filters a multiple of the groups")


def before_bias(k, activation, dy, y, need):
    """(dz, db): the gradient before activation and bias, and that of the bias"""
    bent = activation != "linear"
    dz, db = k.bias_backward(activation, dy, y, (bent, need))
    return dz if bent else dy, db


@op(full=("b",))
def _conv(x, w, b, *, strides, padding, dilation, activation, depthwise):
    """(n, h, w, c) * (kh, kw, c / groups, f) -> (n, oh, ow, f)"""
    k, xs, ws = kernels_of(w), image(as_dtype(x, w.dtype)), grouped(w, depthwise)
    check_channels(xs, ws, "conv")
    size, groups = ws.shape[:2], xs.shape[3] // ws.shape[2]
    pads = resolve(padding, xs.shape[1:3], size, strides, dilation, "conv")
    if min(outputs(xs.shape[1:3], size, strides, pads, dilation)) < 1:
        raise ValueError(f"conv: the kernel of size {size} does not fit the input of shape {x.shape}; "
                         "use a smaller kernel, fewer poolings before it, or padding='same'")
    y = k.conv(xs, ws, b, strides, pads, dilation, groups, activation)

    def backward(dy, need):
        dx = dw = None
        dz, db = before_bias(k, activation, dy.reshape(y.shape), y, need[2])
        if need[0] is not None:
            dx = k.conv_input_grad(dz, ws, xs.shape, strides, pads, dilation, groups).reshape(x.shape)
        if need[1] is not None:
            out = None if need[1] is True else need[1].reshape(ws.shape)
            dw = k.conv_weight_grad(xs, dz, size, strides, pads, dilation, groups, out=out)
            dw = dw.reshape(w.shape) if out is None else need[1]
        return dx, dw, db
    return like(y, x), backward


def conv_transpose(inputs, kernel, strides=1, padding="valid", output_padding=None, data_format=None, dilation_rate=1,
                   *, bias=None, activation: str = "linear"):
    """The transpose of a convolution, with a kernel (kh, kw, filters, c): about strides times larger."""
    rank, who = rank_of(kernel, "conv_transpose"), "conv_transpose"
    x, back = channels_last_of(inputs, data_format, who)
    extra = None
    if output_padding is not None:
        extra = tuple(output_padding) if isinstance(output_padding, tuple | list) else (output_padding,) * rank
        extra = (0,) * (2 - rank) + extra
    transpose_of = _volume_transpose if rank == 3 else _conv_transpose
    y = transpose_of(x, kernel, bias, strides=pair(strides, rank, f"{who}: strides"), padding=padding, extra=extra,
                     dilation=pair(dilation_rate, rank, f"{who}: dilation_rate"), activation=activation)
    return y if back is None else back(y)


def transposed(n: int, window: int, stride: int, padding: str, extra: int | None, dilation: int) -> tuple:
    """(output size, (cut before, cut after)) along one axis; `extra` is Keras' output_padding."""
    reach = (window - 1) * dilation + 1
    natural = (n - 1) * stride + reach
    if padding == "valid":
        before, after = 0, -max(stride - reach, 0) if extra is None else -extra
    elif padding == "same":
        total = stride + reach - 2 if extra is None else reach + reach % 2 - 2 + extra
        kept = min(total // 2 + total % 2, reach - 1)
        before, after = reach - 1 - kept, reach - 1 - (total - kept)
    else:
        raise ValueError(f"conv_transpose: padding is 'valid' or 'same', got {padding!r}")
    if -after >= max(stride, 2):
        raise ValueError(f"conv_transpose: output_padding {extra} must be smaller than the stride {stride}")
    return natural - before - after, (before, max(after, 0))


@op(full=("b",))
def _conv_transpose(x, w, b, *, strides, padding, extra, dilation, activation):
    """(n, h, w, c) * (kh, kw, f, c) -> (n, oh, ow, f): the input gradient of the convolution back"""
    k, xs, ws = kernels_of(w), image(as_dtype(x, w.dtype)), grouped(w, False)
    if xs.shape[3] != ws.shape[3]:
        raise ValueError(f"conv_transpose: the input has {xs.shape[3]} channels, but the kernel of shape {w.shape} "
                         f"expects {ws.shape[3]}")
    size = ws.shape[:2]
    (oh, rows), (ow, columns) = (transposed(xs.shape[1 + i], size[i], strides[i], padding,
                                            extra and extra[i], dilation[i]) for i in (0, 1))
    shape, pads = (xs.shape[0], oh, ow, ws.shape[2]), (rows, columns)
    y = k.conv_input_grad(xs, ws, shape, strides, pads, dilation)
    if b is not None:
        y = k.binary("add", y, as_dtype(b, y.dtype), out=y)
    if activation != "linear":
        y = k.unary(activation, y, out=y)

    def backward(dy, need):
        dx = dw = None
        dz, db = before_bias(k, activation, dy.reshape(shape), y, need[2])
        if need[0] is not None:
            dx = k.conv(dz, ws, None, strides, pads, dilation).reshape(x.shape)
        if need[1] is not None:
            dw = k.conv_weight_grad(dz, xs, size, strides, pads, dilation).reshape(w.shape)
        return dx, dw, db
    return like(y, x), backward


def _volume_conv(x, w, b, *, strides, padding, dilation, activation):
    """(n, d, h, w, c) * (kd, kh, kw, c / groups, f) -> (n, od, oh, ow, f): the slices of depth that a filter sees are
    channels of an image"""
    (kd, kh, kw, per, f), (height, width, c) = w.shape, x.shape[2:]
    pads = resolve(padding, x.shape[1:2], (kd,), strides, dilation, "conv")
    depth, = outputs(x.shape[1:2], (kd,), strides, pads, dilation)
    if depth < 1 or c % per:
        raise ValueError(f"conv: a kernel of shape {w.shape} does not fit the input of shape {tuple(x.shape)}; use a "
                         "smaller kernel or padding='same', and channels that are a multiple of the kernel's")
    x, (s, gap) = pad(x, ((0, 0), *pads, (0, 0), (0, 0), (0, 0))), (strides[0], dilation[0])
    slices = [_slice(x, index=(slice(None), slice(i * gap, i * gap + (depth - 1) * s + 1, s))) for i in range(kd)]
    images = stack([reshape(v, (-1, height, width, c // per, per)) for v in slices], axis=4)
    y = _conv(reshape(images, (-1, height, width, c * kd)),
              reshape(transpose(w, (1, 2, 0, 3, 4)), (kh, kw, kd * per, f)), b, strides=strides[1:], padding=padding,
              dilation=dilation[1:], activation=activation, depthwise=False)
    return reshape(y, (-1, depth, *y.shape[1:]))


def _volume_transpose(x, w, b, *, strides, padding, extra, dilation, activation):
    """(n, d, h, w, c) * (kd, kh, kw, f, c) -> (n, od, oh, ow, f): each slice makes kd of them, which are added where
    they belong"""
    (kd, kh, kw, f, c), d, (s, gap) = w.shape, x.shape[1], (strides[0], dilation[0])
    y = _conv_transpose(reshape(x, (-1, *x.shape[2:])), reshape(transpose(w, (1, 2, 0, 3, 4)), (kh, kw, kd * f, c)),
                        None, strides=strides[1:], padding=padding, extra=extra and extra[1:], dilation=dilation[1:],
                        activation="linear")
    y = reshape(y, (-1, d, 1, *y.shape[1:3], kd, f))
    depth, (before, _) = transposed(d, kd, s, padding, extra and extra[0], gap)
    room, total = (d + 1) * s + (kd - 1) * gap, None
    for i in range(kd):
        tap = pad(_slice(y, index=(..., i, slice(None))), ((0, 0), (0, 0), (0, s - 1), *[(0, 0)] * 3))
        tap = reshape(tap, (-1, d * s, *tap.shape[3:]))
        tap = pad(tap, ((0, 0), (i * gap, room - i * gap - d * s), *[(0, 0)] * 3))
        total = tap if total is None else add(total, tap)
    y = _slice(total, index=(slice(None), slice(before, before + depth)))
    y = y if b is None else add(y, b)
    return y if activation == "linear" else {"relu": relu, "sigmoid": sigmoid, "tanh": tanh}[activation](y)
