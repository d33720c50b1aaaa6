"""Random numbers with Keras' names."""
from .ops.random import SeedGenerator, categorical, dropout, normal, randint, shuffle, truncated_normal, uniform

__all__ = ["SeedGenerator", "categorical", "dropout", "normal", "randint", "shuffle", "truncated_normal", "uniform"]
