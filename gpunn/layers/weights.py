"""The weights of a layer and of the layers inside it."""
import math
from operator import attrgetter
from types import FunctionType

import numpy as np

from .. import _objects, constraints, initializers, regularizers
from .._config import REDUCED, storage
from .._names import refuse_unknown
from ..halves import RoundedVariable
from ..metrics.metric import Metric
from ..tensor import Tensor, Variable


class Weights:
    """Creation, listing, freezing, reading and writing of weights; attributes that are layers (also in
    lists) are sub-layers."""

    def _start(self, trainable: bool):
        self._trainable, self._own, self._build_shapes = trainable, [], None

    def __getattr__(self, name):
        if "_trainable" not in vars(self) and name[:2] != "__":
            raise AttributeError(f"{type(self).__name__}.__init__ must begin with super().__init__(); without it there "
                                 f"is no {name!r}")
        return object.__getattribute__(self, name)

    @property
    def _who(self) -> str:
        """As errors call this layer."""
        return f"{type(self).__name__} '{self.name}'"

    def add_weight(self, *args, **options) -> Variable:
        """A new weight: add_weight(shape, initializer, dtype, trainable, *, regularizer, constraint, name)."""
        if args and isinstance(args[0], str):           # the order of old: the name first
            options["name"], args = args[0], args[1:]
        unknown = {n: v for n, v in options.items() if n not in _WEIGHT_OPTIONS}
        refuse_unknown(f"{self._who}: add_weight", unknown, _WEIGHT_OPTIONS)
        return self._new_weight(*args, **options)

    def _new_weight(self, shape=None, initializer=None, dtype=None, trainable=True, *, regularizer=None,
                    constraint=None, name=None, autocast=True, aggregation="none") -> Variable:
        """Floats start as glorot_uniform, integers and booleans as zeros, unless an initializer is given."""
        dtype, kept = dtype or self.variable_dtype, storage(dtype or self.variable_dtype)
        initializer = initializers.get(initializer or ("glorot_uniform" if np.dtype(kept).kind == "f" else "zeros"))
        shape = () if shape is None else tuple(int(n) for n in shape)
        value = (initializers.Zeros() if initializers.claim(self._who, shape) else initializer)(shape, dtype=kept)
        value = value.data if isinstance(value, Tensor) else value
        weight = Variable(value, name=name, trainable=trainable, dtype=kept)
        if dtype in REDUCED or autocast and self.compute_dtype in REDUCED:
            weight = RoundedVariable(weight, dtype, self.compute_dtype)
        weight.path, weight.name = f"{self.path}/{weight.name}", weight.name.rpartition("/")[2]
        weight.regularizer = regularizers.get(regularizer)
        weight.constraint = constraints.get(constraint) or weight.constraint
        self._own.append(weight)
        weight.trainable = self._trainable
        return weight

    def _own_weights(self) -> list[Variable]:
        """Made by add_weight, or found in attributes; trainable ones first."""
        own = _unique([*self._own, *_found(vars(self), Variable, skip=("_own",))])
        return [w for w in own if w.wanted] + [w for w in own if not w.wanted]

    def sublayers(self) -> list:
        """The layers that this one holds in its attributes."""
        return _unique(_found(vars(self), Weights, skip=("_nodes", "_arguments")))

    def flatten_layers(self) -> list:
        """This layer and all layers inside it, each once, parents first."""
        order, stack, seen = [], [self], set()
        while stack:
            layer = stack.pop()
            if id(layer) not in seen:
                seen.add(id(layer))
                order.append(layer)
                stack.extend(reversed(layer.sublayers()))
        return order

    def held_metrics(self) -> list[Metric]:
        """The metrics in attributes of this layer and of all layers inside it, not those of a compiled model."""
        skip = ("_nodes", "_arguments", "_compiled", "_loss_tracker")
        return _unique([m for layer in self.flatten_layers() for m in _found(vars(layer), Metric, skip)])

    metrics: list[Metric] = property(lambda self: self.held_metrics())
    metrics_variables: list[Variable] = property(lambda self: [v for m in self.metrics for v in m.variables])

    @property
    def weights(self) -> list[Variable]:
        return _unique([w for layer in self.flatten_layers() for w in layer._own_weights()])

    @property
    def trainable_weights(self) -> list[Variable]:
        return [w for w in self.weights if w.requires_grad] if self._trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        return [w for w in self.weights if not w.requires_grad] if self._trainable else self.weights

    variables: list[Variable] = property(attrgetter("weights"))
    trainable_variables: list[Variable] = property(attrgetter("trainable_weights"))
    non_trainable_variables: list[Variable] = property(attrgetter("non_trainable_weights"))

    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool):
        for layer in self.flatten_layers():
            layer._trainable = bool(value)
            for weight in layer._own_weights():
                weight.trainable = value

    def get_weights(self) -> list[np.ndarray]:
        return [w.numpy().copy() for w in self.weights]

    def set_weights(self, weights):
        """Write arrays into the weights, in the order of `weights`."""
        own = self.weights
        if not isinstance(weights, list | tuple | np.ndarray) or len(weights) != len(own):
            fix = "" if own or self.built else ". Fix: build the layer first, by calling it or with build(input_shape)"
            raise ValueError(f"{self._who}: set_weights expected {len(own)} arrays ({', '.join(w.path for w in own)}), "
                             f"got {len(weights) if hasattr(weights, '__len__') else repr(weights)}{fix}")
        arrays = [np.asarray(a) for a in weights]
        for i, (weight, array) in enumerate(zip(own, arrays)):
            if weight.shape != array.shape:
                raise ValueError(f"{self._who}: set_weights expected shape {weight.shape} for {weight.path} (array "
                                 f"{i}), got {array.shape}")
        for weight, array in zip(own, arrays):
            weight.assign(array)

    def save_own_variables(self, store):
        """Put the arrays of this layer alone into `store`, named "0", "1", ..."""
        _objects.save_arrays(store, self._own_weights())

    def load_own_variables(self, store):
        _objects.load_arrays(store, self._own_weights(), self._who)

    def stateless_call(self, trainable_variables, non_trainable_variables, *args, return_losses=False, **kwargs):
        """The result with these values in the weights, and the values of those that are not trained after it."""
        trained = self.trainable_variables
        (y, losses), after = _objects.with_values(
            [*trained, *self.non_trainable_variables], [*trainable_variables, *non_trainable_variables],
            lambda: (self(*args, **kwargs), self.losses))
        return (y, list(map(Tensor, after[len(trained):])), *[losses] * return_losses)

    def count_params(self) -> int:
        if not self.built:
            raise ValueError(f"{self._who} has no weights yet, so they cannot be counted. Fix: "
                             "call it on data, or build(input_shape)")
        return sum(math.prod(w.shape) for w in self.weights)


_WEIGHT_OPTIONS = ("shape", "initializer", "dtype", "trainable", "regularizer", "constraint", "name",
                   "autocast", "aggregation")


_PLAIN = {str, int, float, bool, type(None), FunctionType}      # most values are; a step may walk through a model


def _found(values, kind, skip=()) -> list:
    """Every `kind` in a nesting of dictionaries, lists and tuples, in order."""
    found, left, seen = [], [values], set()
    while left:
        value = left.pop()
        if isinstance(value, kind):
            found.append(value)
        elif id(value) in seen:
            continue                    # a container that holds itself
        elif isinstance(value, dict):
            seen.add(id(value))
            left += [v for key, v in list(value.items())[::-1] if type(v) not in _PLAIN and key not in skip]
        elif isinstance(value, list | tuple) and value and not isinstance(value[0], str | int | float):
            seen.add(id(value))
            left += value[::-1]         # a long list of words or numbers is not walked through
    return found


def _unique(things) -> list:
    return list({id(t): t for t in things}.values())
