"""Whole sequences in one op. z is the input product of all steps, bias included; mask (n, t) is bool or None.

A masked step carries the state on and repeats the previous output.
"""
from ..backend import empty
from ..tensor import op
from .core import into, kernels_of


def _fit(who: str, z, u, mask, *states):
    """Refuse sizes with which a kernel would leave its arrays."""
    (n, t, _), units = z.shape, u.shape[0]
    for what, array, shape in (*[("a state", s, (n, units)) for s in states], ("the mask", mask, (n, t))):
        if array is not None and array.shape != shape:
            raise ValueError(f"{who}: {what} must have shape {shape}, got {array.shape}")


@op(full=())
def lstm(z, u, h0, c0, mask):
    """z (n, t, 4u) in gates i f c o, u (u, 4u), states (n, u) -> outputs (n, t, u), last cell state (n, u)"""
    k = kernels_of(z)
    _fit("lstm", z, u, mask, h0, c0)
    h, c, gates = k.lstm(z, u, h0, c0, mask)

    def backward(dy, need):
        dh, dc = dy
        dh = k.fill(0, empty(h)) if dh is None else dh
        return *k.lstm_backward(dh, dc, h, c, gates, u, h0, c0, mask, out=(None, into(need[1]), None, None)), None
    return (h, k.copy(c[:, -1])), backward


@op(full=("b",))
def gru(z, u, b, h0, mask):
    """z (n, t, 3u) in gates z r h, u (u, 3u), recurrent bias b (3u,), h0 (n, u) -> all outputs (n, t, u)"""
    k = kernels_of(z)
    _fit("gru", z, u, mask, h0)
    h, gates = k.gru(z, u, b, h0, mask)
    return h, lambda dy, need: (
        *k.gru_backward(dy, h, gates, u, h0, mask, out=(None, into(need[1]), into(need[2]), None)), None)


@op(full=())
def simple_rnn(z, u, h0, mask):
    """h_t = tanh(z_t + h_{t-1} u): z (n, t, u), u (u, u), h0 (n, u) -> all outputs (n, t, u)"""
    k = kernels_of(z)
    _fit("simple_rnn", z, u, mask, h0)
    h = k.simple_rnn(z, u, h0, mask)
    return h, lambda dy, need: (*k.simple_rnn_backward(dy, h, u, h0, mask, out=(None, into(need[1]), None)), None)
