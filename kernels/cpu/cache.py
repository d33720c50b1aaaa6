"""Where compiled CPU kernels are kept: a private folder named by the kernels' sources and the processor."""
import functools
import hashlib
import os
import pickle
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import numba
from llvmlite import binding
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.runtime import _nrt_python
from numba.core.serialize import dumps

SOURCES = Path(__file__).parent


def digest() -> str:
    """A change in any file must miss, and so must another processor, Python or Numba."""
    text = b"".join(path.read_bytes() for path in [*sorted(SOURCES.glob("*.py")), SOURCES.parent / "formulas.py"])
    machine = (sys.version, numba.__version__, numba.config.CPU_NAME, numba.config.CPU_FEATURES,
               binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten())
    return hashlib.sha256(text + str(machine).encode()).hexdigest()[:16]


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
    if hasattr(os, "getuid") and (status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o022):
        return False
    return os.access(folder, os.W_OK)


@functools.cache
def folder() -> Path | None:
    """The first private place; None when there is no such place, and nothing is cached."""
    for base in candidates():
        path = base / f"numba-{digest()}"
        if private(path):
            return path
    return None


@functools.cache
def name_memory():
    """What kernels call for arrays of their own. Numba does the same, and compiles what counts references."""
    for name, place in _nrt_python.c_helpers.items():
        binding.add_symbol(name if name.startswith("_") else f"NRT_{name}", place)


class Store(NullCache):
    """The compiled versions of one kernel, a file each: what a call needs, not what a compiler would."""

    def __init__(self, f):
        self.name = f"{f.__module__.removeprefix(__package__ + '.')}.{f.__name__}"

    def path(self, kinds) -> Path:
        return folder() / f"{self.name}-{hashlib.sha256(str(kinds).encode()).hexdigest()[:16]}.bin"

    def load_overload(self, sig, target_context):
        """None where there is no file, or a damaged one: then it is compiled."""
        with suppress(OSError):
            data = self.path(sig).read_bytes()
            if hashlib.sha256(data[32:]).digest() == data[:32]:
                name_memory()
                return CompileResult._rebuild(target_context, *pickle.loads(data[32:]))

    def save_overload(self, sig, cres):
        """All at once; a full disk is no reason to stop. Addresses of this process are not for others."""
        *parts, environments = cres._reduce()
        data = dumps((*parts, [e for e in environments if e.consts]))       # the others say where the source was
        unfinished = self.path(sig).with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            if not cres.library.has_dynamic_globals:
                unfinished.write_bytes(hashlib.sha256(data).digest() + data)
                unfinished.replace(self.path(sig))
