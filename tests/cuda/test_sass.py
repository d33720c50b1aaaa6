"""The instructions that the kernels are compiled to, for two GPUs: what keeps them at the speed of memory or of tensor
cores is there, and what slows them down is not.
"""
import pytest

from gpunn.kernels.cuda import launch
from tests.sim.build import kernel_names

from .test_nvrtc import STACK_ALLOWED, compiler, nearest, types, variants

ARCHITECTURES = 80, 90
LOAD, STORE, COPY = "LDG.E.128", "STG.E.128", "LDGSTS.E.BYPASS.LTC128B.128"
TF32, BF16, F16 = "HMMA.1688.F32.TF32", "HMMA.16816.F32.BF16", "HMMA.16816.F32"
# what is streamed moves four numbers at a time, eight of 16 bits
BOTH = LOAD, STORE
STREAMS = dict.fromkeys([
    ("elementwise", "unary"), ("elementwise", "unary_backward"), ("binary", "binary"),
    ("ending", "activation_backward"),
    ("memory", "copy"), ("random", "dropout"), ("optimize", "optimize"), ("normalize", "batch_norm"),
    ("normalize", "batch_norm_dx"), ("normalize", "layer_norm"), ("normalize", "layer_norm_dx"), ("softmax", "softmax"),
    ("softmax", "softmax_backward"), ("softmax", "softmax_cross_entropy_backward")], BOTH)
STREAMS |= {("random", "random_uniform"): (STORE,), ("random", "random_bits"): (STORE,),
            ("softmax", "softmax_cross_entropy"): (LOAD,), ("measure", "measure"): (LOAD,)}
DEEP, WIDE = "Matrix<TILE_N, true, 4>", "Matrix<TILE_N, false, 4>"
TYPES = "float", "float", "bfloat16", "float16"
# file, left, right, precision -> what its product is made of; the same of eights of 16 bits below
PRODUCTS = {
    ("matmul", "Matrix<TILE_M, true, 4>", WIDE, 1): (TF32, COPY),
    ("matmul", "Matrix<TILE_M, true, 4>", DEEP, 1): (TF32, COPY),
    ("matmul", "Matrix<TILE_M, false, 4>", WIDE, 1): (TF32, COPY),
    ("matmul", "Matrix<TILE_M, false, 4>", WIDE, 2): (BF16, COPY),
    ("conv", "Images<4>", WIDE, 1): (TF32, COPY), ("conv_input", "Windows<4>", "Turned<4>", 1): (TF32, COPY),
    ("conv", "Patches<4>", WIDE, 1): (TF32, COPY), ("conv", "Images<1>", WIDE, 1): (TF32, COPY),
}
PRODUCTS |= {(file, left.replace("4>", "8>"), right.replace("4>", "8>"), precision): (kind, COPY)
             for file, left, right, of in list(PRODUCTS) if of == 1 for precision, kind in ((2, BF16), (3, F16))}


# macros -> what attention and recurrent layers are made of
TENSOR = [
    ("flash", {"T": "float", "PRECISION": 1, "WIDTH": 64, "TALL": 2}, (TF32, COPY, "LDS.128", STORE)),
    ("flash", {"T": "float", "PRECISION": 1, "WIDTH": 128, "TALL": 1}, (TF32, COPY, "LDS.128", STORE)),
    ("flash", {"T": "bfloat16", "PRECISION": 2, "WIDTH": 64, "TALL": 2}, (BF16, COPY, "LDS.128", "LDS.64", STORE)),
    ("flash", {"T": "float16", "PRECISION": 3, "WIDTH": 256, "TALL": 1}, (F16, COPY, "LDS.128", STORE)),
    ("flash_backward", {"T": "float", "PRECISION": 1, "WIDTH": 64, "TALL": 1}, (TF32, COPY, "LDS.128", STORE)),
    ("flash_backward", {"T": "float", "PRECISION": 1, "WIDTH": 128, "TALL": 1}, (TF32, COPY, "LDS.128", STORE)),
    ("flash_backward", {"T": "float16", "PRECISION": 3, "WIDTH": 256, "TALL": 1}, (F16, COPY, "LDS.128", STORE)),
    ("lstm", {"T": "float", "PRECISION": 1}, (TF32, LOAD)), ("gru", {"T": "float", "PRECISION": 1}, (TF32, LOAD)),
    ("lstm", {"T": "bfloat16", "PRECISION": 2}, (BF16,)), ("simple_rnn", {"T": "float16", "PRECISION": 3}, (F16,)),
]


def has(found: dict, opcode: str) -> bool:
    """Modifiers may follow (.CONSTANT, .STRONG.GPU, on other GPUs)."""
    return any(name == opcode or name.startswith(opcode + ".") for name in found)


def missing(found: dict, wanted) -> list[str]:
    return [opcode for opcode in wanted if not has(found, opcode)]


def local(found: dict) -> list[str]:
    """Traffic with memory that stands in for registers."""
    return [name for name in found if name.startswith(("LDL", "STL"))]


def compiled(macro_sets, architecture: int):
    """(file, macros), kernel, what it is compiled to"""
    codes = [macros + launch.source(file) for file, macros in macro_sets]
    for variant, kernels in zip(macro_sets, compiler(13).opcodes(codes, launch.OPTIONS, architecture), strict=True):
        yield from ((variant, kernel, found) for kernel, found in kernels.items())


def defined(macros: dict) -> str:
    return "".join(f"#define {key} {value}\n" for key, value in macros.items())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_no_kernel_uses_local_memory_and_streams_are_wide(architecture):
    files = [(file, nearest(macro_sets, dtype)) for file, macro_sets in variants().items()
             for dtype in ("float", "bfloat16", "float16")]
    bad = []
    for (file, macros), kernel, found in compiled(files, architecture):
        where = f"{file}.{kernel} {types(macros)}"
        bad += [f"{where}: {name}" for name in local(found) if (file, kernel) not in STACK_ALLOWED]
        bad += [f"{where}: no {name}" for name in missing(found, STREAMS.get((file, kernel), ()))]
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_products_are_made_on_tensor_cores(architecture):
    wanted = {(file, product(file, left, right, precision)): opcodes
              for (file, left, right, precision), opcodes in PRODUCTS.items()}
    check(wanted, architecture)


def product(file: str, left: str, right: str, precision: int) -> str:
    side = 128 if "1>" not in left else 64
    dtype = TYPES[precision] if "8>" in left + right else "float"
    return defined({"T": dtype, "O": dtype, "E": "float", "TILE_M": side, "TILE_N": side, "LEFT": left,
                    "RIGHT": right, "PRECISION": precision, "SUMS": int(file == "matmul" and "false" in left + right)})


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_attention_and_recurrent_layers_are_made_on_tensor_cores(architecture):
    check({(file, defined(macros)): opcodes for file, macros, opcodes in TENSOR}, architecture)


def check(wanted: dict, architecture: int) -> None:
    bad = [(variant, kernel, lost) for variant, kernel, found in compiled(list(wanted), architecture)
           if (lost := missing(found, wanted[variant]) + local(found))]
    assert not bad


def test_streams_are_kernels_that_exist():
    kernels = {(file, name) for file in variants() for name in kernel_names(launch.source(file))}
    assert set(STREAMS) <= kernels


def test_what_is_planted_is_noticed():
    code = 'extern "C" __global__ void planted(float *x, int n) {\n  float a[64];\n' \
           "  for (int i = 0; i < 64; i++) a[i] = x[i];\n  for (int i = 0; i < n; i++) a[i * 5 % 64] *= 2;\n" \
           "  x[0] = a[n];\n}"
    found, = compiler(13).opcodes([code], launch.OPTIONS, 90)
    found = found["planted"]
    assert local(found) and missing(found, (LOAD, TF32)) == [LOAD, TF32] and not missing(found, ("LDG.E", "STG.E"))
