"""Convolution: the reference moves the whole padded image past one tap of the kernel after the other."""

import numpy as np

from .harness import case
from .references import activated

NONE = ((0, 0), (0, 0))


class Shape:
    """One geometry: image (n, h, w, c), kernel (kh, kw) to f filters."""

    def __init__(self, image, size, filters, strides=(1, 1), padding=NONE, dilation=(1, 1), groups=1):
        self.image, self.size, self.filters = image, size, filters
        self.options = dict(strides=strides, padding=padding, dilation=dilation, groups=groups)
        self.positional = strides, padding, dilation, groups

    def weights(self, r):
        c = self.image[3] // self.options["groups"]
        return r.standard_normal((*self.size, c, self.filters))

    def fits(self):
        return [
            (length + sum(pad) - (taps - 1) * gap - 1) // step + 1
            for length, taps, step, pad, gap in zip(
                self.image[1:3], self.size, *self.positional[:3], strict=True
            )
        ]


SHAPES = {
    "1x1": Shape((2, 4, 5, 6), (1, 1), 7),
    "1x1_groups": Shape((2, 4, 5, 6), (1, 1), 4, groups=2),
    "1x1_stride": Shape((2, 4, 5, 3), (1, 1), 4, (2, 2)),
    "3x3": Shape((2, 7, 8, 3), (3, 3), 5),
    "3x3_same": Shape((2, 7, 6, 4), (3, 3), 6, padding=((1, 1), (1, 1))),
    "3x3_wide": Shape((2, 7, 9, 20), (3, 3), 40, padding=((1, 1), (1, 1))),
    "3x3_one_channel": Shape((2, 9, 9, 1), (3, 3), 8),
    "even_asymmetric": Shape((2, 7, 8, 3), (2, 4), 5, (1, 1), ((0, 1), (1, 2))),
    "stride_2_same": Shape((2, 8, 7, 3), (3, 3), 5, (2, 2), ((0, 1), (1, 1))),
    "stride_beyond_size": Shape((2, 9, 10, 3), (2, 2), 4, (3, 4), ((1, 0), (0, 1))),
    "dilation": Shape((2, 9, 8, 3), (3, 3), 4, (1, 1), ((2, 2), (2, 1)), (2, 2)),
    "dilation_one_way": Shape((1, 9, 8, 3), (3, 2), 4, (2, 1), ((1, 2), (0, 0)), (3, 1)),
    "groups": Shape((2, 6, 7, 4), (3, 3), 6, (1, 1), ((1, 1), (1, 1)), groups=2),
    "groups_stride_dilation": Shape((2, 9, 9, 6), (2, 3), 6, (2, 3), ((1, 1), (0, 2)), (2, 1), 3),
    "depthwise": Shape((2, 7, 8, 5), (3, 3), 5, (1, 1), ((1, 1), (1, 1)), groups=5),
    "depthwise_multiplier": Shape((2, 8, 7, 3), (3, 2), 6, (2, 2), ((0, 1), (1, 0)), groups=3),
    "depthwise_dilation": Shape((2, 9, 8, 3), (3, 3), 9, (1, 2), ((2, 2), (2, 2)), (2, 2), 3),
    "row": Shape((2, 1, 12, 3), (1, 3), 5, (1, 2), ((0, 0), (2, 0)), (1, 2)),
    "larger_than_image": Shape((2, 3, 4, 2), (5, 5), 3, (1, 1), ((3, 2), (2, 3))),
    "five_images_in_parts": Shape((5, 3, 3, 2), (2, 2), 3),
    "many_pixels_and_filters": Shape((2, 17, 18, 3), (3, 3), 70, padding=((1, 1), (1, 1))),
    "many_pixels_depthwise": Shape((2, 17, 18, 3), (3, 3), 3, padding=((1, 1), (1, 1)), groups=3),
    "register_tiles_stride": Shape((2, 7, 27, 3), (3, 3), 19, (2, 2), ((0, 1), (1, 1))),
    "register_tiles_dilation": Shape((1, 7, 15, 2), (3, 2), 17, (1, 1), ((2, 1), (1, 0)), (2, 2)),
    "lines_in_parts_deep": Shape((1, 19, 21, 41), (3, 3), 45, padding=((1, 1), (1, 1))),
    "images_in_parts_groups": Shape((7, 11, 12, 20), (3, 2), 36, (2, 1), ((1, 1), (0, 1)), groups=2),
    "long_row": Shape((1, 1, 900, 20), (1, 4), 17, (1, 1), ((0, 0), (2, 1))),
    "row_stride": Shape((2, 1, 50, 3), (1, 3), 10, (1, 3), ((0, 0), (1, 0))),
    "patches": Shape((2, 4, 7, 32), (3, 3), 64, padding=((1, 1), (1, 1))),
    "patches_of_lines": Shape((1, 21, 11, 64), (3, 3), 32, padding=((2, 0), (0, 1))),
    "patches_narrow": Shape((3, 6, 3, 16), (3, 3), 24, padding=((1, 1), (1, 1))),
    "patches_inside": Shape((2, 9, 11, 16), (3, 3), 16, padding=((0, 0), (0, 0))),
    "stride_long": Shape((1, 5, 4, 3), (3, 3), 300, (2, 2), ((1, 1), (0, 1))),
    "stride_long_groups": Shape((2, 5, 5, 8), (3, 2), 640, (2, 3), ((0, 1), (1, 1)), groups=2),
    "depthwise_wide": Shape((3, 9, 10, 27), (3, 3), 27, (2, 2), ((1, 1), (1, 1)), groups=27),
    "empty": Shape((0, 5, 5, 2), (3, 3), 3),
    "empty_depthwise": Shape((0, 5, 5, 2), (3, 3), 2, groups=2),
}


def taps(x, size, strides, padding, dilation):
    """Yields (row, column, what that tap of the kernel sees of the padded image: a view (n, oh, ow, c))."""
    (sh, sw), (dh, dw) = strides, dilation
    oh, ow = ((x.shape[i + 1] - (size[i] - 1) * dilation[i] - 1) // strides[i] + 1 for i in (0, 1))
    for a, b in np.ndindex(*size):
        yield a, b, x[:, a * dh : a * dh + (oh - 1) * sh + 1 : sh, b * dw : b * dw + (ow - 1) * sw + 1 : sw]


def padded(x, padding):
    return np.pad(x, ((0, 0), *padding, (0, 0)))


def cropped(x, shape, padding):
    (top, _), (left, _) = padding
    return x[:, top : top + shape[1], left : left + shape[2]]


def by_group(x, groups):
    return x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)


def joined(x):
    return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])


def im2col(x, size, strides, padding, dilation, groups=1):
    seen = [
        by_group(view, groups) for _, _, view in taps(padded(x, padding), size, strides, padding, dilation)
    ]
    cols = np.stack(seen, axis=4)
    return cols.reshape(*cols.shape[:4], *size, cols.shape[5])


def col2im(cols, shape, size, strides, padding, dilation, groups=1):
    dx = padded(np.zeros(shape), padding)
    for a, b, view in taps(dx, size, strides, padding, dilation):
        view += joined(cols[:, :, :, :, a, b])
    return cropped(dx, shape, padding)


def conv(x, w, b, strides, padding, dilation, groups=1, activation="linear"):
    total = 0 if b is None else b
    for row, column, view in taps(padded(x, padding), w.shape[:2], strides, padding, dilation):
        total = total + joined(
            np.einsum("nijgc,cgf->nijgf", by_group(view, groups), by_group(w[row, column], groups))
        )
    return activated(activation, total)


def conv_input_grad(dz, w, shape, strides, padding, dilation, groups=1):
    dx = padded(np.zeros(shape), padding)
    for a, b, view in taps(dx, w.shape[:2], strides, padding, dilation):
        view += joined(np.einsum("nijgf,cgf->nijgc", by_group(dz, groups), by_group(w[a, b], groups)))
    return cropped(dx, shape, padding)


def conv_weight_grad(x, dz, size, strides, padding, dilation, groups=1):
    dw = np.zeros((*size, x.shape[3] // groups, dz.shape[3]))
    for a, b, view in taps(padded(x, padding), size, strides, padding, dilation):
        dw[a, b] = joined(np.einsum("nijgc,nijgf->cgf", by_group(view, groups), by_group(dz, groups)))
    return dw


def add(name, s: Shape):
    n, f, fits, g = s.image[0], s.filters, s.fits(), s.options["groups"]
    columns = (n, *fits, g, *s.size, s.image[3] // g)
    case(
        "conv",
        lambda r: (r.standard_normal(s.image), s.weights(r), r.standard_normal(f), *s.positional),
        conv,
        id=name,
    )
    case(
        "conv_input_grad",
        lambda r: (r.standard_normal((n, *fits, f)), s.weights(r), s.image, *s.positional),
        conv_input_grad,
        id=name,
    )
    case(
        "conv_weight_grad",
        lambda r: (r.standard_normal(s.image), r.standard_normal((n, *fits, f)), s.size, *s.positional),
        conv_weight_grad,
        id=name,
    )
    case("im2col", lambda r: (r.standard_normal(s.image), s.size, *s.positional), im2col, id=name, exact=True)
    case("col2im", lambda r: (r.standard_normal(columns), s.image, s.size, *s.positional), col2im, id=name)


for name, shape in SHAPES.items():
    add(name, shape)

for activation in ("linear", "relu", "sigmoid", "tanh"):
    for name in ("3x3_same", "groups", "depthwise"):
        s = SHAPES[name]
        case(
            "conv",
            lambda r, s=s: (
                r.standard_normal(s.image),
                s.weights(r),
                r.standard_normal(s.filters),
                *s.positional,
            ),
            conv,
            options={"activation": activation},
            id=f"{name}-{activation}",
        )
        case(
            "conv",
            lambda r, s=s: (r.standard_normal(s.image), s.weights(r), None, *s.positional),
            conv,
            options={"activation": activation},
            id=f"{name}-{activation}-no_bias",
        )
