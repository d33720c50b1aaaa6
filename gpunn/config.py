"""Settings of the whole program, with Keras' names."""
from . import _config
from ._config import (
    disable_interactive_logging,
    dtype_policy,
    enable_interactive_logging,
    epsilon,
    floatx,
    image_data_format,
    is_interactive_logging_enabled,
    set_dtype_policy,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from .backend import device, use

_DEVICES = {"numpy": "cpu", "cupy": "cuda", "auto": "auto"}

__all__ = ["backend", "disable_interactive_logging", "dtype_policy", "enable_interactive_logging", "epsilon", "floatx",
           "image_data_format", "is_interactive_logging_enabled", "set_backend", "set_dtype_policy", "set_epsilon",
           "set_floatx", "set_image_data_format"]


def backend() -> str:
    """The library whose arrays are in use: "numpy" on the CPU, "cupy" on a GPU."""
    return "numpy" if device() == "cpu" else "cupy"


def set_backend(backend: str):
    """Choose by library what `gpunn.use` chooses by device: "numpy", "cupy", or "auto"."""
    use(_DEVICES[_config._known("set_backend", backend, tuple(_DEVICES))])
