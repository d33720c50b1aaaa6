"""Recurrent layers: a cell stepped through time, in one kernel where there is one for it."""
from inspect import signature
from types import SimpleNamespace

from .. import activations, ops
from .._names import snake_case
from .._objects import constructor, option_names
from ..backend import constant
from ..ops import random
from ..tensor import Tensor, Variable
from ..tree import flatten
from .cells import GRUCell, LSTMCell, SimpleRNNCell
from .input_spec import InputSpec
from .layer import LibraryLayer


class RNN(LibraryLayer):
    """(n, t, c) -> (n, units), or all outputs (n, t, units); a masked step keeps state and output."""
    wants_floats = supports_masking = True
    _inner = ("cell",)

    def __init__(self, cell, return_sequences=False, return_state=False, go_backwards=False, stateful=False,
                 unroll=False, zero_output_for_mask=False, **kwargs):
        self._keep(locals())
        self.cell = StackedRNNCells(cell) if isinstance(cell, list | tuple) else cell
        self._require("cell", callable(cell) or isinstance(cell, list | tuple),
                      "a layer with call(inputs, states)", cell)
        self._require("cell", hasattr(self.cell, "state_size"), "a cell with the attribute state_size", cell)
        self.input_spec, self._states = InputSpec(ndim=3), None

    def build(self, sequences_shape, initial_state_shape=None):
        if not self.cell.built:
            self.cell.build((sequences_shape[0], sequences_shape[2]))
            self.cell.built = True
        self.input_spec = InputSpec(ndim=3, axes={-1: sequences_shape[-1]})
        if self.stateful:
            self._require("stateful", sequences_shape[0] is not None,
                          "used with a fixed batch size: Input(batch_shape=(n, t, c))", True)
            self._states = [Variable(s.data, name=f"{self.name}/state", trainable=False)
                            for s in self.get_initial_state(sequences_shape[0])]

    def get_initial_state(self, batch_size):
        if hasattr(self.cell, "get_initial_state"):
            return flatten(self.cell.get_initial_state(batch_size=batch_size))
        return [ops.zeros((batch_size, size), self.cell.compute_dtype) for size in flatten(self.cell.state_size)]

    @property
    def states(self):
        """What a stateful layer carries from batch to batch; None otherwise."""
        return self._states

    def reset_state(self):
        """A stateful layer starts from zeros again."""
        for state in self._states or ():
            state.assign(constant(state.numpy() * 0))

    reset_states = reset_state

    def _own_weights(self):
        held = {id(s) for s in self._states or ()}
        return [w for w in super()._own_weights() if id(w) not in held]

    def call(self, sequences, initial_state=None, mask=None, training=False):
        states = self._begin(sequences, initial_state)
        if self.go_backwards:
            sequences, mask = ops.flip(sequences, 1), mask if mask is None else ops.flip(mask, 1)
        self._require("sequences", sequences.shape[1] > 0, "of at least one step (n, t, c)", sequences.shape)
        count = len(flatten(self.cell.state_size))
        self._require("initial_state", len(states) == count, f"a list of {count} states", len(states))
        outputs, states = self._run(sequences, states, mask, training)
        for variable, state in zip(self._states or (), states):
            variable.assign(state)
        if self.zero_output_for_mask and mask is not None:
            outputs = outputs * ops.cast(ops.expand_dims(mask, -1), outputs.dtype)
        outputs = outputs if self.return_sequences else outputs[:, -1]
        return (outputs, *states) if self.return_state else outputs

    def _begin(self, sequences, initial_state):
        if initial_state is not None:
            return flatten(initial_state)
        if self._states is not None:
            return [Tensor(ops.copy(s).data) for s in self._states]
        return self.get_initial_state(sequences.shape[0])

    def _run(self, sequences, states, mask, training):
        """All outputs (n, t, units) and the last states, step by step."""
        if hasattr(self.cell, "reset_dropout_mask"):
            self.cell.reset_dropout_mask()
        outputs = []
        for t in range(sequences.shape[1]):
            output, new = self.cell(sequences[:, t], list(states), training=training)
            new = new if isinstance(new, list | tuple) else [new]
            if mask is not None:
                on = ops.expand_dims(mask[:, t], -1)
                output = ops.where(on, output, outputs[-1] if outputs else 0.0)
                new = [ops.where(on, a, b) for a, b in zip(new, states)]
            outputs.append(output)
            states = new
        return ops.stack(outputs, axis=1), states

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        n, t = sequences_shape[:2]
        sizes = flatten(self.cell.state_size)
        units = getattr(self.cell, "output_size", sizes[0])
        output = (n, t, units) if self.return_sequences else (n, units)
        return (output, *((n, size) for size in sizes)) if self.return_state else output

    def compute_mask(self, inputs, previous_mask):
        return previous_mask if self.return_sequences else None


class _Known(RNN):
    """A recurrent layer with a cell of the library: its options are the cell's."""
    cell_class: type

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "cell_class" in vars(cls):
            names = sorted(option_names(cls.cell_class), key=lambda n: n == "reset_after")      # last, as in Keras
            known = signature(cls.cell_class.__init__).parameters
            cls.__init__ = constructor(cls._start_with, {n: known[n].default for n in names}, more=True)

    def _start_with(self, kwargs, **cell_options):
        """`kwargs`: the layer's own options."""
        options = {n: v for n, v in kwargs.items() if n not in ("implementation", "use_cudnn")}
        shared = {n: options[n] for n in ("dtype", "trainable") if n in options}
        cell = self.cell_class(**cell_options, **shared, name=snake_case(self.cell_class.__name__))
        super().__init__(cell, **options)

    def __getattr__(self, name):
        cell = self.__dict__.get("cell")
        if cell is None or name.startswith("_") or not hasattr(cell, name):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(cell, name)

    def get_config(self):
        cell = self.cell.get_config()
        return {**self._base_config(), **{n: cell[n] for n in option_names(self.cell_class)},
                **{n: getattr(self, n) for n in option_names(RNN) if n != "cell"}}

    def _fusable(self, training) -> bool:
        """May the whole sequence run in one kernel?"""
        cell = self.cell
        gate = getattr(cell, "recurrent_activation", activations.sigmoid)
        return (cell.activation is activations.tanh and gate is activations.sigmoid
                and not (training and cell.recurrent_dropout))

    def _run(self, sequences, states, mask, training):
        if not self._fusable(training):
            return super()._run(sequences, states, mask, training)
        if training and self.cell.dropout:
            n, _, c = sequences.shape
            sequences = random.dropout(sequences, self.cell.dropout, (n, 1, c), self.cell._source)
        return self._fused(sequences, states, mask)


class SimpleRNN(_Known):
    """h_t = activation(x_t W + h_{t-1} U + b)"""
    cell_class = SimpleRNNCell

    def _fused(self, sequences, states, mask):
        cell = self.cell
        h = ops.simple_rnn(ops.dense(sequences, cell.kernel, cell.bias), cell.recurrent_kernel, states[0], mask)
        return h, [h[:, -1]]


class LSTM(_Known):
    """Long short-term memory: states h and c."""
    cell_class = LSTMCell

    def _fused(self, sequences, states, mask):
        cell = self.cell
        h, c = ops.lstm(ops.dense(sequences, cell.kernel, cell.bias), cell.recurrent_kernel, *states, mask)
        return h, [h[:, -1], c]


class GRU(_Known):
    """Gated recurrent unit."""
    cell_class = GRUCell

    def _fusable(self, training):
        return self.cell.reset_after and super()._fusable(training)

    def _fused(self, sequences, states, mask):
        cell = self.cell
        bias = cell.bias[1] if cell.use_bias else ops.zeros((3 * cell.units,), self.compute_dtype)
        h = ops.gru(cell.input_product(sequences), cell.recurrent_kernel, bias, states[0], mask)
        return h, [h[:, -1]]


class StackedRNNCells(LibraryLayer):
    """Cells on top of each other, as one cell."""
    _inner = ("cells",)

    def __init__(self, cells, **kwargs):
        super().__init__(**kwargs)
        self.cells = list(cells)
        self.state_size = [c.state_size for c in self.cells]
        self.output_size = getattr(self.cells[-1], "output_size", flatten(self.cells[-1].state_size)[0])

    def build(self, input_shape):
        for cell in self.cells:
            cell.build(input_shape)
            size = getattr(cell, "output_size", flatten(cell.state_size)[0])
            cell.built, input_shape = True, (input_shape[0], size)

    def get_initial_state(self, batch_size=None):
        return [s for c in self.cells for s in RNN.get_initial_state(SimpleNamespace(cell=c), batch_size)]

    def reset_dropout_mask(self):
        for cell in self.cells:
            if hasattr(cell, "reset_dropout_mask"):
                cell.reset_dropout_mask()

    def call(self, inputs, states, training=False):
        states, new = flatten(states), []
        for cell in self.cells:
            own = [states.pop(0) for _ in flatten(cell.state_size)]
            inputs, after = cell(inputs, own, training=training)
            new.extend(after if isinstance(after, list | tuple) else [after])
        return inputs, new
