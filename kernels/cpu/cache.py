"""Where compiled CPU kernels are kept: a private folder named by the kernels' sources and the processor."""
import functools
import hashlib
import pickle
import sys
from contextlib import suppress
from pathlib import Path

import numba
from llvmlite import binding
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.runtime import _nrt_python
from numba.core.serialize import dumps

from ..private import keep, private_folder

SOURCES = Path(__file__).parent


def digest() -> str:
    """A change in any file must miss, and so must another processor, Python or Numba."""
    text = b"".join(path.read_bytes() for path in [*sorted(SOURCES.glob("*.py")), SOURCES.parent / "formulas.py"])
    machine = (sys.version, numba.__version__, numba.config.CPU_NAME, numba.config.CPU_FEATURES,
               binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten())
    return hashlib.sha256(text + str(machine).encode()).hexdigest()[:16]


@functools.cache
def folder() -> Path | None:
    """None when no place is private, and nothing is cached."""
    return private_folder(f"numba-{digest()}")


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
        """Addresses of this process are not for others."""
        *parts, environments = cres._reduce()
        data = dumps((*parts, [e for e in environments if e.consts]))       # the others say where the source was
        if not cres.library.has_dynamic_globals:
            keep(self.path(sig), hashlib.sha256(data).digest() + data)
