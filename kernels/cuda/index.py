"""Rows by number."""
import numpy as np

from .launch import empty, launch, launch_table, real_type

OWNERS = 1024                   # blocks of scatter_add: each owns some rows and looks at all ids


def gather(table, ids, out=None):
    """(rows, ...) and ids of any shape -> ids.shape + (...)"""
    out = empty(table, ids.shape + table.shape[1:]) if out is None else out
    real = real_type(table.dtype)
    missing = real.type(np.nan if real.kind == "f" else 0)
    width = out.size // max(1, ids.size)
    launch_table("index", "gather", ids.size, width, (table, ids, out, missing, ids.size, table.shape[0], width),
                S=table.dtype, T=table.dtype)
    return out


def scatter_add(dy, ids, rows, out=None):
    """ids.shape + (...) -> (rows, ...); sums of 16-bit floats are float32"""
    out = empty(dy, (rows, *dy.shape[ids.ndim:]), real_type(dy.dtype)) if out is None else out
    share = max(1, -(-rows // OWNERS))
    launch("index", "scatter_add", -(-rows // share) if out.size else 0,
           (dy, ids, out, ids.size, rows, share, out.size // max(1, rows)), S=dy.dtype, T=out.dtype)
    return out


def gather_batches(xs, order, cursor, size, out=None):
    """Of every x the rows x[order[cursor[0] + i]] for i < size; a place outside gives zeros."""
    out = tuple(empty(x, (size, *x.shape[1:])) for x in xs) if out is None else out
    pairs = [(x, y, y.nbytes // size) for x, y in zip(xs, out) if y.size]
    for first in range(0, len(pairs), 3):
        some = pairs[first:first + 3]
        x, y, width = zip(*some, *[(None, None, 0)] * (3 - len(some)))
        launch_table("index", "gather_batches", size, -(-max(width) // 16), (
            *x, *y, order, cursor, *width, size, len(x[0]), order.size), S=np.int32, T=np.int32)
    return out
