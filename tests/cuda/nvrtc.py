"""NVRTC by ctypes: what a CUDA source compiles to on an architecture, without CuPy, driver or GPU."""
import base64
import ctypes
import itertools
import json
import re
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.sim import build

PLACES = {12: "nvidia/cuda_nvrtc/lib/libnvrtc.so.12", 13: "nvidia/cu13/lib/libnvrtc.so.13"}
NVDISASM = "nvidia/cu13/bin/nvdisasm"
WHEELS = {12: "nvidia-cuda-nvrtc-cu12", 13: "'nvidia-cuda-nvrtc>=13'"}
INSTRUCTION = 16                # bytes
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
        return usage(self.kept(code, options, architecture)["log"])

    def opcodes(self, codes: list[str], options: tuple, architecture: int) -> list[dict[str, dict[str, int]]]:
        """Of each source: kernel -> how often it holds each instruction of the GPU."""
        texts = [sections(base64.b85decode(self.kept(code, options, architecture)["cubin"])) for code in codes]
        opcodes = iter(disassembled(b"".join(part for text in texts for part in text.values()), architecture))
        return [{kernel: Counter(itertools.islice(opcodes, len(part) // INSTRUCTION)) for kernel, part in text.items()}
                for text in texts]

    def kept(self, code: str, options: tuple, architecture: int) -> dict[str, str]:
        options = (*options, f"--gpu-architecture=sm_{architecture}", "--ptxas-options=-v")
        kept = build.folder() / f"compiled-{build.digest(self.version, code, *options)}.json"
        with build.once(kept) as temporary:
            if temporary:
                log, cubin = self.built(code, options)
                temporary.write_text(json.dumps({"log": log, "cubin": base64.b85encode(cubin).decode()}))
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


def sections(cubin: bytes) -> dict[str, bytes]:
    """Kernel -> its code, by the table of sections that an ELF file ends with."""
    table, = struct.unpack_from("<Q", cubin, 40)
    count, names = struct.unpack_from("<HH", cubin, 60)
    rows = [struct.unpack_from("<II4Q", cubin, table + 64 * i) for i in range(count)]
    def name(row):
        start = rows[names][4] + row[0]
        return cubin[start:cubin.index(b"\0", start)].decode()
    return {name(row).removeprefix(".text."): cubin[row[4]:row[4] + row[5]]
            for row in rows if name(row).startswith(".text.")}


def disassembled(code: bytes, architecture: int) -> list[str]:
    """The instructions with their modifiers; all at once, for the program takes half a second to begin."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(code)
        file.flush()
        command = [installed(NVDISASM, "nvidia-cuda-nvdisasm"), "--binary", f"SM{architecture}", "-ndf", file.name]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.findall(r"/\*[0-9a-f]{4,}\*/\s+(?:@\S+\s+)?([A-Z][\w.]*)", listing)
    assert len(found) == len(code) // INSTRUCTION
    return found


def usage(log: str) -> dict[str, dict[str, int]]:
    """The figures that ptxas prints for each kernel."""
    found = {}
    for section in log.split("Compiling entry function ")[1:]:
        figures = {name: re.search(pattern, section) for name, pattern in COUNTS.items()}
        kernel = re.match(r"'(\w+)'", section)[1]
        found[kernel] = {name: int(match[1]) if match else 0 for name, match in figures.items()}
    return found
