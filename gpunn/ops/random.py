"""Random numbers as functions of (seed, stream, step, index); an integer seed gives the same numbers at every call."""
import math

from ..backend import constant, current, empty, kernels_of
from ..backend import rng
from ..tensor import Tensor, op
from .core import array


class SeedGenerator:
    """A source of seeds: each draw advances it."""

    def __init__(self, seed: int | None = None, name: str | None = None):
        self.seed = rng.next_seed() if seed is None else int(seed)
        self.name = name or "seed_generator"

    def get_config(self) -> dict:
        return {"seed": self.seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "SeedGenerator":
        return cls(**config)


def source(seed):
    """(key, clock, stream): fresh at each call for None and a SeedGenerator, always the same for an integer."""
    if isinstance(seed, int):
        return rng.words(seed), constant([0], "uint32"), 0
    return rng.draw(seed.seed if isinstance(seed, SeedGenerator) else None)


@op
def _dropout(x, *, rate, seed):
    """(...) -> (...): some elements 0, the rest scaled; the mask is drawn again in the backward pass"""
    key, clock, stream = source(seed)
    k = kernels_of(x)
    return k.dropout(x, rate, key, clock, stream), lambda dy, need: (k.dropout(dy, rate, key, clock, stream),)


def dropout(inputs, rate: float, noise_shape=None, seed=None):
    """Elements set to 0 with probability `rate`, the rest scaled by 1 / (1 - rate)."""
    if not 0 <= rate <= 1:
        raise ValueError(f"dropout: rate must lie in [0, 1], got {rate}")
    if rate == 0:
        return inputs
    if rate == 1:
        from .arithmetic import multiply
        return multiply(inputs, 0.0)
    if noise_shape is None:
        return _dropout(inputs, rate=float(rate), seed=seed)
    from .arithmetic import multiply
    shape = tuple(n if m is None else m for n, m in zip(inputs.shape, noise_shape, strict=True))
    ones = constant([1.0], str(inputs.dtype))
    from .shape import broadcast_to
    return multiply(inputs, _dropout(broadcast_to(ones, shape), rate=float(rate), seed=seed))
