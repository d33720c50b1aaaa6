"""Layers around another layer."""
from .. import _objects, initializers, ops
from ..tensor import no_grad
from .context import is_training
from .input_spec import InputSpec
from .layer import Layer, LibraryLayer


class Wrapper(LibraryLayer):
    """Holds a layer; subclasses say what they do with it."""
    _inner = ("layer", "backward_layer")

    def __init__(self, layer, **kwargs):
        self._keep(locals())
        self._require("layer", isinstance(layer, Layer), "a layer", layer)

    def build(self, input_shape=None):
        if not self.layer.built and input_shape is not None:
            self.layer.build(input_shape)
            self.layer.built = True


class TimeDistributed(Wrapper):
    """The same layer at every step of (n, t, ...)."""
    supports_masking = True

    def build(self, input_shape):
        self._require("the input", len(input_shape) >= 3, "of at least three axes (n, t, ...)", input_shape)
        super().build((input_shape[0], *input_shape[2:]))

    def call(self, inputs, mask=None):
        n, t = inputs.shape[:2]
        if is_training() and any(not w.wanted for w in self.layer.weights):      # statistics: step by step, as in Keras
            return ops.stack([self.layer(inputs[:, i]) for i in range(t)], axis=1)
        y = self.layer(ops.reshape(inputs, (n * t, *inputs.shape[2:])))
        return ops.reshape(y, (n, t, *y.shape[1:]))

    def compute_output_shape(self, input_shape):
        step = self.layer.compute_output_shape((input_shape[0], *input_shape[2:]))
        return step[0], input_shape[1], *step[1:]


class Bidirectional(Wrapper):
    """A recurrent layer forwards and a copy of it backwards; the outputs joined by `merge_mode`."""
    modes = ("sum", "mul", "concat", "ave", None)
    wants_floats = supports_masking = True

    def __init__(self, layer, merge_mode="concat", weights=None, backward_layer=None, **kwargs):
        if not hasattr(layer, "go_backwards"):
            raise ValueError("Bidirectional: layer must be a recurrent layer (LSTM, GRU, SimpleRNN, RNN), "
                             f"got {layer!r}")
        super().__init__(layer, **{"trainable": layer.trainable, **kwargs})
        del self.layer
        config, name = layer.get_config(), layer.name.removeprefix("forward_")
        self.forward_layer = type(layer).from_config({**config, "name": f"forward_{name}"})
        self.backward_layer = backward_layer or type(layer).from_config(
            {**config, "name": f"backward_{name}", "go_backwards": not layer.go_backwards})
        self.merge_mode = self._one_of("merge_mode", merge_mode, self.modes)
        for half in (self.forward_layer, self.backward_layer):  # a masked step adds nothing to the other direction's
            half.zero_output_for_mask = half.return_sequences
        self.return_sequences, self.return_state = layer.return_sequences, layer.return_state
        self.stateful, self.input_spec = layer.stateful, InputSpec(ndim=3)
        self._require("backward_layer", self.forward_layer.go_backwards != self.backward_layer.go_backwards,
                      "a layer that runs the other way (go_backwards)", backward_layer)
        self._initial = weights

    def build(self, sequences_shape, initial_state_shape=None):
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
        if self._initial is not None:
            self.set_weights(self._initial)

    def call(self, sequences, initial_state=None, mask=None, training=False):
        half = None if initial_state is None else len(initial_state) // 2
        forward = self.forward_layer(sequences, initial_state=initial_state and list(initial_state[:half]), mask=mask)
        backward = self.backward_layer(sequences, initial_state=initial_state and list(initial_state[half:]), mask=mask)
        states = []
        if self.return_state:
            (forward, *a), (backward, *b) = forward, backward
            states = [*a, *b]
        if self.return_sequences:
            backward = ops.flip(backward, 1)
        merged = self._merged(forward, backward)
        return (*(merged if self.merge_mode is None else (merged,)), *states) if states else merged

    def _merged(self, a, b):
        join = {"concat": lambda: ops.concatenate([a, b], axis=-1), "sum": lambda: a + b, "mul": lambda: a * b,
                "ave": lambda: (a + b) * 0.5, None: lambda: (a, b)}
        return join[self.merge_mode]()

    def reset_state(self):
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        shapes = self.forward_layer.compute_output_shape(sequences_shape)
        output, states = (shapes[0], shapes[1:]) if self.return_state else (shapes, ())
        if self.merge_mode == "concat":
            output = (*output[:-1], 2 * output[-1])
        outputs = (output, output) if self.merge_mode is None else (output,)
        return (*outputs, *states, *states) if len(outputs) + len(states) > 1 else output

    def compute_mask(self, inputs, previous_mask):
        if not self.return_sequences:
            return None
        return [previous_mask, previous_mask] if self.merge_mode is None else previous_mask

    def get_config(self):
        layer = _objects.serialize(self.forward_layer)
        layer["config"]["name"] = self.forward_layer.name.removeprefix("forward_")
        return {**self._base_config(), "merge_mode": self.merge_mode, "layer": layer,
                "backward_layer": _objects.serialize(self.backward_layer)}


class SpectralNormalization(Wrapper):
    """Keeps the largest singular value of a layer's kernel near 1: a few power iterations at each step of training."""

    def __init__(self, layer, power_iterations=1, **kwargs):
        super().__init__(layer, **kwargs)
        self.power_iterations = self._count("power_iterations", power_iterations)

    def build(self, input_shape):
        super().build(input_shape)
        kernel = getattr(self.layer, "kernel", None)
        kernel = getattr(self.layer, "embeddings", None) if kernel is None else kernel
        self._require("layer", kernel is not None, "a layer with a kernel or embeddings", self.layer)
        self.kernel = kernel
        self.vector_u = self.add_weight((1, kernel.shape[-1]), initializers.TruncatedNormal(stddev=0.02),
                                        trainable=False, name="vector_u")

    def call(self, inputs, training=False):
        if training:
            with no_grad():
                self._normalize()
        return self.layer(inputs)

    def _normalize(self):
        rows, u = ops.reshape(self.kernel, (-1, self.kernel.shape[-1])), self.vector_u
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, ops.transpose(rows)), axis=-1)
            u = ops.normalize(ops.matmul(v, rows), axis=-1)
        sigma = ops.sum(ops.matmul(v, rows) * u)
        dead = ops.equal(sigma, 0.0)                    # a kernel of zeros stays
        self.vector_u.assign(ops.where(dead, self.vector_u, u))
        self.kernel.assign(self.kernel / ops.where(dead, 1.0, sigma))

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)
