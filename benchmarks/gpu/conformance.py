"""Every kernel on this device against float64, and against the host shim: the cases of tests/kernels."""
import importlib.util
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from . import ROOT, failed, left_out
from .process import Ended, Process

TITLE, SHARE = "Conformance of the kernels: float64, and the same sources on the CPU", 130
FEW = 60                        # in short, one case of so many
SUITE = ("tests/ops", "tests/layers/test_mixed.py", "tests/models")
COUNTS = ("passed", "same bits as the shim", "near the shim")
CLOSING = re.compile(r"(\d+) (passed|failed|error)")
KEPT = 0.6                      # of the time, for the kernels; the rest is the suite's


def rows(chosen):
    yield from kernels(chosen)
    if chosen.short:
        return
    if importlib.util.find_spec("pytest") is None:
        yield left_out("ops, layers and models on the device: pytest is not installed")
    else:
        yield from suite(chosen)


def kernels(chosen):
    """The cases, dealt out to several processes: compiling takes longer than running."""
    several, room = min(8, os.cpu_count() or 1), KEPT * chosen.left()
    with ThreadPoolExecutor(several) as pool:
        parts = list(pool.map(lambda i: dealt(chosen, i, several, room), range(several)))
    yield {"what": "kernels", **{name: sum(part.get(name, 0) for part in parts) for name in COUNTS},
           "wrong": sum(len(part["failed"]) for part in parts)}
    yield from (failed(line) for part in parts for line in part["failed"])
    late = sum(part.get("no time", 0) for part in parts)
    if late:
        yield left_out(f"{late} cases of kernels: no time")


def dealt(chosen, first: int, several: int, room: float) -> dict:
    command = [sys.executable, "-m", "tests.kernels", chosen.device.partition(":")[0], "--first", str(first),
               "--every", str(several), "--sample", str(FEW if chosen.short else 1), "--seconds", str(room)]
    with Process(command) as process:
        try:
            return process.answer(room + 20)
        except Ended as error:
            return {"failed": [f"process {first} of the cases: {error}"]}


def suite(chosen):
    """What else of the tests runs on every device."""
    workers = ["-n", "4"] if importlib.util.find_spec("xdist") else []
    command = [sys.executable, "-m", "pytest", "-q", *workers, "-k", "cuda", "-p", "no:cacheprovider", *SUITE]
    try:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=chosen.left())
    except subprocess.TimeoutExpired:
        yield left_out("ops, layers and models on the device: no time")
        return
    counts = {kind: int(number) for number, kind in CLOSING.findall(result.stdout)}
    wrong = counts.get("failed", 0) + counts.get("error", 0)
    yield {"what": "ops, layers, models", "passed": counts.get("passed", 0), "wrong": wrong}
    lines = [line for line in result.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if result.returncode not in (0, 5):
        yield from map(failed, lines or [f"pytest ended with status {result.returncode}"])
