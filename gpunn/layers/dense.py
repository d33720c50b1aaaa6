"""Dense: every input feeds every unit."""
from .. import activations, ops
from ..ops.dense import _dense, ending
from .input_spec import InputSpec
from .layer import LibraryLayer


class Dense(LibraryLayer):
    """activation(x @ kernel + bias) over the last axis."""
    wants_floats = supports_masking = True

    def __init__(self, units, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None, **kwargs):
        self._keep(locals())
        self.units = self._count("units", units)
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape):
        features = input_shape[-1]
        self._require("the input's last axis", features is not None, "known when the layer is built", input_shape)
        self.kernel = self._weight("kernel", (features, self.units))
        self.bias = self._weight("bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})

    def call(self, inputs):
        fused = activations.fused(self.activation)
        y = _dense(inputs, self.kernel, self.bias, activation=fused or "linear", before=ending(inputs))
        return y if fused else self.activation(y)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)


class EinsumDense(LibraryLayer):
    """activation(einsum(equation, x, kernel) + bias), for example "abc,cde->abde"; "..." stands for any axes."""
    wants_floats = supports_masking = True

    def __init__(self, equation, output_shape, activation=None, bias_axes=None, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, kernel_constraint=None,
                 bias_constraint=None, **kwargs):
        self._keep(locals())
        left, arrow, self._after = equation.replace(" ", "").partition("->")
        self._before, comma, self._inner = left.partition(",")
        self._require("equation", bool(arrow and comma and self._inner.isalpha()), "of the form 'ab,bc->ac'", equation)
        self.output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)

    def _sizes(self, input_shape):
        """The length of each letter: the input's as they are, others as `output_shape` says; and the output's shape."""
        dots = len(input_shape) - len(self._before.replace("...", ""))
        self._require("the input", dots == 0 or dots > 0 and "..." in self._before,
                      f"an array with the axes {self._before!r}", input_shape)
        hidden = "".join(chr(ord("\u03b1") + i) for i in range(dots))               # letters for the dots
        before, after = (axes.replace("...", hidden) for axes in (self._before, self._after))
        sizes = dict(zip(before, input_shape))
        # the batch's axis, where the dots do not stand for it, is not in output_shape
        named = [c for c in after if c not in hidden][not self._before.startswith("..."):]
        for c, n in zip(named, self.output_shape):
            sizes[c] = n if sizes.get(c) is None else sizes[c]
        right = len(named) == len(self.output_shape) and all(n in (None, sizes[c])
                                                             for c, n in zip(named, self.output_shape))
        self._require("output_shape", right, f"a size for each of {''.join(named)!r} that fits the input", input_shape)
        return sizes, tuple(sizes[c] for c in after)

    def build(self, input_shape):
        sizes, _ = self._sizes(input_shape)
        self.kernel = self._weight("kernel", [sizes[c] for c in self._inner])
        self.bias = None
        if self.bias_axes:
            first = min(self._after.index(c) for c in self.bias_axes)
            later = self._after[first:].replace("...", "")
            self.bias = self._weight("bias", [sizes[c] if c in self.bias_axes else 1 for c in later])

    def call(self, inputs):
        y = ops.einsum(self.equation, inputs, self.kernel)
        return self.activation(y if self.bias is None else y + self.bias)

    def compute_output_shape(self, input_shape):
        return self._sizes(input_shape)[1]
