"""Sequences of different lengths."""
from ..utils.arrays import pad_sequences  # noqa: F401
