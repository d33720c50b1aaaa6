"""Small layers: scaling, functions as layers, nothing at all."""
import inspect

from .. import _objects, ops
from ..symbol import Symbol, by_trial
from ..tensor import no_grad
from ..tree import map_shape_structure, map_structure
from .activation import _Elementwise
from .layer import LibraryLayer


class Identity(_Elementwise):
    """What comes in."""

    def call(self, inputs):
        return inputs


class Rescaling(_Elementwise):
    """x * scale + offset, for example 1/255 for images."""
    wants_floats = True

    def __init__(self, scale, offset=0.0, **kwargs):
        self._keep(locals())

    def call(self, inputs):
        scale, offset = (ops.convert_to_tensor(v, inputs.dtype) if isinstance(v, list | tuple) else v
                         for v in (self.scale, self.offset))
        return inputs * scale + offset


class Lambda(LibraryLayer):
    """A function as a layer. To be saved it must be registered (gpunn.saving.register_keras_serializable):
    files hold no code."""

    def __init__(self, function, output_shape=None, mask=None, arguments=None, **kwargs):
        super().__init__(**kwargs)
        if isinstance(function, str | dict):
            function = _objects.deserialize("function", function, vars(ops))
        self._require("function", callable(function), "a function", function)
        self.function, self.mask, self.arguments = function, mask, dict(arguments or {})
        given = callable(output_shape) or output_shape is None
        self._output_shape = output_shape if given else tuple(output_shape)
        self._takes = [n for n in ("mask", "training") if n in inspect.signature(function).parameters]
        self.supports_masking = mask is not None

    def call(self, inputs, mask=None, training=False):
        given = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{n: given[n] for n in self._takes})

    _knows_shape = property(lambda self: self._output_shape is not None)

    def compute_output_shape(self, input_shape):
        if callable(self._output_shape):
            return tuple(self._output_shape(input_shape))
        if self._output_shape is None:
            with no_grad():
                made = by_trial(self, (map_shape_structure(Symbol, input_shape),), {})
            return map_structure(lambda s: s.shape, made)
        return (input_shape[0], *self._output_shape)

    def compute_mask(self, inputs, previous_mask):
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def get_config(self):
        name = _objects.get_registered_name(self.function)
        known = _objects.get_registered_object(name, module_objects=vars(ops)) is self.function
        self._require("function", known, "one of gpunn.ops, or registered with "
                      "gpunn.saving.register_keras_serializable before it can be saved", self.function)
        shape = {"output_shape": self._output_shape} if isinstance(self._output_shape, tuple) else {}
        return {**self._base_config(), "function": name, **shape, "arguments": self.arguments}


class Maxout(LibraryLayer):
    """The largest of groups of channels: (..., c) -> (..., num_units) along `axis`."""
    wants_floats = True

    def __init__(self, num_units, axis=-1, **kwargs):
        self._keep(locals())
        self.num_units = self._count("num_units", num_units)

    def call(self, inputs):
        axis = self.axis % inputs.ndim
        shape = self.compute_output_shape(inputs.shape)
        groups = (*shape[:axis + 1], inputs.shape[axis] // self.num_units, *shape[axis + 1:])
        return ops.max(ops.reshape(inputs, groups), axis=axis + 1)

    def compute_output_shape(self, input_shape):
        channels, shape = input_shape[self.axis], list(input_shape)
        self._require("num_units", channels is not None and channels % self.num_units == 0,
                      f"a divisor of the {channels} channels", self.num_units)
        shape[self.axis] = self.num_units
        return tuple(shape)
