"""Builds CUDA source with g++ against the shim, once a content; many test processes may ask at once."""
import contextlib
import ctypes
import fcntl
import functools
import hashlib
import os
import platform
import re
import stat
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
HEADERS = [HERE / name for name in ("fibers.h", "shim.h", "export.h")]
FLAGS = (
    "-std=c++17", "-O1", "-fexpensive-optimizations",      # compiling takes longer than running
    "-march=native", "-fno-strict-aliasing", "-fwrapv", "-shared", "-fPIC", "-w",
    "-ffp-contract=fast",                           # NVRTC, too, fuses a * b + c
    "-fno-gnu-unique",                              # shared memory in templates is each library's own
    "-fsanitize=alignment,bounds", "-fsanitize-undefined-trap-on-error",
)
# KERNEL(256) name(...), as common.cuh defines it, or spelled out
KERNEL = re.compile(r'(?:\nKERNEL|extern\s+"C"\s+__global__\s+void)\s*'
                    r'(?:(?:__launch_bounds__\s*)?\(([^)]*)\)\s*)?\b(?!__)(\w+)\s*\(')


class BuildError(RuntimeError):
    """The host compiler refused a CUDA source; the message holds what it said."""


def kernel_names(code: str) -> list[str]:
    return [name for _, name in KERNEL.findall(code)]


def launch_bounds(code: str) -> dict[str, int]:
    """Kernel -> the largest block that it may be launched with."""
    bounds = {name: bound.partition(",")[0].strip() for bound, name in KERNEL.findall(code)}
    return {name: int(bound) if bound.isdigit() else 1024 for name, bound in bounds.items()}


def program(code: str, options) -> str:
    """The whole C++ text. Macros come after the shim, which may use names like T itself."""
    defines = [option[2:].partition("=") for option in options if option.startswith("-D")]
    return "\n".join([
        '#include "export.h"',
        *(f"#define {key} {value or 1}" for key, _, value in defines),
        '#line 1 "kernel.cu"',
        code,
        *(f"SHIM_EXPORT({name})" for name in kernel_names(code)),
        "",
    ])


@functools.cache
def folder() -> Path:
    """A private folder: what lies in it is code that this process will run."""
    chosen = os.environ.get("GPUNN_SIM_CACHE")
    path = Path(chosen) if chosen else Path(tempfile.gettempdir()) / f"gpunn-sim-{os.getuid()}"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.stat()
    if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o022:
        raise PermissionError(f"{path} can be written by others: remove it, or set GPUNN_SIM_CACHE")
    return path


@functools.cache
def machine() -> str:
    """-march=native makes code for this processor only."""
    cpu = Path("/proc/cpuinfo")
    flags = re.search(r"^(?:flags|Features)\s*:.*", cpu.read_text(), re.M) if cpu.exists() else None
    return f"{platform.machine()} {flags[0] if flags else platform.processor()}"


def build(code: str, options=()) -> Path:
    """The shared library of this source."""
    text = program(code, options)
    path = folder() / f"{digest(text, shim())}.so"
    with once(path) as temporary:
        if temporary:
            compile_to(temporary, text)
    return path


def digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:24]


@functools.cache
def shim() -> str:
    return digest(*(path.read_text() for path in HEADERS), *FLAGS, machine())


@functools.cache
def precompiled() -> Path:
    """The folder of the headers as the compiler keeps them: half of its time went into reading them."""
    header = folder() / f"{shim()}.headers" / "export.h.gch"
    header.parent.mkdir(mode=0o700, exist_ok=True)
    with once(header) as temporary:
        if temporary:
            compiled(temporary, "-x", "c++-header", str(HERE / "export.h"))
    return header.parent


@contextlib.contextmanager
def once(path: Path):
    """A name to write under, which becomes `path` as a whole; None where `path` is there."""
    if path.exists():
        yield None
        return
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)            # a second process waits instead of doing the same again
        temporary = None if path.exists() else path.with_suffix(f".{os.getpid()}.tmp")
        yield temporary
        if temporary:
            os.replace(temporary, path)


def compile_to(path: Path, text: str) -> None:
    compiled(path, f"-I{precompiled()}", f"-I{HERE}", "-x", "c++", "-", text=text)


def compiled(path: Path, *words: str, text: str = "") -> None:
    result = subprocess.run(["g++", *FLAGS, *words, "-o", str(path)], input=text, capture_output=True, text=True)
    if result.returncode:
        raise BuildError(result.stderr)


def load(code: str, options=()) -> ctypes.PyDLL:
    """PyDLL keeps the interpreter lock: the shim runs one grid at a time."""
    library = ctypes.PyDLL(str(build(code, options)))
    library.shim_message.restype = ctypes.c_char_p
    return library
