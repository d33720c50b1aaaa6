"""What cublasLt.h says, printed by a C++ program from the headers of both CUDA generations; they agree.

nvidia-cublas-cu12 12.9.1.4 with nvidia-cuda-runtime-cu12 12.9.79, and nvidia-cublas 13.1.0.3 with
nvidia-cuda-runtime 13.1.80.
"""
import re
import sys
from ctypes import c_int, c_int64, c_size_t, c_uint64, c_void_p
from pathlib import Path

NUMBERS = {
    "CUBLASLT_MATMUL_DESC_TRANSA": 3,
    "CUBLASLT_MATMUL_DESC_TRANSB": 4,
    "CUBLASLT_MATMUL_DESC_EPILOGUE": 7,
    "CUBLASLT_MATMUL_DESC_BIAS_POINTER": 8,
    "CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER": 11,
    "CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD": 12,
    "CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT": 5,
    "CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET": 6,
    "CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES": 1,
    "CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK": 3,
    "CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES": 5,
    "CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES": 6,
    "CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES": 7,
    "CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES": 8,
    "CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE": 2,
    "CUBLASLT_EPILOGUE_DEFAULT": 1,
    "CUBLASLT_EPILOGUE_RELU": 2,
    "CUBLASLT_EPILOGUE_BIAS": 4,
    "CUBLASLT_EPILOGUE_RELU_BIAS": 6,
    "CUBLASLT_EPILOGUE_RELU_AUX": 130,
    "CUBLASLT_EPILOGUE_RELU_AUX_BIAS": 134,
    "CUBLASLT_EPILOGUE_DRELU": 136,
    "CUBLASLT_EPILOGUE_BGRADA": 256,
    "CUBLAS_COMPUTE_32F": 68,
    "CUBLAS_COMPUTE_64F": 70,
    "CUBLAS_COMPUTE_32F_FAST_16BF": 75,
    "CUBLAS_COMPUTE_32F_FAST_TF32": 77,
    "CUDA_R_32F": 0,
    "CUDA_R_64F": 1,
    "CUDA_R_16F": 2,
    "CUDA_R_16BF": 14,
    "CUBLAS_OP_N": 0,
    "CUBLAS_OP_T": 1,
    "CUBLAS_STATUS_NOT_INITIALIZED": 1,
    "CUBLAS_STATUS_ALLOC_FAILED": 3,
    "CUBLAS_STATUS_INVALID_VALUE": 7,
    "CUBLAS_STATUS_EXECUTION_FAILED": 13,
    "CUBLAS_STATUS_INTERNAL_ERROR": 14,
    "CUBLAS_STATUS_NOT_SUPPORTED": 15,
}
# sizeof(cublasLtMatmulHeuristicResult_t), and (offset, size) of its members
RESULT_SIZE = 96
RESULT = {"algo": (0, 64), "workspaceSize": (64, 8), "state": (72, 4), "wavesCount": (76, 4), "reserved": (80, 16)}
# bytes of an attribute, by its name's beginning and number
SIZES = {"DESC": {3: 4, 4: 4, 7: 4, 8: 8, 11: 8, 12: 8}, "LAYOUT": {5: 4, 6: 8},
         "PREF": {1: 8, 3: 4, 5: 4, 6: 4, 7: 4, 8: 4}}
P, N, Z = c_void_p, c_int, c_size_t                 # enums have the size of an int
PROTOTYPES = {
    "cublasLtCreate": (P,),
    "cublasLtMatmulDescCreate": (P, N, N),
    "cublasLtMatmulDescSetAttribute": (P, N, P, Z),
    "cublasLtMatrixLayoutCreate": (P, N, c_uint64, c_uint64, c_int64),
    "cublasLtMatrixLayoutSetAttribute": (P, N, P, Z),
    "cublasLtMatmulPreferenceCreate": (P,),
    "cublasLtMatmulPreferenceSetAttribute": (P, N, P, Z),
    "cublasLtMatmulAlgoGetHeuristic": (P, P, P, P, P, P, P, N, P, P),
    "cublasLtMatmul": (P, P, P, P, P, P, P, P, P, P, P, P, P, P, Z, P),
}
FILES = ("library_types.h", "cublas_api.h", "cublasLt.h")


def installed() -> list[Path]:
    """The headers of the wheels that are there, a folder each: nvidia/cublas/include (12), nvidia/cu13/include."""
    return sorted({path.parent for place in map(Path, sys.path) for path in place.glob("nvidia/*/include/cublasLt.h")})


def said(folder: Path) -> dict[str, int]:
    """What the headers in a folder, and those of the runtime beside it, say; without a compiler."""
    numbers = {}
    for name in FILES:
        for path in [*folder.glob(name), *folder.parents[1].glob(f"cuda_runtime/include/{name}")][:1]:
            for key, value in re.findall(r"(?:^|[{,]) *(CU\w+)\s*=\s*([^,/}\n]+)", path.read_text(), re.MULTILINE):
                numbers[key] = eval(value, {"__builtins__": {}}, numbers)
    return numbers
