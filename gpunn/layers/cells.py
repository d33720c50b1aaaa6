"""One step of a recurrent layer: (inputs, states) -> (output, new states)."""
from .. import ops
from ..ops import random
from .layer import LibraryLayer


class _Cell(LibraryLayer):
    """Weights `kernel`, `recurrent_kernel` and `bias` for some gates, side by side; dropout masks that last
    for a sequence."""
    wants_floats = True
    gates: int

    def _keep(self, own: dict):
        own["kwargs"].pop("implementation", None)
        super()._keep(own)
        self.units = self._count("units", self.units)
        self.dropout, self.recurrent_dropout = (min(1.0, max(0.0, own[n])) for n in ("dropout", "recurrent_dropout"))
        self.state_size, self.output_size, self._drops = self.units, self.units, {}

    def build(self, input_shape):
        width = self.gates * self.units
        self.kernel = self._weight("kernel", (input_shape[-1], width))
        self.recurrent_kernel = self._weight("recurrent_kernel", (self.units, width), like="recurrent")
        self.bias = self._make_bias(width) if self.use_bias else None

    def _make_bias(self, width):
        return self._weight("bias", (width,))

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units), self.compute_dtype)]

    def reset_dropout_mask(self):
        """A new sequence begins."""
        self._drops = {}

    def dropped(self, x, which: str, rate: float):
        """x with the same elements dropped at every step of a sequence."""
        if rate == 0:
            return x
        if which not in self._drops:
            self._drops[which] = random.dropout(ops.ones_like(x), rate, seed=self._source)
        return x * self._drops[which]

    def drop_both(self, inputs, state, training):
        if not training:
            return inputs, state
        state = self.dropped(state, "state", self.recurrent_dropout)
        return self.dropped(inputs, "inputs", self.dropout), state


class SimpleRNNCell(_Cell):
    """h = activation(x W + h U + b)"""
    gates = 1

    def __init__(self, units, activation="tanh", use_bias=True, kernel_initializer="glorot_uniform",
                 recurrent_initializer="orthogonal", bias_initializer="zeros", kernel_regularizer=None,
                 recurrent_regularizer=None, bias_regularizer=None, kernel_constraint=None, recurrent_constraint=None,
                 bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, seed=None, **kwargs):
        self._keep(locals())

    def call(self, sequence, states, training=False):
        x, h = self.drop_both(sequence, _first(states), training)
        h = self.activation(ops.dense(x, self.kernel, self.bias) + ops.matmul(h, self.recurrent_kernel))
        return h, [h]


class LSTMCell(_Cell):
    """Gates i, f, c, o: c' = f c + i activation(...), h = o activation(c')"""
    gates = 4

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
                 unit_forget_bias=True, kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
                 kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0,
                 recurrent_dropout=0.0, seed=None, **kwargs):
        self._keep(locals())
        self.state_size = [self.units, self.units]

    def _make_bias(self, width):
        bias = super()._make_bias(width)
        if self.unit_forget_bias:
            values = bias.numpy().copy()
            values[self.units:2 * self.units] = 1
            bias.assign(values)
        return bias

    def get_initial_state(self, batch_size=None):
        return super().get_initial_state(batch_size) * 2

    def call(self, sequence, states, training=False):
        x, h = self.drop_both(sequence, states[0], training)
        z = ops.dense(x, self.kernel, self.bias) + ops.matmul(h, self.recurrent_kernel)
        i, f, c, o = ops.split(z, 4, axis=-1)
        gate = self.recurrent_activation
        c = gate(f) * states[1] + gate(i) * self.activation(c)
        h = gate(o) * self.activation(c)
        return h, [h, c]


class GRUCell(_Cell):
    """Gates z, r, h: h' = z h + (1 - z) activation(...); the reset gate acts after the recurrent product, or
    before it."""
    gates = 3

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
                 kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
                 kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None, kernel_constraint=None,
                 recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, reset_after=True,
                 seed=None, **kwargs):
        self._keep(locals())

    def _make_bias(self, width):
        return self._weight("bias", (2, width) if self.reset_after else (width,))

    def input_product(self, x):
        """x W + b: (..., c) -> (..., 3u)"""
        return ops.dense(x, self.kernel, self.bias[0] if self.use_bias and self.reset_after else self.bias)

    def call(self, sequence, states, training=False):
        x, h = self.drop_both(sequence, _first(states), training)
        xz, xr, xh = ops.split(self.input_product(x), 3, axis=-1)
        gate, u, n = self.recurrent_activation, self.recurrent_kernel, self.units
        if self.reset_after:
            inner = ops.dense(h, u, self.bias[1] if self.use_bias else None)
            z, r = gate(xz + inner[:, :n]), gate(xr + inner[:, n:2 * n])
            inner = r * inner[:, 2 * n:]
        else:
            inner = ops.matmul(h, u[:, :2 * n])
            z, r = gate(xz + inner[:, :n]), gate(xr + inner[:, n:])
            inner = ops.matmul(r * h, u[:, 2 * n:])
        h = z * _first(states) + (1 - z) * self.activation(xh + inner)
        return h, [h]


def _first(states):
    return states[0] if isinstance(states, list | tuple) else states
