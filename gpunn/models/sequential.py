"""Sequential: one layer after the other."""
from .._objects import serialize
from ..layers.context import inside
from ..layers.input import Input, InputLayer
from ..layers.layer import Layer
from .config import input_config, layer_from
from .graph import Graph, fitted
from .model import Model


class Sequential(Model):
    """Built at once if the input shape is known (Input, or the first layer's `input_shape`), else at the first call."""

    def __init__(self, layers=None, trainable=True, name=None):
        super().__init__(trainable=trainable, name=name)
        self.autocast = False
        self._layers, self._input, self._symbols, self._graph = [], None, [], None
        if isinstance(layers, Layer):
            raise ValueError(f"Sequential: expected a list of layers, got one. Fix: Sequential([{layers.name}, ...])")
        for layer in layers or ():
            self._append(layer)
        self._chain()

    layers: list = property(lambda self: list(self._layers))

    def add(self, layer, rebuild: bool = True):
        """One more layer at the end."""
        self._append(layer)
        if rebuild:
            self._chain()

    def pop(self, rebuild: bool = True):
        """Take the last layer off and return it."""
        if not self._layers:
            raise ValueError(f"{self.name}: there is no layer to remove")
        layer = self._layers.pop()
        self._chain()
        return layer

    def _append(self, layer):
        if hasattr(layer, "node") and hasattr(layer, "shape"):          # what Input(...) returns
            self._take_input(layer)
        elif isinstance(layer, InputLayer):
            self._take_input(layer.output)
        elif not isinstance(layer, Layer):
            raise ValueError(f"{self.name}: expected a layer, got {type(layer).__name__}: {layer!r}")
        else:
            if any(layer.name == other.name and layer is not other for other in self._layers):
                raise ValueError(f"{self.name}: two layers are named '{layer.name}'; give one of them another name")
            if not self._layers and self._input is None and layer._input_shape_arg is not None:
                self._input = Input(layer._input_shape_arg)
            self._layers.append(layer)

    def _take_input(self, symbol):
        if self._layers or self._input is not None:
            raise ValueError(f"{self.name}: an Input must come first and only once")
        self._input = symbol

    def _chain(self):
        """Call the layers on the input symbol: all weights are made."""
        self._symbols, x = [], self._input
        with inside(self):
            for layer in self._layers if x is not None else ():
                x = layer(x)
                self._symbols.append(x)
        self.built = x is not None and bool(self._layers)
        self._graph = Graph(self._input, x) if self.built else None

    def build(self, input_shape=None):
        if self._input is None and input_shape is not None:
            self._input = Input(batch_shape=(None, *input_shape[1:]))       # any number of samples may follow
            self._chain()

    def call(self, inputs, training=None, mask=None):
        if self._graph is not None:
            return self._graph.run([fitted(self.name, inputs, self._input)])
        if not self._layers:
            raise ValueError(f"{self.name} has no layers yet. Fix: {self.name}.add(layer)")
        for layer in self._layers:
            inputs = layer(inputs)
        return inputs

    def compute_output_shape(self, input_shape):
        for layer in self._layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    inputs: list = property(lambda self: [self._input] if self._input is not None else [])
    outputs: list = property(lambda self: self._symbols[-1:])
    input_shape = property(lambda self: self._known("input_shape", self.inputs))
    output_shape = property(lambda self: self._known("output_shape", self.outputs))

    def _known(self, what, symbols):
        if not symbols:
            raise AttributeError(f"{self.name} has no {what} yet: start it with an Input, or call it on data")
        return symbols[0].shape

    input_names: list = property(lambda self: [s.name for s in self.inputs])
    output_names: list = property(lambda self: [layer.name for layer in self._layers[-1:]])

    def get_config(self) -> dict:
        inputs = [{"class_name": "InputLayer", "config": input_config(s)} for s in self.inputs]
        return {"name": self.name, "trainable": self.trainable, "layers": inputs + list(map(serialize, self.layers))}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        made = [layer_from(c, custom_objects) for c in config["layers"]]
        return cls(made, name=config.get("name"), trainable=config.get("trainable", True))
