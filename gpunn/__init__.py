"""gpunn: neural-network training for NVIDIA GPUs from Python, and the same program fast on the CPU.

Sub-modules and names are imported when they are first used: `import gpunn` loads neither Numba nor CuPy.
"""
import importlib

__version__ = "0.1.0"

_MODULES = ("activations", "backend", "callbacks", "classic", "config", "constraints", "datasets", "distribution",
            "dtype_policies", "initializers", "layers", "losses", "metrics", "mixed_precision", "models", "ops",
            "optimizer", "optimizers", "preprocessing", "random", "recipes", "regularizers", "saving", "storage",
            "tree", "utils", "visualization", "viz", "wrappers")

_NAMES = {
    "DTypePolicy": "_config",
    "FloatDTypePolicy": "dtype_policies",
    "Function": "models.graph",
    "Initializer": "initializers",
    "Input": "layers.input",
    "InputSpec": "layers.input_spec",
    "KerasTensor": "ops.operators",
    "Layer": "layers.layer",
    "Loss": "losses.loss",
    "Metric": "metrics.metric",
    "Model": "models.model",
    "Operation": "symbol",
    "Optimizer": "optimizers.optimizer",
    "Regularizer": "regularizers",
    "Sequential": "models.sequential",
    "Symbol": "ops.operators",
    "Tensor": "ops.operators",
    "Variable": "initializers",
    "device": "backend",
    "grad": "tensor",
    "name_scope": "_names",
    "no_grad": "tensor",
    "set_num_threads": "backend.cpu",
    "set_seed": "backend.rng",
    "use": "backend",
    "value_and_grad": "tensor",
}

__all__ = ["__version__", "version", *_MODULES, *_NAMES]


def version() -> str:
    return __version__


def __getattr__(name):
    if name == "optimizer":             # the module's old name
        name = "optimizers"
    if name in _MODULES:
        return importlib.import_module(f"gpunn.{name}")
    if name in _NAMES:
        value = getattr(importlib.import_module(f"gpunn.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'gpunn' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
