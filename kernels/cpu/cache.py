"""Where compiled CPU kernels are kept: a private folder named by the kernels' sources and the processor."""
import functools
import hashlib
import os
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numba
from llvmlite import binding

SOURCES = Path(__file__).parent


def digest() -> str:
    """Numba looks only at one file's time stamp; a change in another file, or another processor, must miss too."""
    text = b"".join(path.read_bytes() for path in [*sorted(SOURCES.glob("*.py")), SOURCES.parent / "formulas.py"])
    machine = f"{numba.__version__} {binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()}"
    return hashlib.sha256(text + machine.encode()).hexdigest()[:16]


def candidates():
    if "GPUNN_CACHE_DIR" in os.environ:
        yield Path(os.environ["GPUNN_CACHE_DIR"])
    yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gpunn"
    yield Path(tempfile.gettempdir()) / f"gpunn-{os.getuid() if hasattr(os, 'getuid') else 'user'}"


def private(folder: Path) -> bool:
    """Ours alone: cached kernels are machine code that this process will run."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError:
        return False
    if not hasattr(os, "getuid"):
        return os.access(folder, os.W_OK)
    return status.st_uid == os.getuid() and not stat.S_IMODE(status.st_mode) & 0o022 and os.access(folder, os.W_OK)


@functools.cache
def folder() -> Path | None:
    """The first private place; None when there is no such place, and nothing is cached."""
    for base in candidates():
        path = base / f"numba-{digest()}"
        if private(path):
            return path
    return None


@contextmanager
def kernel_cache():
    """While the kernel modules are imported, Numba caches into our folder; afterwards the user's setting is back."""
    before, path = numba.config.CACHE_DIR, folder()
    numba.config.CACHE_DIR = str(path or before)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before
