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

    def problem(self, shape) -> tuple[str, str] | None:
        """What is wrong with this shape, and the repair that usually helps, in words."""
        rank, low, high = len(shape), self.min_ndim or 0, self.max_ndim or len(shape)
        if self.ndim not in (None, rank):
            return f"expected {self.ndim} axes, got {rank}", _rank_fix(self.ndim, rank, exact=True)
        if not low <= rank <= high:
            expected = f"at least {low}" if rank < low else f"at most {high}"
            return f"expected {expected} axes, got {rank}", _rank_fix(low if rank < low else high, rank)
        for axis, size in self.axes.items():
            if size is not None and shape[axis] not in (size, None):
                return (f"expected {size} on axis {axis}, got {shape[axis]}",
                        "the layer was built for another size: give it data of that size, or make a new layer")
        return None

    def __repr__(self):
        given = {k: v for k, v in vars(self).items() if v not in (None, {})}
        return f"InputSpec({', '.join(f'{k}={v}' for k, v in given.items())})"


def _rank_fix(expected: int, got: int, exact: bool = False) -> str:
    if exact and (expected, got) == (3, 2):
        return "add the missing axis: x[..., None] or x[None], or return_sequences=True in a recurrent layer before it"
    if got < expected:
        return "add the missing axis, for example x[..., None] for one channel or x[None] for one sample"
    return "drop or join axes, for example with Flatten() or Reshape()"
