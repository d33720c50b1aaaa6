"""Random numbers with Keras' names."""
# ruff: noqa: I001 - long lists of names, filled
from .ops.random import (SeedGenerator, beta, binomial, categorical, dropout, gamma, normal, randint, shuffle,
                         truncated_normal, uniform)

__all__ = ["SeedGenerator", "beta", "binomial", "categorical", "dropout", "gamma", "normal", "randint", "shuffle",
           "truncated_normal", "uniform"]
