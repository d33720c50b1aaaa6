"""Settings of the whole program, with Keras' names."""
# ruff: noqa: F401, F811, I001 - these are its names
from ._config import (disable_interactive_logging, dtype_policy, enable_interactive_logging, epsilon, floatx,
                      image_data_format, is_interactive_logging_enabled, set_dtype_policy, set_epsilon,
                      set_floatx, set_image_data_format)
from ._names import one_of
from .backend import backend, use
from .backend.memory import moved


def set_backend(backend: str):
    """Choose by library what `gpunn.use` chooses by device: "numpy", "cupy", or "auto"."""
    devices = {"numpy": "cpu", "cupy": "cuda", "auto": "auto"}
    use(devices[one_of("set_backend", "backend", backend, tuple(devices))])


def set_matmul_precision(precision: str):
    """How a GPU multiplies float32 matrices, in convolutions too: "highest" as they are, "high" (at first) rounded to
    TF32, "medium" to bfloat16; sums are float32. A CPU, and a GPU before sm_80, multiply them as they are."""
    from .kernels.cuda import launch
    launch.settings["matmul_precision"] = one_of("set_matmul_precision", "precision", precision,
                                                 tuple(launch.PRECISIONS))
    moved()                                         # recorded steps hold other kernels


def matmul_precision() -> str:
    """"highest", "high" or "medium"."""
    from .kernels.cuda import launch
    return launch.settings["matmul_precision"]
