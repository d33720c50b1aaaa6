"""NVRTC by ctypes: what a CUDA source compiles to on an architecture, without CuPy, driver or GPU."""
import ctypes
import hashlib
import json
import re
import sys
from pathlib import Path

from tests.sim import build

PLACES = {12: "nvidia/cuda_nvrtc/lib/libnvrtc.so.12", 13: "nvidia/cu13/lib/libnvrtc.so.13"}
WHEELS = {12: "nvidia-cuda-nvrtc-cu12", 13: "'nvidia-cuda-nvrtc>=13'"}
COUNTS = {"registers": r"Used (\d+) registers", "spill": r"(\d+) bytes spill stores",
          "reload": r"(\d+) bytes spill loads", "stack": r"(\d+) bytes stack frame",
          "shared": r"(\d+) bytes smem"}


class Nvrtc:
    """One major version of the compiler, from its wheel; two majors live side by side."""

    def __init__(self, major: int):
        found = [path for folder in sys.path if (path := Path(folder) / PLACES[major]).exists()]
        if not found:
            raise FileNotFoundError(f"NVRTC {major} is missing: pip install {WHEELS[major]}")
        self.library = ctypes.CDLL(str(found[0]))
        major, minor = ctypes.c_int(), ctypes.c_int()
        self.ask("nvrtcVersion", ctypes.byref(major), ctypes.byref(minor))
        self.version = f"{major.value}.{minor.value}"

    def ask(self, function: str, *args) -> None:
        if status := getattr(self.library, function)(*args):
            raise RuntimeError(f"{function} failed with status {status}")

    def architectures(self) -> list[int]:
        count = ctypes.c_int()
        self.ask("nvrtcGetNumSupportedArchs", ctypes.byref(count))
        numbers = (ctypes.c_int * count.value)()
        self.ask("nvrtcGetSupportedArchs", numbers)
        return sorted(numbers)

    def compile(self, code: str, options: tuple, architecture: int) -> dict[str, dict[str, int]]:
        """Kernel -> registers, spills, stack, shared memory; kept by content."""
        options = (*options, f"--gpu-architecture=sm_{architecture}", "--ptxas-options=-v")
        key = hashlib.sha256("\0".join([self.version, code, *options]).encode()).hexdigest()[:24]
        kept = build.folder() / f"nvrtc-{key}.json"
        with build.once(kept) as temporary:
            if temporary:
                temporary.write_text(json.dumps(usage(self.log(code, options))))
        return json.loads(kept.read_text())

    def log(self, code: str, options: tuple) -> str:
        """What the compiler says; raises with it when it refuses."""
        program, size = ctypes.c_void_p(), ctypes.c_size_t()
        self.ask("nvrtcCreateProgram", ctypes.byref(program), code.encode(), b"kernel.cu", 0, None, None)
        flags = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        status = self.library.nvrtcCompileProgram(program, len(options), flags)
        self.ask("nvrtcGetProgramLogSize", program, ctypes.byref(size))
        text = ctypes.create_string_buffer(size.value)
        self.ask("nvrtcGetProgramLog", program, text)
        self.ask("nvrtcDestroyProgram", ctypes.byref(program))
        if status:
            raise RuntimeError(f"NVRTC {self.version} {' '.join(options)}:\n{text.value.decode()}")
        return text.value.decode()


def usage(log: str) -> dict[str, dict[str, int]]:
    """The figures that ptxas prints for each kernel."""
    found = {}
    for section in log.split("Compiling entry function ")[1:]:
        figures = {name: re.search(pattern, section) for name, pattern in COUNTS.items()}
        kernel = re.match(r"'(\w+)'", section)[1]
        found[kernel] = {name: int(match[1]) if match else 0 for name, match in figures.items()}
    return found
