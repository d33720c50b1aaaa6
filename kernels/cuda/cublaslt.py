"""Matrix products by NVIDIA's cuBLASLt, through ctypes: c = a @ b (+ c), and what follows it in the same pass.

The library thinks in columns, so it is asked for c^T = b^T a^T: its A is our b, its B our a, its rows our columns,
and its bias, one number a row, is ours. What it cannot take or does not want is matmul.cu's: `product` says so.
"""
import ctypes
from contextlib import suppress
from ctypes import byref, c_char_p, c_double, c_float, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from functools import cache, cached_property, lru_cache, partial
from math import gcd
from threading import Lock
from typing import NamedTuple

from ..served import maker
from . import choosing
from .choosing import Choices, Refused, say
from .launch import HALVES, empty, real_type, settings
from .memory import copy
from .views import joined, steps

# cublasLt.h, library_types.h, cublas_api.h: the same numbers in CUDA 12 and 13
TRANSA, TRANSB, EPILOGUE, BIAS_POINTER, EPILOGUE_AUX_POINTER, EPILOGUE_AUX_LD = 3, 4, 7, 8, 11, 12  # MATMUL_DESC_
BATCH_COUNT, STRIDED_BATCH_OFFSET = 5, 6                                    # CUBLASLT_MATRIX_LAYOUT_
MAX_WORKSPACE_BYTES, REDUCTION_SCHEME_MASK, MIN_ALIGNMENT_BYTES = 1, 3, (5, 6, 7, 8)        # MATMUL_PREF_, of A to D
DEFAULT, RELU, BIAS, RELU_AUX, DRELU, BGRADA = 1, 2, 4, 130, 136, 256       # CUBLASLT_EPILOGUE_
REDUCTION_SCHEME_COMPUTE_TYPE = 2                                           # CUBLASLT_
COMPUTE_32F, COMPUTE_64F, COMPUTE_32F_FAST_16BF, COMPUTE_32F_FAST_TF32 = 68, 70, 75, 77     # CUBLAS_
NOT_INITIALIZED, ALLOC_FAILED, EXECUTION_FAILED, NOT_SUPPORTED = 1, 3, 13, 15               # CUBLAS_STATUS_
R_32F, R_64F, R_16F, R_16BF = 0, 1, 2, 14                                    # CUDA_
ADVICE = {NOT_INITIALIZED: "is the driver older than the library? 'python -m gpunn doctor' names both",
          ALLOC_FAILED: "the GPU's memory is full: a smaller batch needs less",
          EXECUTION_FAILED: "a kernel before it may have failed: CUDA_LAUNCH_BLOCKING=1 shows which"}
C_TYPE = {"p": c_void_p, "i": c_int, "z": c_size_t, "u": c_uint64, "l": c_int64}
SIGNATURES = {"Create": "p", "Matmul": "ppppppppppppppzp", "MatmulAlgoGetHeuristic": "pppppppipp",
              "MatmulDescCreate": "pii", "MatmulDescSetAttribute": "pipz", "MatrixLayoutCreate": "piuul",
              "MatrixLayoutSetAttribute": "pipz", "MatmulPreferenceCreate": "p", "MatmulPreferenceSetAttribute": "pipz"}
# of matrices, of the two factors (and what computes)
TYPES = {"float16": R_16F, "void16": R_16BF, "float32": R_32F, "float64": R_64F}
COMPUTE = {"highest": COMPUTE_32F, "high": COMPUTE_32F_FAST_TF32, "medium": COMPUTE_32F_FAST_16BF}      # of float32
ALIGNMENT = 16                          # bytes: of the widest load, and what a bias must have
BITS = 128                              # rows of a mask are multiples of it apart
TRIES = 8                               # algorithms that are timed


class Problem(NamedTuple):
    """A product in the library's terms, all that the choice of an algorithm depends on."""
    compute: int
    epilogue: int
    alignments: tuple           # of A, B, C, in bytes
    dtype: str                  # of A and B,
    result: str                 # of C
    turned: tuple               # are A and B transposed?
    matrices: tuple             # (rows, columns, from column to column, from matrix to matrix) of A, B, C
    batch: int

    def __str__(self):
        (n, m, *_), k = self.matrices[2], self.matrices[0][not self.turned[0]]
        dtype, times = self.dtype.replace("void16", "bfloat16"), f", {self.batch} times" if self.batch > 1 else ""
        return f"({m}, {k}) @ ({k}, {n}) in {dtype}{times}"


def operand(rows: int, columns: int, down: int, along: int, step: int):
    """Our matrix with these strides -> (transposed, the library's matrix); None where neither axis lies together."""
    for turned, (height, width, unit, lead) in enumerate(((columns, rows, along, down), (rows, columns, down, along))):
        if (height == 1 or unit == 1) and (width == 1 or lead >= height):
            return turned, (height, width, height if width == 1 else lead, step)
    return None


@lru_cache(4096)
def translated(shape: tuple, k: int, a: tuple, b: tuple, c: tuple):
    """The shape of c, strides in elements -> the end of a Problem. Axes that b lacks become rows of a and c."""
    *lead, m, n = shape
    axes = joined((*lead, m), (a[:-1], (*b[:-2], 0), c[:-1]))
    m, (row_a, _, row_c) = axes.pop() if axes[-1][1][1] == 0 else (1, (0, 0, 0))
    batch, (step_a, step_b, step_c) = axes.pop() if axes else (1, (0, 0, 0))
    operands = (operand(k, n, *b[-2:], step_b), operand(m, k, row_a, a[-1], step_a),
                operand(m, n, row_c, c[-1], step_c))
    apart = axes or None in operands or operands[2][0] or min(step_a, step_b, step_c) < 0
    if apart or 0 in (*shape, k):
        return None
    turned, matrices = zip(*operands)
    return turned[:2], matrices, batch


def asked(a, b, c, epilogue: int, edge=None) -> Problem | None:
    """The problem c = a @ b; None where it is not the library's. edge: the bias, or where column sums go."""
    edge = c if edge is None else edge
    kinds, off = {real_type(a.dtype), a.dtype}, edge is not c and edge.data.ptr % ALIGNMENT
    if a.dtype != b.dtype or c.dtype not in kinds or edge.dtype != c.dtype or off:
        return None
    walks = [steps(x, (*c.shape[:-2], *x.shape[-2:])) for x in (a, b, c)]
    form = translated(tuple(c.shape), a.shape[-1], *walks) if a.dtype.name in TYPES else None
    single = COMPUTE_32F if a.dtype in HALVES else COMPUTE[settings["matmul_precision"]]
    return form and Problem(COMPUTE_64F if a.dtype == "float64" else single, epilogue,
                            tuple([gcd(ALIGNMENT, x.data.ptr) for x in (b, a, c)]), a.dtype.name, c.dtype.name, *form)


def bound(lt):
    """The library, whose functions now know their types and raise."""
    def checked(status: int, function, args):
        if status:
            raise Refused(status, f"{function.__name__}: {lt.cublasLtGetStatusName(status).decode()}")
    for name, codes in SIGNATURES.items():
        function = getattr(lt, f"cublasLt{name}")
        function.argtypes, function.errcheck = [C_TYPE[code] for code in codes], checked
    lt.cublasLtGetVersion.restype, lt.cublasLtGetStatusName.restype = c_size_t, c_char_p
    return lt


def made(lt, kind: str, values: dict, *args) -> c_void_p:
    """A new object of the library's, with these attributes."""
    place = c_void_p()
    getattr(lt, f"cublasLt{kind}Create")(byref(place), *args)
    for attribute, value in values.items():
        getattr(lt, f"cublasLt{kind}SetAttribute")(place, attribute, byref(value), ctypes.sizeof(value))
    return place


class Choice(ctypes.Structure):
    """cublasLtMatmulHeuristicResult_t: an algorithm, and the workspace that it takes."""
    _fields_ = [("algo", c_uint64 * 8), ("workspace", c_size_t), ("state", c_int), ("waves", c_float),
                ("reserved", c_int * 4)]


class Plan:
    """A problem written down for the library; only addresses change from product to product."""

    def __init__(self, lt, problem: Problem):
        scale, self.number = (R_64F, c_double) if problem.dtype == "float64" else (R_32F, c_float)
        kinds = [TYPES[dtype] for dtype in (problem.dtype, problem.dtype, problem.result)]
        terms = zip((TRANSA, TRANSB, EPILOGUE), map(c_uint32, (*problem.turned, problem.epilogue)))
        width = {EPILOGUE_AUX_LD: c_int64(-(-problem.matrices[2][0] // BITS) * BITS)}
        self.lt, self.problem, self.choice = lt, problem, None
        self.product = made(lt, "MatmulDesc", dict(terms) | (width if problem.epilogue & BITS else {}),
                            problem.compute, scale)
        self.a, self.b, self.c = (made(lt, "MatrixLayout", {
            BATCH_COUNT: c_int32(problem.batch), STRIDED_BATCH_OFFSET: c_int64(step)}, kind, *shape)
            for kind, (*shape, step) in zip(kinds, problem.matrices))

    def point(self, attribute: int, array):
        place = c_void_p(array.data.ptr)
        self.lt.cublasLtMatmulDescSetAttribute(self.product, attribute, byref(place), ctypes.sizeof(place))

    def candidates(self, handle) -> list:
        """The heuristic's best. Pieces of a sum are added up in order, in the type that computes: the same bits."""
        aligned = dict(zip(MIN_ALIGNMENT_BYTES, map(c_uint32, (*self.problem.alignments, self.problem.alignments[2]))))
        limits = {MAX_WORKSPACE_BYTES: c_uint64(choosing.WORKSPACE),
                  REDUCTION_SCHEME_MASK: c_uint32(REDUCTION_SCHEME_COMPUTE_TYPE)}
        wishes = made(self.lt, "MatmulPreference", aligned | limits)
        found, count = (Choice * TRIES)(), c_int()
        self.lt.cublasLtMatmulAlgoGetHeuristic(handle, self.product, self.a, self.b, self.c, self.c, wishes, TRIES,
                                               found, byref(count))
        good = [choice for choice in found[:count.value] if choice.state == 0]
        if not good:
            raise Refused(NOT_SUPPORTED, "the heuristic knows no algorithm")
        return good


class Engine:
    """cuBLASLt on one GPU, for the arrays of one library."""

    def __init__(self, library, lt):
        self.library, self.lt, self.lock, self.plans, self.failed = library, lt, Lock(), {}, set()
        self.handle, self.choices = made(lt, "", {}), Choices(library, "cublaslt", lt.cublasLtGetVersion())

    @cached_property
    def bends(self) -> bool:
        """Do its masks say that the slope of relu(0) is 0, as all kernels do?"""
        x, mask = self.library.zeros((BITS, BITS), "float32"), self.library.zeros((BITS, BITS // 8), "uint8")
        return product(x, x, empty(x, x.shape), relu=True, mask=mask) and not mask.get().any()

    def multiply(self, problem: Problem, arrays, pointers, accumulate: bool) -> bool:
        """c = a @ b of the arrays (b, a, c); False: the library does not serve this problem, and nothing was done."""
        with self.lock:
            self.choices.ready(problem in self.plans, f"product {problem}")
            try:
                plan = self.plans[problem] if problem in self.plans else Plan(self.lt, problem)
                if plan is not None:
                    for attribute, array in pointers:           # before the library is asked for algorithms
                        plan.point(attribute, array)
                    plan.choice = plan.choice or self.choose(plan, arrays, accumulate)
                    self.run(plan.choice, plan, arrays, accumulate)
            except Refused as error:
                plan = self.excuse(problem, *error.args)
            self.plans[problem] = plan
        return plan is not None

    def excuse(self, problem: Problem, status: int, reason: str):
        """One line for a status; that there is no algorithm is no failure."""
        if status != NOT_SUPPORTED and status not in self.failed:
            self.failed.add(status)
            say(f"{reason} for a product {problem}: such run on gpunn's own kernels, slower; "
                f"{ADVICE.get(status, 'another version of cuBLASLt may do better')}")

    def run(self, choice: Choice, plan: Plan, arrays, accumulate: bool):
        stream, space = self.choices.here()
        a, b, c = (x.data.ptr for x in arrays)
        self.lt.cublasLtMatmul(self.handle, plan.product, byref(plan.number(1)), a, plan.a, b, plan.b,
                               byref(plan.number(accumulate)), c, plan.c, c, plan.c,
                               choice.algo, space, choosing.WORKSPACE, stream)

    def choose(self, plan: Plan, arrays, accumulate: bool) -> Choice:
        """The quickest, or what an earlier run chose; the heuristic's first where choices cannot be kept."""
        choices = plan.candidates(self.handle)
        if accumulate:                              # c must stay as it is
            rows, columns, lead, step = plan.problem.matrices[2]
            arrays = *arrays[:2], empty(arrays[2], (plan.problem.batch - 1) * step + (columns - 1) * lead + rows)
        return choices[self.choices.best(plan.problem, [bytes(choice.algo) for choice in choices],
                                         lambda i: self.run(choices[i], plan, arrays, False))]


def names():
    with suppress(Exception):           # the finder comes with CuPy 14, and has many ways to say no
        from cuda.pathfinder import load_nvidia_dynamic_lib
        yield load_nvidia_dynamic_lib("cublasLt").abs_path
    yield from ("libcublasLt.so.13", "libcublasLt.so.12", "cublasLt64_13.dll", "cublasLt64_12.dll")


def found(use=lambda lt: lt):
    """What `use` makes of the first library that lets it, and its name; or None, and what kept the first."""
    errors = []
    for name in names():
        try:
            return use(bound(ctypes.CDLL(name))), name
        except (OSError, AttributeError, Refused) as error:
            errors.append(error.args[-1])
    return None, errors[0]


@cache
def engine_on(library, device: int):
    engine, reason = found(partial(Engine, library))
    if engine is None:
        say(f"matrix products run without cuBLASLt, slower: {reason}; see 'python -m gpunn doctor'")
    return engine


engines = {}                    # type of an array -> Engine of the current device, if there is one


def serve(library):
    """Multiply the arrays of this library by cuBLASLt, on its current device, where that can be."""
    engines[library.ndarray] = engine_on(library, library.cuda.Device().id)


def mask_for(y):
    """Room for a bit a number of y (m, n), to remember where relu was 0; None where the library cannot use it."""
    engine = engines.get(type(y))
    width = -(-y.shape[1] // BITS) * BITS // 8
    return empty(y, (len(y), width), "uint8") if y.size and engine and engine.bends else None


def product(a, b, c, bias=None, accumulate=False, relu=False, sums=None, mask=None) -> bool:
    """c = relu(a @ b + bias (+ c)) and its mask, or c = a @ b where the mask has ones; sums = b.sum(0). The library
    wants a bias of c's dtype: one for results of 16 bits is rounded to it.

    False, and nothing was done, where it is not the library's.
    """
    engine = engines.get(type(c))
    if engine and bias is not None and c.dtype in HALVES:
        bias = copy(bias, c.dtype)
    edge = bias if sums is None else sums
    ending = RELU * relu if mask is None else RELU_AUX if relu else DRELU
    epilogue = BGRADA if sums is not None else ending | BIAS * (bias is not None) or DEFAULT
    problem = engine and asked(a, b, c, epilogue, edge)
    pointers = [pair for pair in ((BIAS_POINTER, edge), (EPILOGUE_AUX_POINTER, mask)) if pair[1] is not None]
    if not problem or not engine.multiply(problem, (b, a, c), pointers, accumulate):
        return False
    maker["product"] = "cuBLASLt"
    return True
