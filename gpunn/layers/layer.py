"""The base of all layers: Keras' protocol. `__init__` stores, `build` makes weights, `call` is math."""
import inspect
import warnings

import numpy as np

from .. import _objects, activations, constraints, initializers, regularizers
from .._config import REDUCED, as_policy
from .._names import auto_name, one_of, refuse_unknown, require, scoped
from .._objects import option_names
from ..backend import asarray
from ..ops import cast
from ..ops.random import SeedGenerator
from ..symbol import Symbol
from ..tensor import Tensor, computing
from ..tree import flatten, map_shape_structure, map_structure
from .context import _context, inside
from .signature import Signature, config_names, shape_names
from .symbolic import symbolic_call
from .weights import Weights
from .windows import channel_format

_ARRAYS = {"bfloat16": "V2", "string": "U"}     # "U" has no array: every input is looked at
KERAS_ONLY = ("quantization_config", "lora_rank", "lora_alpha")     # None in configs that Keras writes


class Layer(Weights, _objects.Configured):
    """A function with weights. Subclasses define `call(self, inputs)`, and `build(self, input_shape)` if
    they have weights."""
    input_spec = None
    wants_floats = False    # integers are cast to the layer's dtype too, not only other floats
    supports_masking = has_build = _makes_masks = _knows_shape = False

    def __new__(cls, *args, **options):
        layer = super().__new__(cls)
        layer._arguments = {**dict(zip(option_names(cls), args)), **options}
        return layer

    def __init__(self, *, activity_regularizer=None, trainable=True, dtype=None, autocast=True, name=None, **kwargs):
        self.name = name or auto_name(type(self))
        self.path = scoped(self.name)
        self.dtype_policy = dtype
        self.autocast, self.built = autocast, False
        self.activity_regularizer = regularizers.get(activity_regularizer)
        if "input_dim" in kwargs:
            kwargs["input_shape"] = (kwargs.pop("input_dim"),)
        self._input_shape_arg = kwargs.pop("input_shape", None)
        refuse_unknown(self._who, kwargs, _objects.keywords(type(self)))
        self._start(trainable)
        self._losses, self._loss_call, self._nodes = [], 0, []

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        cls._signature = Signature(cls.call)
        cls._makes_masks = cls.compute_mask is not Layer.compute_mask
        cls.supports_masking = cls.supports_masking or cls._makes_masks
        if "_knows_shape" not in vars(cls):
            cls._knows_shape = cls.compute_output_shape is not Layer.compute_output_shape
        cls.has_build = cls.build is not Layer.build
        if "build" in vars(cls):
            cls.build = _marks_built(cls.build)

    @property
    def dtype_policy(self):
        """In which dtypes the layer computes and keeps its weights; weights that were made keep theirs."""
        return self._policy

    @dtype_policy.setter
    def dtype_policy(self, policy):
        self._policy = policy = as_policy(policy, type(self).__name__)
        self.dtype = self.variable_dtype = policy.variable_dtype
        self.compute_dtype = policy.compute_dtype
        self._cast_to = np.dtype(_ARRAYS.get(self.compute_dtype, self.compute_dtype))
        vars(self).pop("call", None)
        if self.compute_dtype in REDUCED:
            self.call = self._call_reduced

    def _call_reduced(self, *args, **options):
        """`call` in a dtype of fewer bits: ops round weights and results to it, and so do the library's layers last."""
        with computing(self.compute_dtype):
            y = type(self).call(self, *args, **options)
            return map_structure(lambda t: self._tensors(t, False), y) if isinstance(self, LibraryLayer) else y

    def build(self, input_shape):
        """Make the weights for this shape; a layer without any needs no build."""
        self.built = True

    def call(self, inputs):
        raise NotImplementedError(f"{self._who} must define call(self, inputs)")

    _signature = Signature(call)

    def compute_output_shape(self, input_shape):
        """The shape of the result; where it is not defined, shapes are found by a trial run on zeros."""
        raise NotImplementedError(f"{self._who} does not define compute_output_shape(self, input_shape)")

    def compute_output_spec(self, *args, **options):
        """The symbol (or symbols) of a call on symbols, which does not count as one."""
        nodes, self._nodes = self._nodes, []
        try:
            return self(*args, **options)
        finally:
            self._nodes = nodes

    def compute_output_dtype(self, dtype: str) -> str:
        return self.compute_dtype if self.wants_floats or "float" in dtype else dtype

    def compute_mask(self, inputs, previous_mask):
        return previous_mask

    def __call__(self, *args, **options):
        """Convert, build at the first call, tell `call` about training and masks, pass the mask on."""
        signature, context = self._signature, _context
        plain = len(args) == 1 and not options and type(args[0]) is Tensor
        if not plain or args[0].data.dtype != self._cast_to:
            args, options, symbols = self._convert(args, options)
            if symbols:
                rule = self.compute_output_shape if self._knows_shape else None
                return symbolic_call(self, args, options, rule)
        x, before, outer = args[0], context.training, context.layer
        if not self.built:
            self._build(args, options)
        if self.input_spec is not None:
            self._check(x)
        mask = options.get("mask")
        if mask is None:
            mask = x.mask if isinstance(x, Tensor) else _masks(x)
        training = options.pop("training", None)
        if training is None:
            training = signature.default if before is None else before
        if before is None:
            context.number += 1
        if self._losses and self._loss_call != context.number:
            self._losses = []
        if signature.training:
            options["training"] = training
        if mask is not None and signature.mask:
            options["mask"] = mask
        if signature.masks:
            self._add_masks(args, options)
        context.training, context.layer = training, self
        try:
            y = self.call(*args, **options)
        finally:
            context.training, context.layer = before, outer
        if y is None or self.activity_regularizer is not None:
            self._regularize_activity(y)
        if mask is not None or self._makes_masks:
            self._mask_output(x, y, mask)
        return y

    def _convert(self, args, options):
        """Arrays become tensors, floats get the layer's dtype; and whether there are symbols among them."""
        if not args:
            if self._signature.first not in options:
                raise TypeError(f"{self._who}: argument '{self._signature.first}' is missing")
            args = (options.pop(self._signature.first),)
        if isinstance(args[0], Layer):
            raise TypeError(f"{self._who}: expected a tensor, got the layer '{args[0].name}'. Fix: call it first")
        args = (self._tensors(args[0], self.wants_floats), *[self._tensors(a, False) for a in args[1:]])
        options = {name: self._tensors(value, False) for name, value in options.items()}
        if not isinstance(args[0], Tensor | Symbol | list | tuple | dict):
            args = (self._tensors(Tensor(asarray(args[0])), self.wants_floats), *args[1:])
        return args, options, any(isinstance(v, Symbol) for v in flatten([args, options]))

    def _tensors(self, value, all_floats: bool):
        if isinstance(value, list | tuple | dict):
            if any(isinstance(v, Tensor | Symbol | np.ndarray) for v in flatten(value)):
                return map_structure(lambda v: self._tensors(v, all_floats), value)
            numbers = all_floats and not isinstance(value, dict)
            return cast(Tensor(asarray(value)), self.compute_dtype) if numbers else value
        if isinstance(value, Symbol) or not hasattr(value, "dtype"):
            return value
        tensor = value if isinstance(value, Tensor) else Tensor(asarray(value))
        kind = tensor.data.dtype.kind.replace("V", "f")
        if tensor.dtype == self.compute_dtype or not ((self.autocast and kind == "f" and "float" in self.compute_dtype)
                                                      or (all_floats and kind in "biu")):
            return tensor
        result = cast(tensor, self.compute_dtype)
        result.mask = tensor.mask
        return result

    def _check(self, x):
        specs = self.input_spec if isinstance(self.input_spec, list | tuple) else [self.input_spec]
        inputs = x if isinstance(x, list | tuple) else [x]
        if len(inputs) != len(specs):
            raise ValueError(f"{self._who}: expects {len(specs)} input(s), got {len(inputs)}")
        for i, (spec, t) in enumerate(zip(specs, inputs)):
            if found := spec.problem(t.shape):
                name = self._signature.first + (f"[{i}]" if isinstance(x, list | tuple) else "")
                raise ValueError(f"{self._who}: argument '{name}' has shape {tuple(t.shape)}: {found[0]}. "
                                 f"Fix: {found[1]}.")

    def _build(self, args, options):
        if self.input_spec is not None:
            self._check(args[0])
        with inside(self):
            if self.has_build:
                if name := self._signature.missing(args, options):
                    raise TypeError(f"{self._who}: argument '{name}' is missing")
                self.build(**self._shapes(self.build, args, options))
        self.built = True

    def _shapes(self, method, args, options) -> dict:
        """What `build` or `compute_output_shape` asks for: the input's shape first, others by name, options
        as they are."""
        first, *names = shape_names(method)
        given = self._signature.bound(args, options)
        others = {n: map_structure(_shape, given[n[:-6]]) for n in names if n.endswith("_shape")
                  and given.get(n[:-6]) is not None}
        return {first: map_structure(_shape, args[0]), **others, **{n: given[n] for n in names if n in given}}

    def _add_masks(self, args, options):
        """query's mask becomes query_mask, and so on."""
        given = self._signature.bound(args, options)
        for _, name, mask_name in self._signature.masks:
            if mask_name not in given and (mask := getattr(given.get(name), "mask", None)) is not None:
                options[mask_name] = mask

    def _mask_output(self, x, y, mask):
        if not self.supports_masking:
            if mask is not None:
                warnings.warn(f"{self._who} got an input with a mask but does not support "
                              "masking: later layers will not see the mask", stacklevel=3)
            return
        masks = self.compute_mask(x, mask)
        if masks is not None:
            masks = masks if isinstance(masks, list | tuple) else [masks]
            for tensor, m in zip(flatten(y), masks):
                if m is not None and tensor.mask is None:
                    tensor.mask = m

    def _regularize_activity(self, y):
        """Per sample, so that the strength does not depend on the batch size."""
        if y is None:
            raise ValueError(f"{self._who}: call returned None. Fix: `return` at its end")
        for tensor in flatten(y):
            share = 1.0 / max(1, tensor.shape[0]) if tensor.ndim else 1.0
            self.add_loss(self.activity_regularizer(tensor) * share)

    def add_loss(self, loss):
        """Add one tensor, or several, to `losses`; valid until the next outermost call."""
        for value in flatten(loss):
            if not isinstance(value, Tensor):
                raise ValueError(f"{self._who}: add_loss expected a tensor, got {type(value).__name__} {value!r}")
            if self._loss_call != _context.number:
                self._losses, self._loss_call = [], _context.number
            self._losses.append(value)

    @property
    def losses(self) -> list:
        """What `add_loss` and activity regularizers left in the last call, and the penalties of the weights."""
        added = [loss for layer in self.flatten_layers() for loss in layer._losses]
        return added + [w.regularizer(w) for w in self.trainable_weights if w.regularizer is not None]

    @property
    def input(self):
        """The symbol (or symbols) that this layer was called on when the model was put together."""
        args = self._node().args
        return args[0] if len(args) == 1 else args

    @property
    def output(self):
        outputs = self._node().outputs
        return outputs[0] if len(outputs) == 1 else outputs

    def _node(self):
        if not self._nodes:
            raise AttributeError(f"{self._who} has no input or output yet: it was not called "
                                 "on a symbol. Give the model an Input, or call the layer on one")
        return self._nodes[0]

    def get_config(self) -> dict:
        """What `from_config` needs: the base's options; where it is not overridden, the constructor's arguments."""
        if not str(type(self).get_config.__module__).startswith("gpunn."):       # a subclass asks for its base's part
            return self._base_config()
        own = {n: self._arguments[n] for n in option_names(type(self)) if n in self._arguments}
        for name, value in own.items():
            if not all(v is None or isinstance(v, bool | int | float | str) for v in flatten(value)):
                raise ValueError(f"{self._who}: the argument {name}={value!r} has no plain "
                                 "form; define get_config(self) (and from_config) in this class")
        takes = inspect.signature(type(self).__init__).parameters
        every = any(p.kind is p.VAR_KEYWORD for p in takes.values())
        return {**{k: v for k, v in self._base_config().items() if every or k in takes}, **own}

    def _base_config(self) -> dict:
        config = {"name": self.name, "trainable": self.trainable, "dtype": self._policy.name}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = _objects.serialize(self.activity_regularizer)
        return config

    def get_build_config(self) -> dict | None:
        return self._build_shapes

    def build_from_config(self, config: dict | None):
        if config and not self.built:
            self.build(**{name: map_shape_structure(tuple, shape) for name, shape in config.items()})

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


BASE = option_names(Layer)
NAMED = {"activation": activations, "initializer": initializers, "regularizer": regularizers, "constraint": constraints}


class LibraryLayer(Layer):
    """A layer whose options are attributes of the same names: its config is read from them."""
    _inner: tuple = ()      # the options that are layers, or lists of layers

    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def _keep(self, own: dict):
        """A constructor's locals(): options of all layers go to the base, its own become attributes of the same names;
        what names an activation, an initializer, ... becomes it, and a seed the source to draw from."""
        options = {n: v for n, v in own.items() if n not in ("self", "kwargs", "weights", "__class__")}
        LibraryLayer.__init__(self, **{n: options.pop(n) for n in BASE if n in options}, **own["kwargs"])
        for name, value in options.items():
            kind = name.rpartition("_")[2]
            setattr(self, name, NAMED[kind].get(value) if kind in NAMED else value)
        if "data_format" in options:
            self.data_format = channel_format(self, self.data_format)
        if "seed" in options:
            self._source = None if self.seed is None else SeedGenerator(self.seed)      # a seed: independent of others

    def _weight(self, name: str, shape, like: str | None = None, initializer=None):
        """A weight as the constructor said, or like the weight `like`."""
        like = like or name
        return self.add_weight(shape, initializer or getattr(self, f"{like}_initializer"),
                               regularizer=getattr(self, f"{like}_regularizer"),
                               constraint=getattr(self, f"{like}_constraint"), name=name)

    def _require(self, name: str, right: bool, expected: str, value):
        """Refuse a bad option."""
        require(self._who, name, right, expected, value)

    def _one_of(self, name: str, value, known):
        return one_of(self._who, name, value, known)

    def _count(self, name: str, value) -> int:
        """A positive whole number."""
        self._require(name, isinstance(value, int | np.integer) and value > 0, "a positive integer", value)
        return int(value)

    def get_config(self):
        names = (n for n in config_names(type(self)) if n not in ("name", "dtype", "trainable", "weights"))
        own = {n: _plain(getattr(self, n)) for n in names if hasattr(self, n)}
        return {**self._base_config(), **own}

    @classmethod
    def from_config(cls, config):
        from . import deserialize
        own = {n: v for n, v in config.items() if n not in KERAS_ONLY or v is not None}
        for name in own.keys() & set(cls._inner):
            own[name] = list(map(deserialize, own[name])) if isinstance(own[name], list) else deserialize(own[name])
        return cls(**own)


def _plain(value):
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return _objects.serialize(value) if callable(value) or hasattr(value, "get_config") else value


def _shape(x) -> tuple | None:
    return None if x is None else tuple(x.shape)


def _masks(x):
    """The masks of nested tensors, or None where none has one."""
    masks = map_structure(lambda t: getattr(t, "mask", None), x)
    return masks if any(m is not None for m in flatten(masks)) else None


def _marks_built(build):
    """`build`, that also notes for which shapes it ran."""
    names = shape_names(build)

    def wrapper(self, *args, **options):
        with inside(self):
            build(self, *args, **options)
        self._build_shapes, self.built = {**dict(zip(names, args)), **options}, True
    wrapper.__wrapped__, wrapper.__doc__ = build, build.__doc__
    return wrapper
