"""How many bytes a launch moves, by its kernel's signature: a `const T *` is read once, a `T *` written once, and in
place both; an array counts once, whatever of it the kernel really touches.

Some are seen more closely: of a table only as many rows count as were taken out, of a sequence one step for a kernel
that does one; numbers by value count nothing.
"""
import functools
import re

import numpy as np

IN_PLACE = {"optimize"}
TABLES = {"gather": (0,), "gather_batches": (0, 1, 2)}          # kernel -> the arguments of which it takes some rows


@functools.cache
def parameters(code: str, name: str) -> list[str]:
    text = re.search(rf"\nKERNEL\([^)]*\)\s+{name}\s*\(([^)]*)\)", code)
    return [] if text is None else text[1].split(",")


def extent(host: np.ndarray, one_step: bool) -> int:
    """Bytes of an array; of a broadcast one those that are there; of a sequence (n, t, c), if so, those of one t."""
    low, high = np.lib.array_utils.byte_bounds(host)
    return min(host.nbytes, high - low) // (host.shape[1] if one_step and host.ndim == 3 else 1)


def moved(code: str, name: str, arguments) -> int:
    """`arguments`: for each an array's memory on the host, or None."""
    seen, read, written, tables = set(), 0, 0, TABLES.get(name, ())
    for i, (host, parameter) in enumerate(zip(arguments, parameters(code, name))):
        if host is None or (place := (host.ctypes.data, host.nbytes)) in seen:
            continue
        seen.add(place)
        if "const" not in parameter:
            written += extent(host, "_step" in name)
            read -= extent(host, False) if parameter.endswith("shadow") else 0          # the one that is not in place
        elif i not in tables:
            read += extent(host, "_step" in name)
    return read + written * (2 if tables or name in IN_PLACE else 1)
