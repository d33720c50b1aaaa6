"""Every name of CuPy that gpunn uses, and every name that the stand-in offers, exists in both CuPy wheels.

Two CuPy wheels cannot share an environment, so the one for CUDA 13 lies in a folder of its own: $GPUNN_CUPY13
or cupy13 in the environment. Outside CI a missing wheel skips its check.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import sim

from .cupy_names import exists, lacking, names_in, offered, used

ROOT = Path(__file__).parents[2]
CUPY13 = Path(os.environ.get("GPUNN_CUPY13") or Path(sys.prefix) / "cupy13")
REPAIR = {"cupy-cuda12x": "pip install cupy-cuda12x",
          "cupy-cuda13x": f"pip install --no-deps --target {CUPY13} cupy-cuda13x"}


def folder_of(wheel: str) -> Path | None:
    """Where the wheel is installed."""
    places = [CUPY13] if wheel == "cupy-cuda13x" else map(Path, sys.path)
    pattern = f"{wheel.replace('-', '_')}-*.dist-info"
    return next((place for place in places if any(place.glob(pattern))), None)


def asked(wheel: str, names: set[str]) -> dict:
    """What the wheel's CuPy, in a process of its own, says about the names."""
    folder = folder_of(wheel)
    if folder is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{wheel} is missing: {REPAIR[wheel]}")
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("cupy_names.py"))]
    result = subprocess.run(command, input=json.dumps(sorted(names)), capture_output=True, text=True,
                            env=os.environ | {"PYTHONPATH": str(folder)})
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert Path(answer["file"]).is_relative_to(folder), f"{wheel} was not what got imported: {answer['file']}"
    return answer


@pytest.mark.parametrize("wheel", REPAIR)
def test_every_name_exists(wheel):
    names = used(ROOT) | offered(sim.install())
    assert len(names) > 50
    assert asked(wheel, names)["lacking"] == []


@pytest.mark.parametrize("wheel", REPAIR)
def test_a_name_that_is_gone_is_noticed(wheel):
    """cupy.cudnn and cupy.cuda.cudnn went with CuPy 14; a graph cannot be updated."""
    gone = {"cudnn", "cuda.cudnn.Handle", "cuda.runtime.graphExecUpdate", "ndarray.numpy"}
    assert asked(wheel, gone | {"empty", "cuda.Stream.begin_capture"})["lacking"] == sorted(gone)


def test_the_stand_in_has_every_name_that_gpunn_uses():
    assert lacking(sim.install(), used(ROOT)) == []


def test_names_are_found_in_sources():
    source = "self.xp.cuda.Device().id; cupy.empty(3).T; self.cuda.MemoryPool(); xp.lib.fft; cuda.run; np.a"
    assert names_in(source) == {"cuda", "cuda.Device", "empty", "cuda.MemoryPool", "lib", "lib.fft"}


def test_existence():
    assert exists(os, ["path", "join"]) and exists(os, ["path", "join", "anything"])
    assert not exists(os, ["path", "joint"])
