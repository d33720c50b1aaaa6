"""Rows by number."""
import numpy as np
from numba import prange

from .launch import parallel_kernel

OWNERS = 16     # jobs of scatter_add, each owns a range of rows: duplicates meet in one job, in order


@parallel_kernel
def _gather(table, ids, missing, out):
    for i in prange(ids.size):
        if 0 <= ids[i] < table.shape[0]:
            out[i] = table[ids[i]]
        else:
            out[i] = missing


@parallel_kernel
def _scatter_add(dy, ids, out):
    share = (out.shape[0] + OWNERS - 1) // OWNERS
    for owner in prange(OWNERS):
        low, high = owner * share, min(out.shape[0], owner * share + share)
        out[low:high] = 0
        for i in range(ids.size):
            if low <= ids[i] < high:
                for j in range(out.shape[1]):
                    out[ids[i], j] += dy[i, j]


@parallel_kernel
def _gather_batch(x, order, cursor, out):
    for i in prange(out.shape[0]):
        place = np.int64(cursor[0]) + i
        row = order[place] if 0 <= place < order.size else -1
        for j in range(out.shape[1]):
            out[i, j] = x[row, j] if 0 <= row < x.shape[0] else 0


def gather(table, ids, out=None):
    """(rows, ...) and ids of any shape -> ids.shape + (...)"""
    if out is None:
        out = np.empty(ids.shape + table.shape[1:], table.dtype)
    missing = np.nan if table.dtype.kind == "f" else 0.0
    if out.size:
        width = out.size // ids.size
        _gather(table.reshape(table.shape[0], width), ids.reshape(-1), missing, out.reshape(ids.size, width))
    return out


def scatter_add(dy, ids, rows, out=None):
    """ids.shape + (...) -> (rows, ...)"""
    if out is None:
        out = np.empty((rows, *dy.shape[ids.ndim:]), dy.dtype)
    if out.size:
        width = out.size // rows
        _scatter_add(dy.reshape(ids.size, width), ids.reshape(-1), out.reshape(rows, width))
    return out


def gather_batch(x, order, cursor, size, dtype=None, out=None):
    """Rows x[order[cursor[0] + i]] for i < size; a place outside gives zeros."""
    if out is None:
        out = np.empty((size, *x.shape[1:]), dtype or x.dtype)
    if out.size:
        width = out.size // out.shape[0]
        _gather_batch(x.reshape(x.shape[0], width), order, cursor, out.reshape(out.shape[0], width))
    return out
