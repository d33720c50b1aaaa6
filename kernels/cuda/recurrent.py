"""Recurrent layers: all steps in one launch where tensor cores take the units; else a matrix product and one pointwise
kernel a step. du is one product over all steps.

Backward, dh0 and dc0 carry the gradient from step to step: what is left after the first is the result.
"""
from .launch import empty, factors, launch, launch_table, outputs, real_type
from .matmul import matmul
from .memory import copy, fill
from .reduce import reduce

SEQUENCES, THREADS = 8, 512     # of a block of sequence.cuh
LARGEST = 1000                  # (gates + 3) * units: what its shared memory holds


def _sequence(name, arrays, h, u, mask) -> bool:
    """Run a kernel of sequence.cuh over all steps of h (n, t, u), if it can."""
    n, steps, units = h.shape
    precision, gates = factors(h), u.shape[1] // units if units else 0
    if not precision or units * u.itemsize % 16 or u.data.ptr % 16 or (gates + 3) * units > LARGEST:
        return False
    mask, masked = (h, 0) if mask is None else (mask, 1)
    launch(name.removesuffix("_backward"), name, -(-n // SEQUENCES), (*arrays, n, steps, units, mask, masked),
           block=THREADS, macros=(("PRECISION", precision),), T=h.dtype)
    return True


def _step(name, arrays, h, t, mask):
    """Run a kernel over the units of step t of h (n, t, u)."""
    n, steps, units = h.shape
    mask, masked = (h, 0) if mask is None else (mask, 1)
    launch_table("recurrent", name, n, units, (*arrays, n, steps, units, t, mask, masked), T=h.dtype)


def _forward(name, z, u, first, h, arrays, mask):
    """Every step of h (n, t, u): its state before times u, then the kernel."""
    hu = empty(z, (len(z), u.shape[1]), real_type(z.dtype))
    for t in range(z.shape[1]):
        matmul(h[:, t - 1] if t else first, u, out=hu)
        _step(name, (z, hu, *arrays), h, t, mask)


def _carried(x, first=None):
    """What carries a gradient from step to step to x, beginning with `first`, and the array in which it does"""
    carry = x if x.dtype == real_type(x.dtype) else empty(x, x.shape, real_type(x.dtype))
    return fill(0, carry) if first is None else copy(first, out=carry)


def _backward(name, arrays, d, u, h, h0, dh0, before, mask):
    """Every step from the last; d: the gradient of the recurrent product, before: where the states before go"""
    carry = _carried(dh0)
    for t in reversed(range(h.shape[1])):
        _step(name, (*arrays[:-1], carry, *arrays[-1]), h, t, mask)
        matmul(d[:, t], u, transpose_b=True, accumulate=True, out=carry)
    if carry is not dh0:
        copy(carry, out=dh0)
    copy(h0[:, None], out=before[:, :1])
    copy(h[:, :-1], out=before[:, 1:])


def _weights_grad(before, d, du):
    """The product over all steps"""
    rows = before.shape[0] * before.shape[1]
    return matmul(before.reshape(rows, du.shape[0]), d.reshape(rows, du.shape[1]), transpose_a=True, out=du)


def _dtypes(dh, weights):
    """Of dz, the gradients of so many weights, dh0, dc0"""
    return None, *[real_type(dh.dtype)] * weights, None, None


def lstm(z, u, h0, c0, mask=None, out=None):
    """z (n, t, 4u) in gates i f c o -> (h (n, t, u), c (n, t, u), gates (n, t, 4u))"""
    n, steps, width = z.shape
    h, c, gates = outputs(z, out, *[(n, steps, width // 4)] * 2, z.shape)
    if not _sequence("lstm", (z, u, h0, c0, h, c, gates), h, u, mask):
        _forward("lstm_step", z, u, h0, h, (h0, c0, h, c, gates), mask)
    return h, c, gates


def lstm_backward(dh, dc_last, h, c, gates, u, h0, c0, mask=None, out=None):
    """dh (n, t, u), dc_last (n, u) or None -> (dz, du, dh0, dc0)"""
    dz, du, dh0, dc0 = outputs(dh, out, gates.shape, u.shape, h0.shape, c0.shape, dtypes=_dtypes(dh, 1))
    before = empty(h, h.shape)
    last, given = (c0, 0) if dc_last is None else (dc_last, 1)
    if not _sequence("lstm_backward", (dh, last, c, gates, u, h, h0, c0, dz, before, dh0, dc0, given), h, u, mask):
        carry = _carried(dc0, dc_last)
        _backward("lstm_step_backward", (dh, c, gates, c0, dz, (carry,)), dz, u, h, h0, dh0, before, mask)
        if carry is not dc0:
            copy(carry, out=dc0)
    return dz, _weights_grad(before, dz, du), dh0, dc0


def gru(z, u, b, h0, mask=None, out=None):
    """z (n, t, 3u) in gates z r h, b (3u,) inside the reset gate -> (h (n, t, u), gates (n, t, 4u))"""
    n, steps, width = z.shape
    h, gates = outputs(z, out, (n, steps, width // 3), (n, steps, width // 3 * 4))
    if not _sequence("gru", (z, u, b, h0, h, gates), h, u, mask):
        _forward("gru_step", z, u, h0, h, (b, h0, h, gates), mask)
    return h, gates


def gru_backward(dh, h, gates, u, h0, mask=None, out=None):
    """dh (n, t, u) -> (dz, du, db, dh0)"""
    dz, du, db, dh0 = outputs(dh, out, (*dh.shape[:2], u.shape[1]), u.shape, u.shape[1:], h0.shape,
                              dtypes=_dtypes(dh, 2))
    dy, before = empty(dh, dz.shape), empty(h, h.shape)
    if not _sequence("gru_backward", (dh, h, gates, u, h0, dz, dy, before, dh0), h, u, mask):
        _backward("gru_step_backward", (dh, h, gates, h0, dz, dy, ()), dy, u, h, h0, dh0, before, mask)
    reduce("sum", dy, (0, 1), out=db)
    return dz, _weights_grad(before, dy, du), db, dh0


def simple_rnn(z, u, h0, mask=None, out=None):
    """h = tanh(z_t + h u), (n, t, u)"""
    h = empty(z, z.shape) if out is None else out
    if not _sequence("simple_rnn", (z, u, h0, h), h, u, mask):
        _forward("simple_step", z, u, h0, h, (h0, h), mask)
    return h


def simple_rnn_backward(dh, h, u, h0, mask=None, out=None):
    """dh (n, t, u) -> (dz, du, dh0)"""
    dz, du, dh0 = outputs(dh, out, h.shape, u.shape, h0.shape, dtypes=_dtypes(dh, 1))
    before = empty(h, h.shape)
    if not _sequence("simple_rnn_backward", (dh, h, u, h0, dz, before, dh0), h, u, mask):
        _backward("simple_step_backward", (dh, h, dz, ()), dz, u, h, h0, dh0, before, mask)
    return dz, _weights_grad(before, dz, du), dh0
