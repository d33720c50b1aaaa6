"""Model: a layer that can be trained. Give it inputs and outputs (a graph), or subclass it and define `call`."""
import json
from functools import cache

from ..layers.input import InputLayer
from ..layers.layer import Layer
from ..symbol import Symbol, by_trial
from ..tensor import no_grad
from ..tree import flatten, map_shape_structure
from .config import graph_config, graph_from_config, made_of_graph
from .files import load_weights, save_model, save_weights
from .graph import Graph, fitted
from .objects import serialize_keras_object
from .summary import summary
from .trainer import Trainer


class Model(Trainer, Layer):
    """Subclass and define `call(self, inputs, training=None)`, or write `Model(inputs, outputs)`."""

    summary, save_weights, load_weights, save = summary, save_weights, load_weights, save_model

    def __init__(self, *args, trainable=True, name=None, dtype=None, **options):
        if args or "inputs" in options:
            self.__class__ = _functional_class(type(self))
            Functional.__init__(self, *args, trainable=trainable, name=name, **options)
            return
        Layer.__init__(self, trainable=trainable, name=name, dtype=dtype, **options)
        self._start_training_state()

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        cls.has_build = cls.has_build and cls.build is not Model.build

    def build(self, input_shape):
        """Make the weights, as a call on data of this shape, or these shapes, does."""
        if not self.built:
            with no_grad():
                by_trial(self, [map_shape_structure(Symbol, input_shape)], {})

    @property
    def input(self):
        """The symbol (or symbols) that a graph of layers starts from."""
        return _one(self.inputs) if hasattr(self, "inputs") else super().input

    @property
    def output(self):
        return _one(self.outputs) if hasattr(self, "outputs") else super().output

    @property
    def layers(self) -> list:
        """The layers directly inside, in the order in which they were found."""
        return self.sublayers()

    def get_layer(self, name=None, index=None):
        if (name is None) == (index is None):
            raise ValueError(f"{self.name}: get_layer expects a name or an index, got name={name!r}, index={index!r}")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"{self.name}: there is no layer {index}, the model has {len(self.layers)} layers")
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"{self.name}: no layer is named {name!r}; the layers are "
                         f"{', '.join(layer.name for layer in self.layers)}")

    def to_json(self, **options) -> str:
        """What `gpunn.models.model_from_json` makes this model of again, without its weights."""
        return json.dumps(serialize_keras_object(self), allow_nan=False, **options)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A graph of layers, or for a subclass with options of its own, `cls(**config)`."""
        if "input_layers" in config:
            return graph_from_config(cls, config, custom_objects)
        return cls(**config)


class Functional(Model):
    """A model made of a graph of layers."""

    def __init__(self, inputs, outputs, *, name=None, trainable=True, **options):
        super().__init__(name=name, trainable=trainable, **options)
        self.autocast = False                           # the inputs say of which dtype they are
        for s in flatten([inputs, outputs]):
            if not isinstance(s, Symbol):
                raise ValueError("Model: inputs and outputs must come from Input() and layers called on it, "
                                 f"got {type(s).__name__}")
        self._graph = Graph(inputs, outputs)
        self._layers = [InputLayer(batch_shape=t.shape, dtype=t.dtype, name=t.name) if isinstance(t, Symbol) else t
                        for t in self._graph.things]
        self.inputs, self.outputs = self._graph.input_symbols, self._graph.output_symbols
        self.input_names = [s.name for s in self.inputs]
        self.output_names = _unique_names([s.name for s in self.outputs])
        self.built = True

    layers: list = property(lambda self: list(self._layers))
    input_shape = property(lambda self: _one([s.shape for s in self.inputs]))
    output_shape = property(lambda self: _one([s.shape for s in self.outputs]))

    def build(self, input_shape):
        """The layers were built when the graph was put together."""

    def call(self, inputs, training=None, mask=None):
        return self._graph.run(self._arranged(inputs))

    def compute_output_shape(self, input_shape):
        symbols = [Symbol(s, i.dtype) for s, i in zip(_shapes(input_shape, len(self.inputs)), self.inputs, strict=True)]
        outputs = flatten(self._graph.run(symbols))
        return outputs[0].shape if len(outputs) == 1 else [tuple(s.shape) for s in outputs]

    def _arranged(self, inputs):
        """The values in the order of the graph's inputs; a dict is matched by input names."""
        if isinstance(inputs, dict) and not isinstance(self._graph.inputs, dict):
            missing = [n for n in self.input_names if n not in inputs]
            if missing:
                raise ValueError(f"{self.name}: the inputs have the keys {sorted(inputs)}, but {missing} are missing")
            inputs = [inputs[n] for n in self.input_names]
        values = flatten(inputs)
        if len(values) != len(self.inputs):
            raise ValueError(f"{self.name}: expected {len(self.inputs)} inputs ({', '.join(self.input_names)}), "
                             f"got {len(values)}")
        return [fitted(self.name, v, s) for v, s in zip(values, self.inputs, strict=True)]

    def get_config(self) -> dict:
        return graph_config(self) if made_of_graph(type(self)) else super().get_config()


@cache
def _functional_class(cls):
    """Model(inputs, outputs) is a Functional; for a subclass of Model, one that is a Functional too."""
    names = {k: v for k, v in vars(cls).items() if k in ("__module__", "_registered_name")}
    return Functional if cls is Model else type(cls.__name__, (cls, Functional), names)


def _one(things: list):
    """What a list of one holds, or the list."""
    return things[0] if len(things) == 1 else things


def _unique_names(names: list) -> list:
    """a, b, a -> a, b, a_1"""
    seen, result = {}, []
    for n in names:
        result.append(n if n not in seen else f"{n}_{seen[n]}")
        seen[n] = seen.get(n, 0) + 1
    return result


def _shapes(input_shape, count: int) -> list:
    return [input_shape] if count == 1 and not isinstance(input_shape[0], tuple | list) else list(input_shape)
