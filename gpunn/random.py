"""Random numbers with Keras' names."""
# ruff: noqa: F401, I001 - these are its names, filled
from .ops.random import (SeedGenerator, beta, binomial, categorical, dropout, gamma, normal, randint, shuffle,
                         truncated_normal, uniform)
