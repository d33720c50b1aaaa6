import gc

from .._names import reset_uids, suggest

DTYPES = ("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32",
          "float64", "bfloat16", "string")


def clear_session(free_memory: bool = True):
    """Automatic names start again; `free_memory` collects what nobody holds any more."""
    reset_uids()
    if free_memory:
        gc.collect()


def standardize_dtype(dtype) -> str:
    """The name of a dtype, whatever its library: np.float32, torch.float32, float -> "float32"; int -> "int32"."""
    name = {None: "float32", float: "float32", int: "int32", bool: "bool", str: "string"}.get(dtype)
    name = name or getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or str(dtype).rpartition(".")[2]
    if name not in DTYPES:
        raise ValueError(f"standardize_dtype: unknown dtype {dtype!r}{suggest(name, DTYPES)}")
    return name
