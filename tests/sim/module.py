"""RawModule on the host: called as CuPy's, but what CuPy does not check and a GPU misreads raises here."""
import contextlib
import ctypes
import functools
import itertools

import numpy as np

from . import build, capture, traffic
from .array import SimArray

MAX_GRID = (2**31 - 1, 65535, 65535)
MAX_BLOCK = (1024, 1024, 64)
SHARED = 48 << 10                       # more must be asked for by max_dynamic_shared_size_bytes
# C type -> NumPy types of its size and meaning
SAME = {"?": "?B", "B": "?Bb", "b": "bB", "h": "hH", "H": "hHe", "i": "iI", "I": "iI", "q": "lqLQ",
        "Q": "lqLQ", "e": "e", "v": "V", "f": "f", "d": "d"}

launched: set[tuple[str, str]] = set()  # (source, kernel name) of all that has run


class LaunchError(RuntimeError):
    """A kernel did what a GPU would punish, or worse, would not."""


class _Schedule:
    seed, turn = 1, itertools.count()


@contextlib.contextmanager
def schedule(seed: int):
    """Threads, warps and blocks run in an order drawn from this seed; 0 is the natural order."""
    before = _Schedule.seed, _Schedule.turn
    _Schedule.seed, _Schedule.turn = seed, itertools.count()
    try:
        yield
    finally:
        _Schedule.seed, _Schedule.turn = before


def _next_seed() -> int:
    return _Schedule.seed and _Schedule.seed * 1_000_003 + next(_Schedule.turn)


class RawModule:
    def __init__(self, *, code: str, options=(), backend="nvrtc", name_expressions=None, jitify=False):
        self.code, self.options = code, tuple(options)

    def get_function(self, name: str) -> "Kernel":
        return _kernel(self.code, self.options, name)


@functools.cache
def _library(code: str, options: tuple):
    return build.load(code, options)


@functools.cache
def _kernel(code: str, options: tuple, name: str) -> "Kernel":
    if name not in build.kernel_names(code):
        raise LaunchError(f"the source has no kernel {name!r}; it has {', '.join(build.kernel_names(code))}")
    return Kernel(_library(code, options), code, name)


class Kernel:
    def __init__(self, library, code: str, name: str):
        self.library, self.code, self.name = library, code, name
        self.function = getattr(library, f"{name}__launch")
        self.bound = build.launch_bounds(code)[name]
        self.max_dynamic_shared_size_bytes = SHARED
        text, sizes = ctypes.create_string_buffer(257), (ctypes.c_int * 128)()
        getattr(library, f"{name}__describe")(text, sizes)
        kinds = text.value.decode()
        self.parameters = [(kinds[2 * i:2 * i + 2], sizes[i]) for i in range(len(kinds) // 2)]

    def __call__(self, grid, block, args, *, shared_mem: int = 0, stream=None) -> None:
        grid, block = (*grid, 1, 1)[:3], (*block, 1, 1)[:3]
        self._check_size(grid, block, shared_mem)
        if len(args) != len(self.parameters):
            raise TypeError(f"{self.name}: {len(args)} arguments, the kernel takes {len(self.parameters)}")
        values = [self._value(i, a, *p) for i, (a, p) in enumerate(zip(args, self.parameters))]
        held = [a.host for a in args if isinstance(a, SimArray)]
        if (graph := capture.recording()) is not None:
            hosts = [a.host if isinstance(a, SimArray) else None for a in args]
            graph.moved.append(traffic.moved(self.code, self.name, hosts))
        capture.submit(self.name, self._run, (*grid, *block), shared_mem, values, held)

    def _run(self, size, shared_mem: int, values: list, held: list) -> None:
        pointers = (ctypes.c_void_p * len(values))(*(v.ctypes.data for v in values))
        failed = self.function((ctypes.c_uint * 6)(*size), ctypes.c_size_t(shared_mem),
                               ctypes.c_uint64(_next_seed()), pointers)
        launched.add((self.code, self.name))
        if failed:
            raise LaunchError(f"{self.name}: {self.library.shim_message().decode()}")

    def _check_size(self, grid, block, shared_mem: int) -> None:
        for what, size, most in (("grid", grid, MAX_GRID), ("block", block, MAX_BLOCK)):
            if not all(isinstance(n, int | np.integer) and 1 <= n <= m for n, m in zip(size, most)):
                raise LaunchError(f"{self.name}: {what} {tuple(size)} is outside 1 .. {most}")
        if block[0] * block[1] * block[2] > self.bound:
            raise LaunchError(f"{self.name}: a block of {block}; its __launch_bounds__ or the GPU allow "
                              f"{self.bound} threads")
        if shared_mem > self.max_dynamic_shared_size_bytes:
            raise LaunchError(f"{self.name}: {shared_mem} bytes of dynamic shared memory, "
                              f"{self.max_dynamic_shared_size_bytes} are allowed")

    def _value(self, i: int, argument, kind: str, size: int) -> np.ndarray:
        """The bytes of one argument, as the kernel will read them."""
        if kind[0] == "P":
            return np.array([self._address(i, argument, kind[1])], np.uintp)
        struct = kind[1] == "V"
        fits = isinstance(argument, np.ndarray) if struct else not isinstance(argument, SimArray | np.ndarray)
        value = np.array(argument).reshape(-1) if fits else None
        if not fits or value.nbytes != size or not struct and value.dtype.char not in SAME[kind[1]]:
            raise TypeError(f"{self.name}: argument {i} is {_name(argument)}, the kernel takes "
                            f"{_name(kind[1])} of {size} bytes; the GPU would read a wrong value")
        return value

    def _address(self, i: int, argument, kind: str) -> int:
        if argument is None:
            return 0
        if not isinstance(argument, SimArray):
            raise TypeError(f"{self.name}: argument {i} is {_name(argument)}, the kernel takes a pointer")
        if kind != "V" and argument.dtype.char not in SAME[kind]:
            raise TypeError(f"{self.name}: argument {i} is an array of {argument.dtype}, "
                            f"the kernel takes {_name(kind)}*")
        return argument.host.ctypes.data


def _name(value) -> str:
    if isinstance(value, str):
        return {"V": "a struct", "v": "bfloat16"}.get(value) or np.dtype(value).name
    return str(value.dtype) if isinstance(value, np.generic | np.ndarray | SimArray) else type(value).__name__
