"""Sequences of different lengths."""
from ..utils.sequences import pad_sequences

__all__ = ["pad_sequences"]
