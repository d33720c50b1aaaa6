"""Softmax and its cross-entropy over (..., c), as many rows at a time as the nearest cache holds."""
import numpy as np

from .launch import exact_kernel, inner_kernel, outputs, own, parallel_kernel, share
from .maths import exp_negative, log_normal
from .reduce import reduce
from .scores import LOG2E, PAIR, largest, powers, relay
from .vector import AHEAD, BYTES, FAR, LINE, PIECE, address, fetch, load, store
from .walk import aligned

SHORT = 32      # numbers in a row: up to here, exp runs over all rows at once
BLOCK = 2048    # numbers that are worked on at a time
NO_LABELS = np.empty(0, np.int32)


@exact_kernel
def _difference(a, b, c):
    """(a - b) - c in this order: were b + c joined, a large b would swallow c.

    The caller must not negate it: there, order is free.
    """
    return (a - b) - c


@exact_kernel
def _finite(top):
    """What a row is shifted by: its largest, but 0 for -inf, so that exp(x - shift) is 0 and not NaN."""
    return type(top)(0) if top == -np.inf else top


@exact_kernel
def _quotient(a, b):
    """Once: where order is free, x * (a / b) becomes a division for each x."""
    return a / b


@inner_kernel
def _together(c):
    """Rows that are worked on at a time"""
    return max(1, BLOCK // max(1, c))


@inner_kernel
def _exponentials(kind, x, rows, c, e, top, total):
    """e (rows, c) = exp(x - top), top (rows,) what the row is shifted by, total (rows,) the sums; x and e: addresses"""
    size = kind.itemsize
    if c > SHORT:
        for k in range(rows):
            top[k] = _finite(largest(kind, x + k * c * size, c))
        for k in range(rows):
            row = x + k * c * size
            fetch(row + 2 * AHEAD, c * size)
            total[k] = 0
            for j in range(0, c, BLOCK):                # few numbers at a time: a long sum loses digits
                total[k] += powers(kind, row + j * size, min(BLOCK, c - j), top[k], LOG2E, e + (k * c + j) * size)
        return
    for k in range(rows):
        row, best = x + k * c * size, load(kind, x, k * c)
        for j in range(c):
            v = load(kind, row, j)
            best = v if v > best else best              # NaN may lose: exp brings it back
        top[k] = _finite(best)
        for j in range(c):
            store(kind, e, k * c + j, load(kind, row, j) - top[k])
    for j in range(rows * c):
        store(kind, e, j, exp_negative(load(kind, e, j)))
    for k in range(rows):
        result, sums = e + k * c * size, kind.type(0)
        fetch(x + k * c * size + 2 * AHEAD, c * size)
        for j in range(c):
            sums += load(kind, result, j)
        total[k] = sums


@inner_kernel
def _weigh(kind, e, c, dloss, labels, row, total):
    """What makes the gradient of a row's exponentials: its factor, when the label's has become less by 1"""
    weight, label = dloss[row] if dloss.size else kind.type(1), labels[row] if labels.size else -1
    total = total if total != 0 else kind.type(1)           # 0: nothing but -inf
    if 0 <= label < c:
        store(kind, e, label, load(kind, e, label) - total)
    return _quotient(weight, total)


@inner_kernel
def _beyond_caches(kind, x, c, out, mine, dloss, labels, room):
    """While a row leaves past the caches, the next one's exponentials are taken, and its successor's largest is found.
    room: three rows, where e and the next e lie, and what two empty turns at the beginning write
    """
    size, last, top, scale = kind.itemsize, mine.stop - 1, kind.type(0), kind.type(0)
    for i in range(mine.start - 2, mine.stop):
        following, e, before = max(i + 1, mine.start), room + (i & 1) * c * size, room + (~i & 1) * c * size
        here, there = min(following, last) * c * size, min(i + 2, last) * c * size
        y = out + i * c * size if i >= mine.start else room + 2 * c * size
        best, total = kind.type(-np.inf), kind.type(0)
        for j in range(0, c * size, BLOCK * size):
            v, part = relay(kind, min(BLOCK, c - j // size), x + here + j, x + there + j, e + j, before + j, y + j, top,
                            LOG2E, scale)
            best, total = v if v > best else best, total + part
        top, scale = _finite(best), _weigh(kind, e, c, dloss, labels, following, total) if following <= last else scale


@parallel_kernel
def _softmax(part, x, dloss, labels, out):
    """(softmax(x) - one hot) * dloss; an empty array stands for dloss of 1, or for no label"""
    kind, c, mine, together = x.dtype, x.shape[1], share(part, len(x)), _together(x.shape[1])
    row = c * kind.itemsize
    if c > SHORT and len(x) * row >= FAR and row % (PAIR * BYTES) == 0 and address(out) % PIECE == 0:
        room = np.empty(3 * c + LINE // kind.itemsize, kind)
        _beyond_caches(kind, address(x), c, address(out), mine, dloss, labels, aligned(room))
        return
    top, total = np.empty(together, kind), np.empty(together, kind)
    for start in range(mine.start, mine.stop, together):
        rows, e = min(together, mine.stop - start), address(out) + start * row
        _exponentials(kind, address(x) + start * row, rows, c, e, top, total)
        for k in range(rows):
            here = e + k * row
            scale = _weigh(kind, here, c, dloss, labels, start + k, total[k])
            for j in range(c):
                store(kind, here, j, load(kind, here, j) * scale)


@inner_kernel
def _logarithms(kind, x, rows, c, e, top, total):
    """top and total of some rows, as _exponentials has them, but of the sums the logarithms; e: to work in"""
    _exponentials(kind, x, rows, c, e, top, total)
    for k in range(rows):
        total[k] = log_normal(total[k]) if total[k] != 0 else kind.type(-np.inf)


@parallel_kernel
def _log_softmax(part, x, out):
    kind, c, mine, together = x.dtype, x.shape[1], share(part, len(x)), _together(x.shape[1])
    top, total, e = np.empty(together, kind), np.empty(together, kind), np.empty(together * c, kind)
    for start in range(mine.start, mine.stop, together):
        rows = min(together, mine.stop - start)
        _logarithms(kind, address(x) + start * c * kind.itemsize, rows, c, address(e), top, total)
        for k in range(rows):
            place, size = (start + k) * c * kind.itemsize, max(total[k], kind.type(0))      # -inf where all are -inf
            for j in range(c):
                store(kind, address(out) + place, j, _difference(load(kind, address(x) + place, j), top[k], size))


@parallel_kernel
def _softmax_backward(part, dy, y, out):
    dy, y, out = own(part, dy, y, out)
    for row in range(len(y)):
        dot = y.dtype.type(0)
        for j in range(y.shape[1]):
            dot += y[row, j] * dy[row, j]
        for j in range(y.shape[1]):
            out[row, j] = y[row, j] * (dy[row, j] - dot)


@parallel_kernel
def _log_softmax_backward(part, dy, y, out):
    dy, y, out = own(part, dy, y, out)
    for row in range(len(y)):
        total = y.dtype.type(0)
        for j in range(y.shape[1]):
            total += dy[row, j]
        for j in range(y.shape[1]):
            out[row, j] = dy[row, j] - exp_negative(y[row, j]) * total


@inner_kernel
def _first(kind, row, label, top):
    """1 where the label's number is the row's largest, and none before it is as large."""
    before = 0
    for j in range(label):
        before += load(kind, row, j) == top
    return 1 if load(kind, row, label) == top and before == 0 else 0


@parallel_kernel
def _softmax_cross_entropy(part, x, labels, loss, hits):
    kind, c, mine, together = x.dtype, x.shape[1], share(part, len(x)), _together(x.shape[1])
    top, total, e = np.empty(together, kind), np.empty(together, kind), np.empty(together * c, kind)
    for start in range(mine.start, mine.stop, together):
        rows = min(together, mine.stop - start)
        place = address(x) + start * c * kind.itemsize
        _logarithms(kind, place, rows if c else 0, c, address(e), top, total)
        for k in range(rows):
            row, label, numbers = start + k, labels[start + k], place + k * c * kind.itemsize
            if 0 <= label < c:
                loss[row] = _difference(top[k], load(kind, numbers, label), -total[k])
                hits[row] = _first(kind, numbers, label, top[k]) if total[k] == total[k] else 0   # NaN: no hit
            else:
                loss[row], hits[row] = np.nan, 0


@parallel_kernel
def _softmax_cross_entropy_mean(part, x, labels, losses, out):
    kind, c, mine, together = x.dtype, x.shape[1], share(part, len(x)), _together(x.shape[1])
    top, total, row = np.empty(together, kind), np.empty(together, kind), c * kind.itemsize
    weight = kind.type(1) / kind.type(len(x))
    for start in range(mine.start, mine.stop, together):
        rows, place = min(together, mine.stop - start), start * row
        _exponentials(kind, address(x) + place, rows, c, address(out) + place, top, total)
        for k in range(rows):
            label, e = labels[start + k], address(out) + place + k * row
            inside, scale = 0 <= label < c, _quotient(weight, total[k] if total[k] != 0 else kind.type(1))
            for j in range(c):
                store(kind, e, j, load(kind, e, j) * scale)
            losses[start + k] = np.nan
            if inside:
                store(kind, e, label, load(kind, e, label) - weight)
                size = log_normal(total[k]) if total[k] != 0 else kind.type(-np.inf)
                losses[start + k] = _difference(top[k], load(kind, address(x) + place + k * row, label), -size)


@parallel_kernel
def _pick(part, x, labels, out):
    for row in share(part, x.shape[0]):
        out[row] = x[row, labels[row]] if 0 <= labels[row] < x.shape[1] else np.nan


@parallel_kernel
def _pick_backward(part, dy, labels, out):
    for row in share(part, out.shape[0]):
        for j in range(out.shape[1]):
            out[row, j] = 0
        if 0 <= labels[row] < out.shape[1]:
            out[row, labels[row]] = dy[row]


def _rows(x):
    return x.reshape(x.size // max(1, x.shape[-1]), x.shape[-1])


def _by_rows(kernel, out, *arrays):
    out = np.empty(arrays[0].shape, arrays[0].dtype) if out is None else out
    if out.size:
        kernel(*[_rows(a) for a in arrays], _rows(out))
    return out


def softmax(x, out=None):
    return softmax_cross_entropy_backward(x.reshape(-1)[:0], x, NO_LABELS, out)


def log_softmax(x, out=None):
    return _by_rows(_log_softmax, out, x)


def softmax_backward(dy, y, out=None):
    return _by_rows(_softmax_backward, out, dy, y)


def log_softmax_backward(dy, y, out=None):
    return _by_rows(_log_softmax_backward, out, dy, y)


def softmax_cross_entropy(x, labels, out=None):
    loss, hits = outputs(out, [x.shape[:1]] * 2, x.dtype)
    _softmax_cross_entropy(x, labels, loss, hits)
    return loss, hits


def softmax_cross_entropy_backward(dloss, x, labels, out=None):
    out = np.empty(x.shape, x.dtype) if out is None else out
    if out.size:
        _softmax(_rows(x), dloss, labels, _rows(out))
    return out


def softmax_cross_entropy_mean(x, labels, out=None):
    loss, dx = outputs(out, [(), x.shape], x.dtype)
    losses = np.empty(len(x), x.dtype)
    if dx.size:
        _softmax_cross_entropy_mean(x, labels, losses, dx)
    return reduce("mean", losses, out=loss), dx


def pick(x, labels, out=None):
    out = np.empty(labels.shape, x.dtype) if out is None else out
    _pick(x.reshape(labels.size, x.shape[-1]), labels.reshape(-1), out.reshape(-1))
    return out


def pick_backward(dy, labels, classes, out=None):
    out = np.empty((*labels.shape, classes), dy.dtype) if out is None else out
    _pick_backward(dy.reshape(-1), labels.reshape(-1), out.reshape(labels.size, classes))
    return out
