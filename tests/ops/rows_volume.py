"""Rows: convolution and pooling of volumes (n, d, h, w, c)."""
import numpy as np

from .table import n, row


def volumes(x, size, stride):
    """(n, od, oh, ow, c, kd, kh, kw), without padding"""
    return np.lib.stride_tricks.sliding_window_view(x, size, (1, 2, 3))[:, ::stride, ::stride, ::stride]


def conv_3d(x, w, stride=1):
    return np.einsum("ndhwcijk,ijkcf->ndhwf", volumes(x, w.shape[:3], stride), w)


def conv_transpose_3d(x, w, stride):
    """The transpose of conv_3d: <conv_3d(y), x> = <y, conv_transpose_3d(x)> for every y."""
    shape = [(m - 1) * stride + max(k, stride) for m, k in zip(x.shape[1:4], w.shape)]
    y = np.zeros((x.shape[0], *shape, w.shape[3]), np.result_type(x, w))
    for i, j, k in np.ndindex(x.shape[1:4]):
        at = (slice(None), *(slice(p * stride, p * stride + m) for p, m in zip((i, j, k), w.shape)))
        y[at] += np.einsum("nc,ijkfc->nijkf", x[:, i, j, k], w)
    return y


def max_pool_3d(x, size, stride):
    w = volumes(x, (size,) * 3, stride)
    w = w.reshape(*w.shape[:5], -1)
    return np.take_along_axis(w, w.real.argmax(-1)[..., None], -1)[..., 0]


row("conv", conv_3d, [(n(2, 4, 3, 5, 2), n(2, 2, 3, 2, 3)), (n(1, 5, 4, 4, 2), n(3, 2, 1, 2, 2), 2)], (0, 1))
row("depthwise_conv",
    lambda x, w: np.concatenate([conv_3d(x[..., [c]], w[..., [c], :]) for c in range(x.shape[-1])], -1),
    [(n(1, 3, 4, 3, 2), n(2, 2, 2, 2, 3))], (0, 1))
row("conv_transpose", conv_transpose_3d,
    [(n(2, 2, 3, 2, 3), n(3, 2, 2, 2, 3), 2), (n(1, 3, 2, 2, 2), n(1, 1, 2, 3, 2), 2)], (0, 1))
row("max_pool", max_pool_3d, [(n(2, 4, 5, 4, 2), 2, 2), (n(1, 5, 5, 3, 1), 3, 1)], (0,))
row("average_pool", lambda x, size, stride: volumes(x, (size,) * 3, stride).mean((5, 6, 7)),
    [(n(2, 4, 5, 4, 2), 2, 2), (n(1, 5, 5, 3, 1), 3, 1)], (0,))
