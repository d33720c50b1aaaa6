"""Real data: `mnist`, `fashion_mnist`, `cifar10`, `cifar100` are found or fetched; `mnist_5k`, `digits`, `titanic` are
here."""
import importlib

__all__ = ["cifar10", "cifar100", "digits", "fashion_mnist", "mnist", "mnist_5k", "titanic"]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'gpunn.datasets' has no attribute {name!r}; it has {', '.join(__all__)}")
