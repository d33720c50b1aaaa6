"""The CUDA sources on the CPU: `install()` serves gpunn's CUDA launchers and backend with a stand-in for CuPy."""
import functools


@functools.cache
def install():
    """Arrays of the stand-in run the CUDA kernels, and `gpunn.backend.use("sim")` chooses it; returns the stand-in."""
    from gpunn import backend
    from gpunn.backend.cuda import CudaBackend
    from gpunn.kernels.cuda import launch

    from . import facade
    launch.libraries[facade.ndarray] = facade
    backend.register("sim", functools.cache(lambda number: CudaBackend(facade, "sim")))
    return facade
