"""`gpunn doctor`: what this machine has for gpunn, what it lacks, and the line that repairs it."""
import ctypes
import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from . import __version__
from .backend import cuda

PACKAGES = ("numpy", "numba", "llvmlite", "tqdm")


def main(require: str | None = None) -> int:
    """Print the report; 1 when what is required cannot be used."""
    problems: list[str] = []
    report = {"machine": machine(), "packages": packages(), "CPU": cpu(), "GPU": gpu(problems)}
    for title, rows in report.items():
        print(title)
        for name, value in rows:
            print(f"  {name:<14}{value}")
    for line in [f"to repair: {problem}" for problem in problems] or ["the GPU is ready"]:
        print(line)
    return int(require == "cuda" and bool(problems))


def machine() -> list[tuple[str, str]]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return [("system", platform.platform()), ("Python", f"{platform.python_version()} ({sys.executable})"),
            ("processors", str(usable))]


def packages() -> list[tuple[str, str]]:
    return [("gpunn", __version__), *((name, version(name)) for name in PACKAGES)]


def version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def cpu() -> list[tuple[str, str]]:
    """Which threads run the CPU kernels and where they are kept once compiled."""
    try:
        from .kernels.cpu import cache, fork
        layer = f"{fork.threading_layer()}, {fork.threads()} threads"
    except (ImportError, ValueError) as error:
        return [("kernels", f"cannot run: {error}"), ("to repair", "pip install --upgrade numba")]
    folder = cache.folder()
    nowhere = "none: no private folder can be written, every start compiles anew; set GPUNN_CACHE_DIR to one"
    return [("threads", layer), ("kernel cache", str(folder or nowhere))]


def gpu(problems: list[str]) -> list[tuple[str, str]]:
    """The rows of the GPU; what is missing is added to the problems, the driver first."""
    rows = [("driver", driver(problems)), ("CuPy", cupy_wheels(problems))]
    generation = 13 if "cupy-cuda13x" in cuda.wheels() else 12
    rows += [("NVRTC", library("NVRTC", f"libnvrtc.so.{generation}", generation, problems)),
             ("cuBLASLt", products(generation)), ("cuDNN", convolutions(generation))]
    if not problems:
        reason = cuda.why_not()
        rows.append(("device", reason or cuda.cuda_backend(0).describe()))
        problems += [reason] if reason else []
    return rows


def driver(problems: list[str]) -> str:
    name = cuda.driver_library()
    try:
        library, number = ctypes.CDLL(name), ctypes.c_int()
    except OSError as error:
        problems.append(f"install the NVIDIA driver ({name} is missing); a container needs --gpus all")
        return f"not found ({error})"
    library.cuDriverGetVersion(ctypes.byref(number))
    return f"{name}, for CUDA up to {number.value // 1000}.{number.value % 1000 // 10}"


def cupy_wheels(problems: list[str]) -> str:
    found = cuda.wheels()
    if not found:
        problems.append("pip install 'gpunn[cuda12]'   (or gpunn[cuda13] for a driver of CUDA 13)")
        return "not installed"
    if len(found) > 1:
        problems.append(f"CuPy is there {len(found)} times and the copies break each other: "
                        f"pip uninstall {' '.join(found)}; then pip install one of them again")
    return ", ".join(f"{name} {version(name)}" for name in found)


def products(generation: int) -> str:
    """cuBLASLt need not be there."""
    from .kernels.cuda.cublaslt import found
    lt, where = found()
    if lt is None:
        return f"not found: gpunn's own kernels multiply, slower; pip install 'cupy-cuda{generation}x[ctk]'"
    version = lt.cublasLtGetVersion()
    return f"{where}, version {version // 10000}.{version // 100 % 100}.{version % 100}"


def convolutions(generation: int) -> str:
    """Nor need cuDNN."""
    if (found := version("nvidia-cudnn-frontend")) != "not installed":
        return f"frontend {found}"
    return f"{found}: gpunn's own kernels convolve; pip install 'gpunn[cudnn]' nvidia-cudnn-cu{generation}"


def library(name: str, soname: str, generation: int, problems: list[str]) -> str:
    """Where a CUDA library lies: in a package beside CuPy, in CUDA_PATH, or where the system finds it."""
    for folder in library_folders():
        if (folder / soname).exists():
            return str(folder / soname)
    try:
        ctypes.CDLL(soname)
    except OSError:
        problems.append(f"{name} ({soname}) is not found: pip install 'cupy-cuda{generation}x[ctk]'")
        return f"not found ({soname})"
    return f"{soname}, found by the system"


def library_folders():
    for place in map(Path, sys.path):
        yield from place.glob("nvidia/*/lib")
    for variable in ("CUDA_PATH", "CUDA_HOME"):
        if variable in os.environ:
            yield Path(os.environ[variable]) / "lib64"
    yield Path("/usr/local/cuda/lib64")
