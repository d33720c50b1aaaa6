"""The CUDA sources on the CPU: `install()` serves CUDA launchers and backend with a stand-in for CuPy."""
import functools


@functools.cache
def install():
    """The stand-in, whose arrays run the CUDA kernels; `gpunn.backend.use("sim")` chooses it."""
    from gpunn import backend
    from gpunn.backend.cuda import CudaBackend
    from gpunn.kernels.cuda import launch

    from . import facade
    launch.libraries[facade.ndarray] = facade
    backend.register("sim", functools.cache(lambda number: CudaBackend(facade, "sim")))
    return facade
