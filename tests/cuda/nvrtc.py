"""NVRTC by ctypes: what a CUDA source compiles to on an architecture, without CuPy, driver or GPU."""
import ctypes
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.sim import build

PLACES = {12: "nvidia/cuda_nvrtc/lib/libnvrtc.so.12", 13: "nvidia/cu13/lib/libnvrtc.so.13"}
NVDISASM = "nvidia/cu13/bin/nvdisasm"
WHEELS = {12: "nvidia-cuda-nvrtc-cu12", 13: "'nvidia-cuda-nvrtc>=13'"}
COUNTS = {"registers": r"Used (\d+) registers", "spill": r"(\d+) bytes spill stores",
          "reload": r"(\d+) bytes spill loads", "stack": r"(\d+) bytes stack frame",
          "shared": r"(\d+) bytes smem"}


class Nvrtc:
    """One major version of the compiler, from its wheel; two majors live side by side."""

    def __init__(self, major: int):
        self.library = ctypes.CDLL(str(installed(PLACES[major], WHEELS[major])))
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
        return self.kept("nvrtc", lambda log, _: usage(log), code, options, architecture)

    def opcodes(self, code: str, options: tuple, architecture: int) -> dict[str, dict[str, int]]:
        """Kernel -> how often it holds each instruction of the GPU; kept by content."""
        return self.kept("sass", lambda _, cubin: opcodes(disassembled(cubin)), code, options, architecture)

    def kept(self, kind: str, facts, code: str, options: tuple, architecture: int) -> dict:
        options = (*options, f"--gpu-architecture=sm_{architecture}", "--ptxas-options=-v")
        key = hashlib.sha256("\0".join([self.version, code, *options]).encode()).hexdigest()[:24]
        kept = build.folder() / f"{kind}-{key}.json"
        with build.once(kept) as temporary:
            if temporary:
                temporary.write_text(json.dumps(facts(*self.built(code, options))))
        return json.loads(kept.read_text())

    def built(self, code: str, options: tuple) -> tuple[str, bytes]:
        """What the compiler says, and the machine code; raises with the former when it refuses."""
        program, size = ctypes.c_void_p(), ctypes.c_size_t()
        self.ask("nvrtcCreateProgram", ctypes.byref(program), code.encode(), b"kernel.cu", 0, None, None)
        flags = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        status = self.library.nvrtcCompileProgram(program, len(options), flags)
        self.ask("nvrtcGetProgramLogSize", program, ctypes.byref(size))
        text = ctypes.create_string_buffer(size.value)
        self.ask("nvrtcGetProgramLog", program, text)
        if status:
            raise RuntimeError(f"NVRTC {self.version} {' '.join(options)}:\n{text.value.decode()}")
        self.ask("nvrtcGetCUBINSize", program, ctypes.byref(size))
        cubin = ctypes.create_string_buffer(size.value)
        self.ask("nvrtcGetCUBIN", program, cubin)
        self.ask("nvrtcDestroyProgram", ctypes.byref(program))
        return text.value.decode(), cubin.raw


def installed(place: str, wheel: str) -> Path:
    found = [path for folder in sys.path if (path := Path(folder) / place).exists()]
    if not found:
        raise FileNotFoundError(f"{place} is missing: pip install {wheel}")
    return found[0]


def disassembled(cubin: bytes) -> str:
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        command = [installed(NVDISASM, "nvidia-cuda-nvdisasm"), "-c", file.name]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def opcodes(sass: str) -> dict[str, dict[str, int]]:
    """Kernel -> instruction with its modifiers -> how often it stands there."""
    found = {}
    for section in re.split(r"\n\s*\.section\s+\.text\.", sass)[1:]:
        lines = re.findall(r"/\*[0-9a-f]{4,}\*/\s+(?:@\S+\s+)?([A-Z][\w.]*)", section)
        found[re.match(r"\w+", section)[0]] = Counter(lines)
    return found


def usage(log: str) -> dict[str, dict[str, int]]:
    """The figures that ptxas prints for each kernel."""
    found = {}
    for section in log.split("Compiling entry function ")[1:]:
        figures = {name: re.search(pattern, section) for name, pattern in COUNTS.items()}
        kernel = re.match(r"'(\w+)'", section)[1]
        found[kernel] = {name: int(match[1]) if match else 0 for name, match in figures.items()}
    return found
