"""All weights in one buffer, all gradients in another: an optimizer step is one kernel, clipping one reduction."""
from ..backend import backend_of, kernels_of, persistent
from ..backend.memory import moved

LINE = 256                      # bytes: where each weight begins


class FlatParams:
    """The variables become views of `data` and `grad`, in reverse order of use: gradients are ready from the front."""

    def __init__(self, variables):
        self.variables = list(variables)
        first = self.variables[0].data
        for v in self.variables:
            if v.data.dtype != first.dtype:
                raise ValueError(f"optimizer: {v.path} is {v.dtype} but {self.variables[0].path} is {first.dtype}; "
                                 "give all trainable weights one dtype")
        self.places, size = {}, 0
        for v in reversed(self.variables):
            self.places[id(v)] = (size, size + v.data.size)
            size += -(-v.data.size * first.itemsize // LINE) * LINE // first.itemsize
        xp = backend_of(first).xp
        self.data, self.grad = (persistent(xp.zeros(size, first.dtype)) for _ in range(2))
        self.views = [self.bind(v) for v in self.variables]
        self.shadow = self.shadowed()
        moved()

    def bind(self, variable):
        view = self.view(self.data, variable)
        kernels_of(view).copy(variable.data, out=view)
        variable.data, variable.grad = view, self.view(self.grad, variable)
        return view

    def shadowed(self):
        """On a GPU, where layers compute in 16 bits: the weights as they see them; else None."""
        few = [v for v in self.variables if hasattr(v, "shadow")]
        kind = backend_of(self.data).halves.get(few[0].compute) if few else None
        if kind is None:
            return None
        shadow = persistent(kernels_of(self.data).copy(self.data, dtype=kind))
        for v in few:
            v.shadowed = v.compute == few[0].compute
            v.shadow = self.view(shadow, v) if v.shadowed else None
        return shadow

    def write(self, source):
        """All weights at once."""
        kernels_of(self.data).copy(source, out=self.data)
        self.follow()

    def follow(self):
        """The shadow, after weights were written by themselves."""
        if self.shadow is not None:
            kernels_of(self.data).copy(self.data, out=self.shadow)

    def part(self, buffer, variable):
        """What of a flat buffer belongs to a variable, flat."""
        start, stop = self.places[id(variable)]
        return buffer[start:stop]

    def view(self, buffer, variable):
        """The same in the variable's shape."""
        return self.part(buffer, variable).reshape(variable.shape)

    def holds(self, variables) -> bool:
        """Whether these are our variables, and none was taken over by another optimizer since."""
        return (len(variables) == len(self.variables)
                and all([v is w and v.data is d
                         for v, w, d in zip(variables, self.variables, self.views, strict=True)]))

    def slot(self):
        """One more buffer of the same layout, zeros."""
        return persistent(backend_of(self.data).xp.zeros(self.data.size, self.data.dtype))
