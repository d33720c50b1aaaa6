"""Depthwise convolution: every channel has its own m filters, w is (kh, kw, 1, c * m). Called by conv.py."""
import numpy as np

from .activate import finish
from .launch import inner_kernel, kernel, parallel_kernel, share


@parallel_kernel
def _forward(part, x, w, y, sh, sw, top, left, dh, dw):
    n, oh, ow, f = y.shape
    h, width, c = x.shape[1:]
    kh, kw, m = w.shape[0], w.shape[1], f // c
    for r in share(part, n * oh):
        i, p = r // oh, r % oh
        y[i, p] = 0
        for a in range(kh):
            line = p * sh + a * dh - top
            if line < 0 or line >= h:
                continue
            for q in range(ow):
                for b in range(kw):
                    column = q * sw + b * dw - left
                    if 0 <= column < width:
                        _add_product(x[i, line, column], w[a, b, 0], y[i, p, q], m)


@inner_kernel
def _add_product(pixel, weights, total, m):
    """total[g * m + j] += pixel[g] * weights[g * m + j]"""
    if m == 1:
        for g in range(pixel.size):
            total[g] += pixel[g] * weights[g]
    else:
        for g in range(pixel.size):
            for j in range(g * m, g * m + m):
                total[j] += pixel[g] * weights[j]


@inner_kernel
def _add_contraction(dz, weights, total, m):
    """total[g] += sum over j of dz[g * m + j] * weights[g * m + j]"""
    if m == 1:
        for g in range(total.size):
            total[g] += dz[g] * weights[g]
    else:
        for g in range(total.size):
            for j in range(g * m, g * m + m):
                total[g] += dz[j] * weights[j]


@parallel_kernel
def _input_grad(part, dz, w, dx, sh, sw, top, left, dh, dw):
    n, oh, ow, f = dz.shape
    h, width, c = dx.shape[1:]
    kh, kw, m = w.shape[0], w.shape[1], f // c
    for r in share(part, n * h):
        i, line = r // h, r % h
        dx[i, line] = 0
        for a in range(kh):
            y = line + top - a * dh
            if y < 0 or y % sh or y // sh >= oh:
                continue
            for q in range(ow):
                for b in range(kw):
                    column = q * sw + b * dw - left
                    if 0 <= column < width:
                        _add_contraction(dz[i, y // sh, q], w[a, b, 0], dx[i, line, column], m)


@parallel_kernel
def _weight_grad(part, x, dz, parts, sh, sw, top, left, dh, dw):
    n, kh, kw, f = parts.shape
    h, width, c = x.shape[1:]
    oh, ow = dz.shape[1:3]
    for i in share(part, n):                     # a sum for each image: the same bits with any number of threads
        parts[i] = 0
        for p in range(oh):
            for a in range(kh):
                line = p * sh + a * dh - top
                if line < 0 or line >= h:
                    continue
                for q in range(ow):
                    for b in range(kw):
                        column = q * sw + b * dw - left
                        if 0 <= column < width:
                            _add_product(x[i, line, column], dz[i, p, q], parts[i, a, b], f // c)


@kernel
def _sum_parts(parts, total):
    """(n, ...) -> (...)"""
    total[:] = 0
    for i in range(parts.shape[0]):
        for j in range(total.size):
            total[j] += parts[i, j]


def depthwise(x, w, b, strides, padding, dilation, activation, out):
    """(n, h, w, c) * (kh, kw, 1, c * m) -> (n, oh, ow, c * m)"""
    _forward(x, w, out, *strides, padding[0][0], padding[1][0], *dilation)
    return finish(out, b, activation)


def depthwise_input_grad(dz, w, strides, padding, dilation, out):
    """dz (n, oh, ow, c * m) -> (n, h, w, c)"""
    _input_grad(dz, w, out, *strides, padding[0][0], padding[1][0], *dilation)
    return out


def depthwise_weight_grad(x, dz, strides, padding, dilation, out):
    """-> (kh, kw, 1, c * m)"""
    kh, kw, _, f = out.shape
    parts = np.empty((x.shape[0], kh, kw, f), x.dtype)
    _weight_grad(x, dz, parts, *strides, padding[0][0], padding[1][0], *dilation)
    _sum_parts(parts.reshape(-1, out.size), out.reshape(-1))
    return out
