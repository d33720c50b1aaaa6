"""`python -m tests.kernels cuda`: the cases on one device, without pytest; the last line is a JSON object of counts.

Where there is g++, the device is also compared with the host shim, which runs the same sources on the same inputs.
"""
import argparse
import json
import shutil
import time
import traceback

from gpunn.kernels.cuda import launch

from .coverage import load_cases
from .devices import DEVICES, Sim
from .harness import CASES, HALVES, Run, arguments, check, compare, upcast


def options():
    parser = argparse.ArgumentParser("tests.kernels", description=__doc__)
    parser.add_argument("device", choices=DEVICES)
    parser.add_argument("--first", type=int, default=0, help="the kernel to begin with, for one dtype")
    parser.add_argument("--every", type=int, default=1, help="and every so many after it")
    parser.add_argument("--sample", type=int, default=1, help="of their cases, one of so many")
    parser.add_argument("--seconds", type=float, default=1e9, help="no case begins later")
    return parser.parse_args()


def dealt(first: int, every: int, sample: int) -> list:
    """(case, dtype): all of a kernel and dtype go to the same process, which compiles it."""
    rows = [(case, dtype) for case in CASES for dtype in case.dtypes]
    kernels = set(list(dict.fromkeys((case.kernel, dtype) for case, dtype in rows))[first::every])
    return [(case, dtype) for case, dtype in rows if (case.kernel, dtype) in kernels][::sample]


def same_as_shim(case, dtype: str, device, shim) -> bool:
    """To the last bit; raises where they differ by more than rounding."""
    args = arguments(case, dtype)
    ours, theirs = Run(case, device, args).values, Run(case, shim, args).values
    for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        if one is not None:
            want = upcast(other) if other.dtype in launch.HALVES else other
            compare(one, want, case, "float32" if i in case.single_results else dtype)
    return all(one is None or one.tobytes() == other.tobytes() for one, other in zip(ours, theirs))


def run(chosen) -> dict:
    device, began = DEVICES[chosen.device](), time.monotonic()
    shim = Sim() if shutil.which("g++") else None
    counts = {"passed": 0, "same bits as the shim": 0, "near the shim": 0, "no time": 0, "failed": []}
    rows = dealt(chosen.first, chosen.every, chosen.sample)
    for case, dtype in [row for row in rows if chosen.device != "cpu" or row[1] not in HALVES]:
        if time.monotonic() - began > chosen.seconds:
            counts["no time"] += 1
            continue
        try:
            check(case, device, dtype)
            if shim:
                same = same_as_shim(case, dtype, device, shim)
                counts["same bits as the shim" if same else "near the shim"] += 1
            counts["passed"] += 1
        except Exception as error:
            counts["failed"].append(f"{case.id}-{dtype}: {last_line(error)}")
    return counts


def last_line(error: Exception) -> str:
    lines = "".join(traceback.format_exception_only(error)).split("\n")
    return " ".join(line.strip() for line in lines if line.strip())[:200]


if __name__ == "__main__":
    load_cases()
    print(json.dumps(run(options())))
