"""Activations that dense and convolution kernels compute in the same pass."""
from .. import activations

FUSED = {activations.linear: "linear", activations.relu: "relu", activations.sigmoid: "sigmoid", activations.tanh: "tanh"}
