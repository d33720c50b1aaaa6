"""One launcher for all CUDA kernels: compiles a `.cu` file once a set of dtypes, casts scalars, sizes grids.

The array library that a kernel runs on is found by the type of its arrays, so whatever speaks CuPy's language
(CuPy itself, or a stand-in that runs the sources on the CPU) is served by the same launchers.
"""
import re
from functools import cache
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
BLOCK = 256
MAX_BLOCKS = 4096
LONG = 1024                     # columns of a row that is worth a block
OPTIONS = ("--std=c++17", "--device-as-default-execution-space")
# NumPy lacks bfloat16: here it is two bytes of which NumPy knows nothing
BFLOAT16 = np.dtype("V2")
HALVES = np.dtype("float16"), BFLOAT16
C_NAME = {"float16": "float16", "void16": "bfloat16", "float32": "float", "float64": "double", "bool": "bool",
          "int8": "signed char", "int16": "short", "int32": "int", "int64": "long long", "uint8": "unsigned char",
          "uint16": "unsigned short", "uint32": "unsigned int", "uint64": "unsigned long long"}
DTYPES = {c: BFLOAT16 if dtype == "void16" else np.dtype(dtype) for dtype, c in C_NAME.items()}
# those that kernels end with: Activation in common.cuh
ACTIVATIONS = {"linear": 0, "relu": 1, "sigmoid": 2, "tanh": 3}

# how float32 products are made on GPUs that have tensor cores: PRECISION in tiles.cuh
PRECISIONS = {"highest": 0, "high": 1, "medium": 2}

libraries: dict[type, object] = {}      # array type -> array library; the backend fills it
settings = {"matmul_precision": "high"}


def factors(like) -> int:
    """How tensor cores multiply numbers of this array: PRECISION in factors.cuh; 0 where they do not."""
    device = libraries[type(like)].cuda.Device()
    precision = {"float32": PRECISIONS[settings["matmul_precision"]], "void16": 2, "float16": 3}.get(like.dtype.name, 0)
    return precision if precision and int(device.compute_capability) >= 80 else 0


def empty(like, shape, dtype=None):
    return libraries[type(like)].empty(shape, dtype or like.dtype)


def outputs(like, out, *shapes, dtypes=(None,) * 5) -> tuple:
    """The arrays of `out`, new ones where it has none."""
    given = out or (None,) * len(shapes)
    return tuple(empty(like, shape, dtype) if array is None else array
                 for array, shape, dtype in zip(given, shapes, dtypes))


def real_type(dtype):
    """What numbers of this type are calculated in: `Real` in common.cuh."""
    return np.dtype("float32") if dtype in HALVES else np.dtype(dtype)


def number_type(dtype):
    """What numbers of this type are added up in: bools as int32."""
    return np.dtype("int32") if np.dtype(dtype).kind == "b" else real_type(dtype)


def targets(need, out=None):
    """For every input, whether its gradient is wanted and the array to write it to (None: allocate)."""
    for i, wish in enumerate(need):
        wanted, given = wish is not None and wish is not False, None if out is None else out[i]
        yield wanted, given if given is not None or not wanted or wish is True else wish


def power_of_two(n: int, most: int) -> int:
    """The smallest that is at least n, and at most `most`."""
    return min(most, 1 << max(n - 1, 0).bit_length())


@cache
def source(file: str) -> str:
    """The text that is compiled: an #include stands for a file beside it."""
    return (HERE / "common.cuh").read_text() + _whole(f"{file}.cu", set())


def _whole(name: str, seen: set) -> str:
    def text(match) -> str:
        return "" if match[1] in seen else seen.add(match[1]) or _whole(match[1], seen)
    return re.sub(r'#include "(.*)"\n', text, (HERE / name).read_text())


@cache
def compiled(library, file: str, name: str, types: tuple, macros: tuple):
    """The kernel, and the name and dtype of its parameters; dtype None: no array, or one of any dtype."""
    # -DT= would rewrite NVRTC's own header
    texts = [(key, C_NAME[dtype.name]) for key, dtype in types] + list(macros)
    defines = "".join(f"#define {key} {text}\n" for key, text in texts)
    kernel = library.RawModule(code=defines + source(file), options=OPTIONS).get_function(name)
    dtypes = {"void": None} | DTYPES | dict(types) | {"Real": real_type(dict(types)["T"])}
    text = re.search(rf"\nKERNEL\([^)]*\)\s+{name}\s*\(([^)]*)\)", source(file))[1]
    split = [parameter.replace("const ", "").rpartition("*") for parameter in text.split(",")]
    return kernel, [(called, dtypes[kind.strip()] if star else None) for kind, star, called in split]


def scalar(value, real):
    """CuPy checks no argument: floats become the kernel's Real, ints 32-bit ints; np.int64 asks for 64 bits."""
    if isinstance(value, float):
        return real(value)
    if isinstance(value, int):
        return np.int32(value)          # raises OverflowError rather than wrap
    return value


def blocks(n: int) -> int:
    """Enough blocks for one element a thread, capped: kernels walk by grid strides."""
    return min(-(-n // BLOCK), MAX_BLOCKS)


def at_once(x) -> int:
    """AT_ONCE in common.cuh"""
    return 8 if x.dtype in HALVES else 4


def shared(out) -> int:
    """Blocks of threads that make several numbers each."""
    return blocks(-(-out.size // at_once(out)))


def launch(file: str, name: str, grid, args, *, block=BLOCK, macros=(), like=None, **types):
    """Run kernel `name` of `file`.cu; `types` are its dtype macros (T=x.dtype, ...), floats become Real; `macros` are
    pairs (name, text). The library is that of the arrays, or of `like`.

    An empty grid runs nothing.
    """
    library = next(libraries[type(a)] for a in (*args, like) if type(a) in libraries)
    types = {key: np.dtype(dtype) for key, dtype in types.items()}
    grid, block = (grid,) if isinstance(grid, int) else grid, (block,) if isinstance(block, int) else block
    if 0 in grid:
        return
    kernel, parameters = compiled(library, file, name, tuple(types.items()), macros)
    for a, (parameter, dtype) in zip(args, parameters):
        if dtype is not None and a is not None and a.dtype != dtype:
            raise TypeError(f"{name}: {parameter} is {a.dtype} where {dtype} is expected (the arrays of a "
                            "kernel share a dtype, indices are int32): cast it with copy(x, dtype)")
    real = real_type(types["T"]).type
    kernel(grid, block, tuple(scalar(a, real) for a in args))


def launch_table(file: str, name: str, rows: int, columns: int, args, **types):
    """Run a kernel that walks ROWS_COLUMNS: a thread an element, neighbouring threads take neighbouring columns."""
    across = power_of_two(columns, BLOCK)
    grid = min(-(-rows * across // BLOCK), MAX_BLOCKS) if columns else 0
    launch(file, name, grid, args, block=(across, BLOCK // across), **types)


def launch_rows(file: str, name: str, rows: int, c: int, args, **types):
    """Run a kernel that walks FOR_EACH_ROW of (rows, c): a warp a row, a block for a long one."""
    lanes = BLOCK if c > LONG else 32
    grid = min(-(-rows * lanes // BLOCK), MAX_BLOCKS)
    launch(file, name, grid, (*args, np.int64(rows), c, lanes), **types)
