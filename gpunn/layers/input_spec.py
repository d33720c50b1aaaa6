"""What a layer accepts, and how it says so."""


class InputSpec:
    """Constraints on one input: `ndim`, `min_ndim`, `max_ndim`, the sizes of `axes`, or a whole `shape`."""

    def __init__(self, dtype=None, shape=None, ndim=None, max_ndim=None, min_ndim=None, axes=None):
        self.dtype, self.shape = dtype, None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if shape is not None else ndim
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = dict(axes or {})
        if self.shape is not None:
            self.axes.update({i: n for i, n in enumerate(self.shape) if n is not None})

    def problem(self, shape) -> str | None:
        """What is wrong with this shape, in words."""
        rank = len(shape)
        if self.ndim is not None and rank != self.ndim:
            return f"expected {self.ndim} axes, got {rank}"
        if self.min_ndim is not None and rank < self.min_ndim:
            return f"expected at least {self.min_ndim} axes, got {rank}"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"expected at most {self.max_ndim} axes, got {rank}"
        for axis, size in self.axes.items():
            if size is not None and shape[axis] not in (size, None):
                return f"expected {size} on axis {axis}, got {shape[axis]}"
        return None

    def __repr__(self):
        given = {k: v for k, v in vars(self).items() if v not in (None, {})}
        return f"InputSpec({', '.join(f'{k}={v}' for k, v in given.items())})"


def refuse(layer, argument: str, shape, problem: str, rank: bool):
    """Raise for an input that does not fit, with the repair that usually helps."""
    fix = _rank_fix(problem) if rank else \
        "the layer was built for another size: give it data of that size, or make a new layer"
    raise ValueError(f"{layer._who}: argument '{argument}' has shape {tuple(shape)}: {problem}. Fix: {fix}.")


def _rank_fix(problem: str) -> str:
    expected, got = (int(word) for word in problem.replace(",", " ").split() if word.isdigit())
    if problem == "expected 3 axes, got 2":
        return "add the missing axis: x[..., None] or x[None], or return_sequences=True in a recurrent layer before it"
    if got < expected:
        return "add the missing axis, for example x[..., None] for one channel or x[None] for one sample"
    return "drop or join axes, for example with Flatten() or Reshape()"
