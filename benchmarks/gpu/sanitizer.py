"""compute-sanitizer watches every kernel once, on small arrays."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import ROOT, failed, kernels, left_out

TITLE, SHARE = "compute-sanitizer", 45
# CuPy asks the driver what it knows to be refused at times
TOOLS = {"memcheck": ("--report-api-errors", "no"), "racecheck": (), "initcheck": ()}
NAME = "compute-sanitizer"
FAULT = 86                      # the status that it is told to end with when it found something


def binary() -> str | None:
    """On the path, in a CUDA folder, or in one of NVIDIA's packages."""
    homes = [Path(os.environ[name]) for name in ("CUDA_HOME", "CUDA_PATH") if os.environ.get(name)]
    homes += [Path("/usr/local/cuda"), *sorted(Path("/usr/local").glob("cuda-*"), reverse=True)]
    packages = [found for place in map(Path, sys.path) for found in place.glob("nvidia/*")]
    places = [home / folder for home in homes for folder in ("bin", NAME, f"extras/{NAME}")]
    places += [package / folder for package in packages for folder in ("bin", NAME)]
    return shutil.which(NAME) or next((str(place / NAME) for place in places if os.access(place / NAME, os.X_OK)), None)


def rows(chosen):
    program = binary()
    if program is None:
        yield left_out(f"{NAME} is not found: not on the path, nor under CUDA_HOME, nor in an nvidia package")
        return
    for i, tool in enumerate(TOOLS):
        yield from watched(program, tool, chosen, chosen.left() / (len(TOOLS) - i))


def watched(program: str, tool: str, chosen, limit: float):
    command = [program, "--tool", tool, *TOOLS[tool], "--error-exitcode", str(FAULT), "--print-limit", "20",
               sys.executable, "-m", "benchmarks.gpu.sanitizer", *chosen.words()]
    try:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=max(1, limit))
    except subprocess.TimeoutExpired:
        yield left_out(f"{tool}: took longer than {limit:.0f} s")
        return
    lines = [line.strip("= ") for line in (result.stdout + result.stderr).splitlines() if line.startswith("=====")]
    yield {"tool": tool, "status": result.returncode, "summary": lines[-1] if lines else None}
    if result.returncode == FAULT:
        yield failed(f"{tool}: {' | '.join(lines[:6])}")
    elif result.returncode:
        reason = lines or result.stderr.strip().splitlines()[-1:]
        yield left_out(f"{tool} could not watch (status {result.returncode}): {' | '.join(reason[:3])}")


if __name__ == "__main__":
    from .chosen import options
    kernels.once(options(sys.argv[1:]))
