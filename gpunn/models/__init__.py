"""Models: Sequential, functional graphs, and subclasses; how they are trained."""
from .model import Functional, Model
from .sequential import Sequential

__all__ = ["Functional", "Model", "Sequential"]
