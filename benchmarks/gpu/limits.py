"""What this device can do at most: bytes copied by the driver, products by the vendor's library."""
import json
import sys

import numpy as np

from .chosen import Chosen, options
from .clock import Clock
from .process import Ended, Process

COPIES = 4                      # in a row: submitting one takes less time than copying
SAMPLES = 11
MATH = {"float32": "0", "TF32": "1"}                    # CuPy reads CUPY_TF32 once a process


def copying(chosen: Chosen) -> dict[int, float]:
    """Megabytes of an array -> bytes a second, read and written"""
    backend = chosen.backend()
    xp, clock, rates = backend.xp, Clock(backend), {}
    for size in (1 << 16,) if chosen.short else (64 << 20, 256 << 20):
        a = xp.asarray(np.arange(size // 4, dtype="float32"))
        pairs = [(a, xp.empty(a.shape, a.dtype)) for _ in range(COPIES)]

        def run(pairs=pairs):
            for source, target in pairs:
                xp.copyto(target, source)
        rates[size >> 20] = COPIES * 2 * size / clock.median(run, SAMPLES)
    return rates


def multiplying(chosen: Chosen) -> float:
    """Floating-point operations a second of a large product, in the mode that CUPY_TF32 says"""
    backend = chosen.backend()
    n, dice = 64 if chosen.short else 8192, np.random.default_rng(0)
    a, b = (backend.xp.asarray(dice.random((n, n), np.float32) - np.float32(0.5)) for _ in range(2))
    return 2 * n ** 3 / Clock(backend).median(lambda: a @ b, SAMPLES)


def product(chosen: Chosen, math: str) -> dict:
    """{"flops": ...} or {"left out": why}; a process for each kind of arithmetic."""
    command = [sys.executable, "-m", "benchmarks.gpu.limits", *chosen.words()]
    with Process(command, {"CUPY_TF32": MATH[math]}) as process:
        try:
            return process.answer(chosen.left())
        except Ended as error:
            return {"left out": f"the limit of {math} products: {error}"}


def measured(chosen: Chosen):
    """-> {"bytes", "float32", "TF32"}: a second, those that could be measured; and lines about the others"""
    limits, lines = {"bytes": max(copying(chosen).values())}, []
    for math in MATH:
        answer = product(chosen, math)
        if "flops" in answer:
            limits[math] = answer["flops"]
        else:
            lines.append(answer)
    return limits, lines


if __name__ == "__main__":
    print(json.dumps({"flops": multiplying(options(sys.argv[1:]))}))
