"""Settings of the whole program, with Keras' names."""
# ruff: noqa: F401, F811, I001 - these are its names
from ._config import (disable_interactive_logging, dtype_policy, enable_interactive_logging, epsilon, floatx,
                      image_data_format, is_interactive_logging_enabled, set_dtype_policy, set_epsilon,
                      set_floatx, set_image_data_format)
from ._names import one_of
from .backend import backend, use


def set_backend(backend: str):
    """Choose by library what `gpunn.use` chooses by device: "numpy", "cupy", or "auto"."""
    devices = {"numpy": "cpu", "cupy": "cuda", "auto": "auto"}
    use(devices[one_of("set_backend", "backend", backend, tuple(devices))])
