"""Where a model's data comes in."""
from .._config import floatx
from ..symbol import Symbol
from .layer import LibraryLayer


class InputLayer(LibraryLayer):
    """Hands its input on; its `output` is the symbol, without a node, that a functional model starts from."""

    def __init__(self, shape=None, batch_size=None, dtype=None, sparse=None, ragged=None, batch_shape=None,
                 input_tensor=None, optional=False, name=None, **kwargs):
        super().__init__(name=name)
        if "input_shape" in kwargs:
            shape = kwargs.pop("input_shape")
        self._require("options", not kwargs and not sparse and not ragged, "dense and known to InputLayer",
                      kwargs or {"sparse": sparse, "ragged": ragged})
        self._require("shape", (shape is None) != (batch_shape is None), "given, or batch_shape, but not both",
                      (shape, batch_shape))
        self._require("shape", not isinstance(shape, int), f"a tuple such as ({shape},)", shape)
        self.batch_shape = tuple(batch_shape) if shape is None else (batch_size, *shape)
        self._require("shape", all(n is None or isinstance(n, int) and n >= 0 for n in self.batch_shape),
                      "of sizes >= 0 or None", self.batch_shape)
        self.optional = optional
        self.input_dtype = str(dtype or floatx())
        self._symbol, self.built = Symbol(self.batch_shape, self.input_dtype, self.name), True

    output = property(lambda self: self._symbol)

    def call(self, inputs):
        return inputs

    def get_config(self):
        return {"batch_shape": self.batch_shape, "dtype": self.input_dtype, "name": self.name}


def Input(shape=None, batch_size=None, dtype=None, sparse=None, batch_shape=None, name=None, tensor=None,
          optional=False) -> Symbol:
    """A symbol for data of `shape` (without the batch axis): the start of a functional model."""
    return InputLayer(shape, batch_size, dtype, sparse, None, batch_shape, tensor, optional, name).output
