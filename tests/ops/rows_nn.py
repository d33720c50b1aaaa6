"""Rows: layers' ops, against definitions written out in NumPy."""
import numpy as np

from gpunn import ops

from .rows_math import sigmoid, softplus
from .table import distinct, flags, greater, ids, n, pos, row, unit

V3 = (0, 1, 2)
SQUASH = {
    "linear": lambda z: z, "relu": lambda z: np.where(greater(z, 0), z, 0), "sigmoid": sigmoid,
    "tanh": np.tanh
}


def dense(x, w, b, activation="linear"):
    return SQUASH[activation](x @ w + (0 if b is None else b))


row(
    "dense", dense, [(n(3, 4), n(4, 5), n(5), a) for a in SQUASH]
    + [(n(2, 3, 4), n(4, 5), n(5)), (n(4), n(4, 2), n(2)), (n(0, 4), n(4, 5), n(5))], V3
)
row("dense", dense, [(n(3, 4), n(4, 5), None, "relu")], (0, 1))


def softmax(x, axis=-1):
    e = np.exp(x - x.real.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def log_softmax(x, axis=-1):
    return np.log(softmax(x, axis))


row("softmax", softmax, [(n(3, 4),), (n(3, 4), 0), (n(2, 3, 4), (1, 2)), (n(5),)], (0,))
row("softmax", softmax, [(n(2, 3) * 1e3,)])
row("log_softmax", log_softmax, [(n(3, 4),), (n(3, 4), 0), (n(2, 3, 4),)], (0,))


def cross_entropy(x, y):
    rows = log_softmax(x).reshape(-1, x.shape[-1])
    hits = (x.real.argmax(-1) == y).astype(float)
    return -rows[np.arange(len(rows)), y.ravel()].reshape(y.shape), hits


row("softmax_cross_entropy", cross_entropy, [(n(5, 4), ids(4, 5)), (n(2, 3, 4), ids(4, 2, 3))], (0,))
row(
    "pick", lambda x, y: np.take_along_axis(x, y[..., None], -1)[..., 0],
    [(n(5, 4), ids(4, 5)), (n(2, 3, 4), ids(4, 2, 3))], (0,)
)
row(
    "binary_crossentropy", lambda t, p: -t * np.log(p) - (1 - t) * np.log(1 - p),
    [(pos(3, 4) / 2, unit(3, 4) ** 2 * 0.9 + 0.05)], (1,)
)
row("binary_crossentropy", lambda t, x, logits: softplus(x) - t * x, [(pos(3, 4) / 2, n(3, 4), True)], (1,))
row(
    "categorical_crossentropy", lambda t, p: -(t * np.log(p / p.sum(-1, keepdims=True))).sum(-1),
    [(pos(3, 4), pos(3, 4))], (1,)
)
row("categorical_crossentropy", lambda t, x, logits, axis=-1: -(t * log_softmax(x, axis)).sum(axis),
    [(pos(3, 4), n(3, 4), True), (pos(3, 4), n(3, 4), True, 0)], (1,))
row(
    "sparse_categorical_crossentropy",
    lambda t, p: -np.log((p / p.sum(-1, keepdims=True))[np.arange(len(t)), t]), [(ids(4, 5), pos(5, 4))], (1,)
)
row(
    "sparse_categorical_crossentropy", lambda t, x, logits: cross_entropy(x, t.reshape(len(t)))[0],
    [(ids(4, 5, 1), n(5, 4), True)], (1,)
)


def spread(size, strides):
    return (size, size) if isinstance(size, int) else size, (strides, strides) if isinstance(
        strides, int
    ) else strides


def pads_of(x, size, strides, padding, dilation=(1, 1)):
    """Keras' padding: "same" has ceil(n / stride) outputs, the odd one goes after."""
    if padding == "valid":
        return (0, 0), (0, 0)
    total = [
        max((-(-m // s) - 1) * s + (k - 1) * d + 1 - m, 0)
        for m, k, s, d in zip(x.shape[1:3], size, strides, dilation)
    ]
    return tuple((t // 2, t - t // 2) for t in total)


def windows(x, size, strides, padding="valid", dilation=(1, 1), fill=0.0):
    """(n, oh, ow, kh, kw, c)"""
    pads = pads_of(x, size, strides, padding, dilation)
    x = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    out = [(m - (k - 1) * d - 1) // s + 1 for m, k, s, d in zip(x.shape[1:3], size, strides, dilation)]
    return np.stack(
        [
            np.stack(
                [
                    x[
                        :, i * dilation[0] : i * dilation[0] + (out[0] - 1) * strides[0] + 1 : strides[0],
                        j * dilation[1] : j * dilation[1] + (out[1] - 1) * strides[1] + 1 : strides[1]
                    ]
                    for j in range(size[1])
                ],
                3,
            )
            for i in range(size[0])
        ],
        3,
    )


def conv(x, w, strides=1, padding="valid", data_format=None, dilation_rate=1, bias=None, activation="linear"):
    if x.ndim == 3:
        y = conv(x[:, None], w[None], (1, strides), padding, None, (1, dilation_rate), bias, activation)
        return y[:, 0]
    if data_format == "channels_first":
        return np.moveaxis(
            conv(np.moveaxis(x, 1, -1), w, strides, padding, None, dilation_rate, bias, activation), -1, 1
        )
    dilation, strides = spread(dilation_rate, strides)
    groups = x.shape[3] // w.shape[2]
    xs, ws = (
        np.split(windows(x, w.shape[:2], strides, padding, dilation), groups, -1), np.split(w, groups, -1)
    )
    y = np.concatenate([np.einsum("nhwijc,ijcf->nhwf", a, b) for a, b in zip(xs, ws)], -1)
    return SQUASH[activation](y + (0 if bias is None else bias))


def conv_with_bias(x, w, bias, activation="linear", **options):
    return conv(x, w, bias=bias, activation=activation, **options)


row(
    "conv",
    conv,
    [
        (n(2, 5, 6, 3), n(3, 3, 3, 4)), (n(2, 6, 5, 3), n(3, 2, 3, 4), 2, "same"),
        (n(1, 7, 7, 4), n(3, 3, 2, 6), 1, "valid", None, 2),
        (n(2, 3, 5, 5), n(3, 3, 3, 4), (2, 1), "same", "channels_first"), (n(2, 7, 3), n(3, 3, 4)),
        (n(2, 7, 3), n(3, 3, 4), 2, "same"), (n(2, 4, 4, 2), n(1, 1, 2, 3)),
        (n(1, 3, 3, 1), n(5, 5, 1, 2), 1, "same")
    ],
    (0, 1),
)
row("conv", conv_with_bias, [(n(2, 5, 5, 3), n(3, 3, 3, 4), n(4), {"activation": a}) for a in SQUASH], V3,
    f=lambda x, w, b, activation: ops.conv(x, w, bias=b, activation=activation))


def depthwise(x, w, *options):
    c, m = w.shape[-2:]
    return conv(x, w.reshape(*w.shape[:-2], 1, c * m), *options)


row(
    "depthwise_conv", depthwise,
    [(n(2, 5, 5, 3), n(3, 3, 3, 1)), (n(2, 6, 5, 3), n(3, 3, 3, 2), 2, "same"), (n(2, 6, 3), n(3, 3, 2))],
    (0, 1)
)
row(
    "separable_conv", lambda x, d, p: conv(depthwise(x, d), p),
    [(n(2, 5, 5, 3), n(3, 3, 3, 2), n(1, 1, 6, 4))], V3
)


def conv_transpose(x, w, strides=1, padding="valid", output_padding=None):
    """Each input pixel adds its kernel to the output, which is then cut or extended as Keras says."""
    if x.ndim == 3:
        return conv_transpose(
            x[:, None], w[None], (1, strides), padding, output_padding and (0, output_padding)
        )[:, 0]
    (kh, kw), (sh, sw) = w.shape[:2], spread(1, strides)[1]
    full = np.zeros(
        (x.shape[0], (x.shape[1] - 1) * sh + kh + 9, (x.shape[2] - 1) * sw + kw + 9, w.shape[2]),
        np.result_type(x, w)
    )
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            full[:, i * sh:i * sh + kh, j * sw:j * sw + kw] += np.einsum("nc,ijfc->nijf", x[:, i, j], w)
    for axis, (m, k, s) in enumerate(zip(x.shape[1:3], (kh, kw), (sh, sw)), 1):
        extra = (
            None if output_padding is None else output_padding if isinstance(output_padding, int)
            else output_padding[axis - 1]
        )
        if padding == "valid":
            before, size = 0, (m - 1) * s + k + (max(s - k, 0) if extra is None else extra)
        else:
            total = s + k - 2 if extra is None else k + k % 2 - 2 + extra
            before = k - 1 - min(-(-total // 2), k - 1)
            size = m * s if extra is None else (m - 1) * s + k % 2 + extra
        full = np.take(full, range(before, before + size), axis)
    return full


row(
    "conv_transpose",
    conv_transpose,
    [
        (n(2, 3, 4, 3), n(3, 3, 2, 3)), (n(2, 3, 4, 3), n(3, 3, 2, 3), 2, "same"),
        (n(1, 3, 3, 2), n(2, 2, 3, 2), 3), (n(2, 4, 3), n(3, 2, 3), 2),
        (n(1, 3, 3, 2), n(4, 4, 3, 2), 2, "same"), (n(1, 3, 3, 2), n(3, 3, 3, 2), 2, "same", 1),
        (n(1, 3, 3, 2), n(3, 3, 3, 2), 2, "valid", 1)
    ],
    (0, 1),
)
row("conv_transpose", lambda x, w, b, activation: SQUASH[activation](conv_transpose(x, w, 2) + b),
    [(n(1, 3, 3, 2), n(3, 3, 3, 2), n(3), {"activation": a}) for a in SQUASH], V3,
    f=lambda x, w, b, activation: ops.conv_transpose(x, w, 2, bias=b, activation=activation))


def max_pool(x, size, strides=None, padding="valid", data_format=None):
    if x.ndim == 3:
        return max_pool(x[:, None], (1, size), (1, strides or size), padding)[:, 0]
    if data_format == "channels_first":
        return np.moveaxis(max_pool(np.moveaxis(x, 1, -1), size, strides, padding), -1, 1)
    size, strides = spread(size, strides or size)
    w = windows(x, size, strides, padding, fill=-np.inf)
    w = w.reshape(*w.shape[:3], -1, w.shape[-1])
    return np.take_along_axis(w, w.real.argmax(3)[:, :, :, None], 3)[:, :, :, 0]


def average_pool(x, size, strides=None, padding="valid"):
    if x.ndim == 3:
        return average_pool(x[:, None], (1, size), (1, strides or size), padding)[:, 0]
    size, strides = spread(size, strides or size)
    return windows(x, size, strides, padding).sum((3, 4)) / windows(
        np.ones_like(x), size, strides, padding
    ).sum((3, 4))


row(
    "max_pool",
    max_pool,
    [
        (n(2, 4, 6, 3), 2), (n(2, 5, 5, 3), 3, 2, "same"), (n(2, 6, 3), 2), (n(2, 7, 3), 3, 2, "same"),
        (n(2, 3, 4, 4), 2, 2, "valid", "channels_first")
    ],
    (0,),
)
row("average_pool", average_pool, [(n(2, 4, 6, 3), 2), (n(2, 5, 5, 3), 3, 2, "same"), (n(2, 6, 3), 2)], (0,))


def adaptive(reduce):
    """As many windows as asked for along each axis, the last one's end rounded up."""
    def pool(x, size, data_format=None):
        first = 2 if data_format == "channels_first" else 1
        for axis, m in enumerate(spread(size, 1)[0] if x.ndim == 4 else (size,), first):
            cuts = [(x.shape[axis] * i // m, -(x.shape[axis] * -(i + 1) // m)) for i in range(m)]
            x = np.stack([reduce(x.take(range(*cut), axis), axis) for cut in cuts], axis)
        return x
    return pool


SIZES = [(distinct(2, 5, 6, 2), 3), (distinct(2, 4, 3, 5), (2, 3)), (distinct(2, 7, 3), 2)]
row("adaptive_average_pool", adaptive(np.mean), [*SIZES, (n(2, 3, 5, 4), 2, "channels_first")], (0,))
row("adaptive_max_pool", adaptive(lambda x, axis: np.take_along_axis(
    x, np.expand_dims(x.real.argmax(axis), axis), axis).squeeze(axis)), SIZES, (0,))


def batch_norm(x, gamma, beta, mean, var, axis=-1, momentum=0.9, epsilon=1e-3):
    along = tuple(i for i in range(x.ndim) if i != axis % x.ndim)
    m = x.mean(along, keepdims=True)
    shape = m.shape
    return (x - m) / np.sqrt(((x - m) ** 2).mean(along, keepdims=True) + epsilon) * gamma.reshape(
        shape
    ) + beta.reshape(shape)


row("batch_norm", batch_norm,
    [(n(6, 3), pos(3), n(3), n(3), pos(3)), (n(2, 4, 5, 3), pos(3), n(3), n(3), pos(3)),
     (n(4, 3, 5), pos(3), n(3), n(3), pos(3), 1)], V3, rtol=20, symbolic=False)


row("batch_norm", lambda x, gamma, beta, mean, var, r: np.maximum(batch_norm(x, gamma, beta, mean, var) + r, 0),
    [(n(6, 3), pos(3), n(3), n(3), pos(3), n(6, 3)), (n(2, 4, 5, 3), pos(3), n(3), n(3), pos(3), n(2, 4, 5, 3))],
    (0, 1, 2, 5), f=lambda *a: ops.batch_norm(*a[:5], momentum=0.9, residual=a[5], activation="relu"),
    analytic=False, rtol=20, symbolic=False)


def inference_norm(x, mean, var, axis, offset=None, scale=None, epsilon=1e-3):
    shape = [1] * x.ndim
    shape[axis] = -1
    r = [v if v is None else v.reshape(shape) for v in (mean, var, offset, scale)]
    y = (x - r[0]) / np.sqrt(r[1] + epsilon)
    return (y if r[3] is None else y * r[3]) + (0 if r[2] is None else r[2])


row(
    "batch_normalization", inference_norm, [(n(4, 3), n(3), pos(3), -1), (n(2, 3, 4), n(3), pos(3), 1)], V3,
    rtol=10
)
row(
    "batch_normalization", inference_norm, [(n(4, 3), n(3), pos(3), -1, n(3), n(3))], (0, 1, 2, 4, 5), rtol=10
)


def layer_norm(x, gamma=None, beta=None, axis=-1, epsilon=1e-7):
    axis = tuple(axis) if isinstance(axis, list | tuple) else axis
    m = x.mean(axis, keepdims=True)
    y = (x - m) / np.sqrt(((x - m) ** 2).mean(axis, keepdims=True) + epsilon)
    return (y if gamma is None else y * gamma) + (0 if beta is None else beta)


row(
    "layer_normalization", layer_norm,
    [(n(4, 6), pos(6), n(6)), (n(2, 3, 4), pos(4), n(4)), (n(2, 3, 4), pos(3, 4), n(3, 4), (1, 2))], V3,
    rtol=20
)
row("layer_normalization", layer_norm, [(n(4, 6),), (n(4, 6), {"axis": 0})], (0,), rtol=20)
row(
    "rms_normalization", lambda x, g: x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-7) * g,
    [(n(4, 6), pos(6))], (0, 1), rtol=10
)
row(
    "moments",
    lambda x, axes, **o: [x.mean(axes, **o), ((x - x.mean(axes, keepdims=True)) ** 2).mean(axes, **o)],
    [(n(3, 4), (0,)), (n(2, 3, 4), (0, 1), {"keepdims": True})], (0,), rtol=10
)
row(
    "normalize", lambda x, axis=-1: x / np.sqrt((x * x).sum(axis, keepdims=True)), [(n(3, 4),), (n(3, 4), 0)],
    (0,), rtol=10
)
row(
    "normalize", lambda x, axis, order: x / np.abs(x).sum(axis, keepdims=True), [(n(3, 4), 1, 1)],
    symbolic=False
)


def attended(q, k, v, mask=None, causal=False, bias=0.0):
    """(n, tq, h, d), (n, tk, h, d), (n, tk, h, e) -> (n, tq, h, e) and the weights (n, h, tq, tk)"""
    s = np.einsum("nqhd,nkhd->nhqk", q, k) / np.sqrt(q.shape[-1]) + bias
    allowed = np.ones(s.shape, bool) if mask is None else np.broadcast_to(mask, s.shape)
    allowed = allowed & np.tri(*s.shape[2:], dtype=bool) if causal else allowed
    e = np.where(allowed, np.exp(s - s.real.max(-1, keepdims=True)), 0)
    total = e.sum(-1, keepdims=True)
    weights = e / np.where(total == 0, 1, total)
    return np.einsum("nhqk,nkhe->nqhe", weights, v), weights


row(
    "dot_product_attention",
    lambda q, k, v, **o: attended(q, k, v, o.get("mask"), o.get("is_causal", False), o.get("bias", 0.0))[0],
    [
        (n(2, 3, 2, 4), n(2, 5, 2, 4), n(2, 5, 2, 6)),
        (n(2, 4, 2, 4), n(2, 4, 2, 4), n(2, 4, 2, 4), {"is_causal": True}),
        (n(2, 3, 2, 4), n(2, 5, 2, 4), n(2, 5, 2, 4), {"mask": flags(2, 1, 3, 5)}),
        (n(2, 3, 2, 4), n(2, 5, 2, 4), n(2, 5, 2, 4), {"bias": n(2, 2, 3, 5)})
    ],
    V3,
    rtol=10,
)
row(
    "attention",
    lambda q, k, v, m, scale: attended(q * scale * np.sqrt(q.shape[-1]), k, v, m)[0],
    [
        (n(2, 3, 2, 4), n(2, 5, 2, 4), n(2, 5, 2, 4), None, {"scale": 0.3}),
        (n(2, 3, 2, 4), n(2, 5, 2, 4), n(2, 5, 2, 4), flags(5), {"scale": 0.3})
    ],
    V3,
    rtol=10,
)
row(
    "attention_scores",
    lambda q, k, mask, scale: attended(q * scale * np.sqrt(q.shape[-1]), k, k, mask)[1],
    [
        (n(2, 3, 2, 4), n(2, 5, 2, 4), None, 0.5),
        (n(2, 3, 2, 4), n(2, 5, 2, 4), np.array([True, False, True, True, False]), 0.5)
    ],
    (0, 1),
    rtol=10,
)
