"""Where a case runs: the CPU kernels, the CUDA sources on the CPU (sim), and a GPU where there is one."""
import importlib
from contextlib import nullcontext

import numpy as np

from gpunn.kernels.cuda import cublaslt, cudnn, launch
from tests import sim
from tests.sim.memory import guarded


class Cpu:
    name = "cpu"
    library = np

    def __init__(self):
        self.kernels = importlib.import_module("gpunn.kernels.cpu")

    def put(self, a: np.ndarray):
        there = guarded(a.nbytes).view(a.dtype).reshape(a.shape)
        there[...] = a
        return there

    def get(self, a) -> np.ndarray:
        return np.array(a)

    def schedules(self):
        return [nullcontext()]


class Sim:
    name = "sim"

    def __init__(self):
        self.library = sim.install()
        self.kernels = importlib.import_module("gpunn.kernels.cuda")

    def put(self, a: np.ndarray):
        return self.library.asarray(a)

    def get(self, a) -> np.ndarray:
        return self.library.asnumpy(a)

    def schedules(self):
        """Three random orders of threads, warps and blocks."""
        return [self.library.schedule(seed) for seed in (1, 2, 3)]


class Cuda(Sim):
    name = "cuda"

    def __init__(self):
        self.library = importlib.import_module("cupy")
        launch.libraries[self.library.ndarray] = self.library
        cublaslt.serve(self.library)
        cudnn.serve(self.library)
        self.kernels = importlib.import_module("gpunn.kernels.cuda")

    def schedules(self):
        return [nullcontext()]


def has_gpu() -> bool:
    try:
        return bool(importlib.import_module("cupy").cuda.is_available())
    except ImportError:
        return False


DEVICES = {"cpu": Cpu, "sim": Sim} | ({"cuda": Cuda} if has_gpu() else {})
