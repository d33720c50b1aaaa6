"""Matrix products with a fused ending: bias, activation, accumulation."""
# ruff: noqa: I001 - a long list of names, filled
from math import prod

import numpy as np

from ..served import maker, note
from . import cublaslt
from .elementwise import unary
from .launch import (ACTIVATIONS, HALVES, PRECISIONS, empty, launch, launch_table, outputs, real_type, settings, shared,
                     targets)
from .reduce import reduce
from .views import steps, view

TILES = ((128, 128), (128, 64), (64, 64))
THREADS, DEPTH = 128, 16        # of a block, of the slices that it multiplies
BLOCKS = 192                    # larger tiles are taken while they make so many blocks,
CHUNK = 512                     # and a depth is cut into pieces no shorter than this, until there are so many,
LONGEST = 1 << 14               # or no longer than this: tensor cores truncate as they add
MATRICES = np.dtype([(name, "i8") for name in "a_row a_col b_row b_col c_row".split()] + [
    (name, "i4") for name in "m n k chunk batches pieces bias_row has_bias accumulate activation wide".split()],
    align=True)


def product(a, b, c, bias=None, accumulate=False, activation="linear", bends=False, sums=None):
    """c = activation(a @ b + bias (+ c)), or a @ b times relu's slope at `bias`; a, b, rows of c of any strides.

    sums: where the sums of b's columns go, of one matrix b.
    """
    (m, k), n, lead = a.shape[-2:], b.shape[-1], tuple(c.shape[:-2])
    of_a, of_b, of_c = steps(a, (*lead, m, k)), steps(b, (*lead, k, n)), steps(c, c.shape)
    return tiled("matmul", (a, b, c), (m, n, k), lead, (of_a, of_b, of_c),
                 matrix("TILE_M", a, m, k, of_a), matrix("TILE_N", b, n, k, (*of_b[:-2], of_b[-1], of_b[-2])),
                 bias, accumulate, activation, bends=bends, sums=sums, more=(sums,))


def matrix(tile, x, rows, depth, walk) -> str:
    """How x (..., rows, depth) travels, in tiles of `tile` rows: a type of tiles.cuh"""
    *batch, row, col = walk
    deep = row != 1
    near, far, extent = (col, row, depth) if deep else (row, col, rows)
    width = together(x, extent, *batch, far) if near == 1 else 1
    return f"Matrix<{tile}, {str(deep).lower()}, {width}>"


def many(count: int) -> bool:
    """Are these blocks enough, or shall there be more and smaller ones?"""
    return count >= BLOCKS


def together(x, *sizes, most=16) -> int:
    """How many numbers of x, some of whose extents and strides are these, move at a time: `most` bytes or one number"""
    count = most // x.itemsize
    return count if x.itemsize <= 4 and x.data.ptr % most == 0 and not any(size % count for size in sizes) else 1


def tile_for(rows, n, products, shapes) -> int:
    """Which of the shapes of tiles: the largest that makes enough blocks."""
    counts = [-(-rows // height) * -(-n // width) * products for height, width in shapes]
    return next((i for i, count in enumerate(counts) if count >= BLOCKS and n > shapes[i][1] // 2), len(shapes) - 1)


def tiled(kernel, arrays, sizes, lead, walks, left, right, bias=None, accumulate=False, activation="linear",
          more=(), shapes=TILES, bends=False, sums=None, phases=None):
    """Launch a kernel of tiles.cuh: (a, b, c), (m, n, k), the batch and how its axes and the last two are walked.

    phases: how many rows of c the longest of several products makes that share them, and how many there are.
    """
    (a, b, c), (m, n, k), batches = arrays, sizes, prod(lead)
    half = a.dtype in HALVES
    dtype, depth = a.dtype if half else c.dtype, DEPTH * (1 + half)
    real = real_type(dtype)
    types = {"T": dtype, "O": c.dtype, "E": dtype if bias is not None and bias.dtype == dtype else real}
    rows, shares = phases or (m, 1)
    products = batches * shares
    height, width = shapes[tile_for(rows, n, products, shapes)]
    count, maker["product"] = -(-rows // height) * -(-n // width), f"own tiles {height}x{width}"
    pieces = max(1, -(-k // LONGEST), min(k // CHUNK, BLOCKS // max(1, count * products)))
    chunk = -(-k // pieces // depth) * depth
    pieces = -(-k // chunk) if k else 1
    matrices = np.array([(*walks[0][-2:], *walks[1][-2:], walks[2][-2], m, n, k, chunk, batches, pieces,
                          n * bends, (bias is not None) + bends, accumulate, ACTIVATIONS[activation],
                          together(c, n, *walks[2][:-1], most=4 * c.itemsize) > 1)], MATRICES)
    partial = None if pieces == 1 else empty(c, (pieces, batches, m, n), real)
    batch = view(lead, *(walk[:-2] for walk in walks))
    precision = {"float64": 0, "void16": 2, "float16": 3}.get(dtype.name, PRECISIONS[settings["matmul_precision"]])
    summed = sums is not None and m > 0 and pieces == 1 and ", false," in right
    macros = ("TILE_M", height), ("TILE_N", width), ("LEFT", left), ("RIGHT", right), ("SUMS", int(summed))
    launch(kernel, kernel, (count, min(products, 65535), pieces), (a, b, c, bias, partial, matrices, batch, *more),
           block=THREADS, macros=(*macros, ("PRECISION", precision)), **types)
    if pieces > 1:
        launch_table("ending", "combine", batches * m, n, (partial, c, bias, matrices, batch), **types)
    if sums is not None and not summed:
        reduce("sum", b, 0, out=sums)
    return c


def multiplied(a, b, c, bias=None, accumulate=False, activation="linear"):
    """As `product`, by cuBLASLt where it serves."""
    fused = activation if activation == "relu" else "linear"
    if not cublaslt.product(a, b, c, bias, accumulate, fused == "relu"):
        return product(a, b, c, bias, accumulate, activation)
    return c if activation == fused else unary(activation, c, out=c)


def matmul(a, b, transpose_a=False, transpose_b=False, accumulate=False, out=None):
    """(..., m, k) @ (..., k, n) -> (..., m, n)"""
    a = a.swapaxes(-1, -2) if transpose_a else a
    b = b.swapaxes(-1, -2) if transpose_b else b
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"matmul: inner sizes differ: {tuple(a.shape)} @ {tuple(b.shape)}")
    if out is None:
        out = empty(a, (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]))
    return multiplied(a, b, out, accumulate=accumulate)


def dense(x, w, b, activation="linear", masks=None, out=None):
    """(n, i) x (i, o) + (o,) -> (n, o); relu's mask is y itself for `product`, and bits for cuBLASLt"""
    out = empty(x, (x.shape[0], w.shape[1])) if out is None else out
    mask = cublaslt.mask_for(out) if masks is not None and activation == "relu" else None
    if mask is not None and cublaslt.product(x, w, out, b, relu=True, mask=mask):
        masks.append(mask)
    else:
        if masks is not None and activation == "relu" and cublaslt.engines.get(type(out)) is None:
            masks.append(out)
        multiplied(x, w, out, b, activation=activation)
    note(w, w.data.ptr, "dense", maker["product"])
    return out


def dense_backward(dy, y, x, w, activation, need, mask=None, out=None):
    """(dx, dw, db), None where not wanted; mask: that of x, by whose relu dx is bent"""
    (want_x, dx), (want_w, dw), (want_b, db) = targets(need, out)
    dz = dy if activation == "linear" else activation_backward(activation, dy, y)
    dx = _input_grad(dz, w.T, x, mask, dx) if want_x else None
    if want_w and want_b:
        dw, db = outputs(dz, (dw, db), w.shape, w.shape[1:], dtypes=(real_type(x.dtype),) * 2)
        if not cublaslt.product(x.T, dz, dw, sums=db):
            product(x.T, dz, dw, sums=db)
        return dx, dw, db
    if want_w:
        dw = matmul(x, dz, transpose_a=True, out=empty(x, w.shape, real_type(x.dtype)) if dw is None else dw)
    return dx, dw if want_w else None, sums(dz, db) if want_b else None


def _input_grad(dz, w, x, mask, out):
    """dz (n, o) x (o, i) -> (n, i), times the slope of relu where x has a mask"""
    out = empty(dz, x.shape) if out is None else out
    if mask is None:
        return matmul(dz, w, out=out)
    if mask.dtype == x.dtype:
        return product(dz, w, out, x, bends=True)
    served = cublaslt.product(dz, w, out, mask=mask)
    return out if served else activation_backward("relu", matmul(dz, w, out=out), x, out)


def activation_backward(activation, dy, y, out=None):
    """dz of a fused activation, from its output y"""
    out = empty(dy, dy.shape) if out is None else out
    launch("ending", "activation_backward", shared(out),
           (dy, y, out, ACTIVATIONS[activation], np.int64(out.size)), T=dy.dtype, O=dy.dtype, E=dy.dtype)
    return out


def bias_backward(activation, dy, y, need, out=None):
    """need for (z, b): dz, and its sum over all axes but the last"""
    (want_z, dz), (want_b, db) = targets(need, out)
    dz = dy if activation == "linear" and not want_z else activation_backward(
        activation, dy, dy if y is None else y, out=dz)
    return dz if want_z else None, sums(dz, db) if want_b else None


def sums(dz, out):
    """Over all axes but the last; of 16-bit floats in float32"""
    out = empty(dz, dz.shape[-1:], real_type(dz.dtype)) if out is None else out
    return reduce("sum", dz, tuple(range(dz.ndim - 1)), out=out)
