"""Rows by number."""
import numpy as np

from .launch import own, parallel_kernel, share
from .memory import fill


@parallel_kernel
def _gather(part, table, ids, missing, out):
    ids, out = own(part, ids, out)
    for i in range(ids.size):
        row = ids[i]
        if 0 <= row < table.shape[0]:
            for j in range(out.shape[1]):
                out[i, j] = table[row, j]
        else:
            for j in range(out.shape[1]):
                out[i, j] = missing


@parallel_kernel
def _scatter_add(part, dy, ids, out):
    """A thread owns every so many-th row: duplicates meet there, in order, and frequent small ids are shared out."""
    number, count = np.uint32(part[0]), np.uint32(part[1])
    for i in range(ids.size):
        row = ids[i]
        if 0 <= row < out.shape[0] and np.uint32(row) % count == number:
            for j in range(out.shape[1]):
                out[row, j] += dy[i, j]


@parallel_kernel
def _gather_batch(part, x, order, cursor, out):
    for i in share(part, out.shape[0]):
        place = np.int64(cursor[0]) + i
        row = order[place] if 0 <= place < order.size else -1
        for j in range(out.shape[1]):
            out[i, j] = x[row, j] if 0 <= row < x.shape[0] else 0


def gather(table, ids, out=None):
    """(rows, ...) and ids of any shape -> ids.shape + (...)"""
    out = np.empty(ids.shape + table.shape[1:], table.dtype) if out is None else out
    missing = table.dtype.type(np.nan if table.dtype.kind == "f" else 0)
    if out.size:
        width = out.size // ids.size
        _gather(table.reshape(table.shape[0], width), ids.reshape(-1), missing, out.reshape(ids.size, width))
    return out


def scatter_add(dy, ids, rows, out=None):
    """ids.shape + (...) -> (rows, ...)"""
    out = np.empty((rows, *dy.shape[ids.ndim:]), dy.dtype) if out is None else out
    if out.size:
        width = out.size // rows
        fill(0, out)
        _scatter_add(dy.reshape(ids.size, width), ids.reshape(-1), out.reshape(rows, width))
    return out


def gather_batches(xs, order, cursor, size, out=None):
    """Of every x the rows x[order[cursor[0] + i]] for i < size; a place outside gives zeros."""
    out = tuple([np.empty((size, *x.shape[1:]), x.dtype) for x in xs]) if out is None else out
    for x, y in zip(xs, out, strict=True):
        if y.size:
            width = y.size // y.shape[0]
            _gather_batch(x.reshape(x.shape[0], width), order, cursor, y.reshape(y.shape[0], width))
    return out
