"""What is installed is complete: wheel and sdist hold kernels, data and licences, and run elsewhere."""
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NEEDED = ["gpunn/__init__.py", "gpunn/kernels/__init__.py", "gpunn/kernels/README.md",
          "gpunn/kernels/cuda/common.cuh", "gpunn/datasets/files/README.md",
          *(f"gpunn/datasets/files/{name}.npz" for name in ("digits", "mnist_5k", "titanic"))]
WHEEL = ("-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps", "--no-index", "-w")
SDIST = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
ELSEWHERE = """
import sys
import gpunn
from gpunn.datasets import mnist_5k
from gpunn.kernels.cuda import launch
assert gpunn.__file__.startswith(sys.argv[1]), gpunn.__file__
assert len(mnist_5k.load_data()[0][0]) == 4000
assert "__global__" in launch.source("elementwise")
print(*sorted(name for name in sys.modules if name.split(".")[0] == "kernels"))
"""


def run(*command, cwd):
    done = subprocess.run([sys.executable, *command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A clean copy: building writes into the folder it builds from."""
    folder = tmp_path_factory.mktemp("package") / "source"
    folder.mkdir()
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in ("gpunn", "kernels"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=unwanted)
    assert (folder / "gpunn" / "kernels").is_symlink()
    return folder


@pytest.fixture(scope="module")
def wheel(source):
    out = source.parent / "wheel"
    run(*WHEEL, str(out), ".", cwd=source)
    (path,) = out.glob("gpunn-*.whl")
    return path


def expected(source):
    kernels = {f"gpunn/{path.relative_to(source)}" for kind in ("*.py", "*.cu", "*.cuh")
               for path in (source / "kernels").rglob(kind)}
    python = {str(path.relative_to(source)) for path in (source / "gpunn").rglob("*.py")}
    assert len(kernels) > 20 and len(python) > 30
    return {*NEEDED, *kernels, *python}


def test_the_wheel_is_complete_and_small(source, wheel):
    with zipfile.ZipFile(wheel) as archive:
        files = {info.filename: info for info in archive.infolist()}
    assert not expected(source) - set(files)
    assert any(name.endswith("licenses/LICENSE") for name in files)
    assert {name.split("/")[0] for name in files} == {"gpunn", "gpunn-0.1.0.dist-info"}
    assert wheel.stat().st_size < 3_000_000
    assert max(info.file_size for name, info in files.items() if name.endswith(".npz")) < 1_000_000


def checksums(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {info.filename: info.CRC for info in archive.infolist() if "dist-info" not in info.filename}


def test_the_sdist_is_complete_and_builds_the_same_wheel(source, wheel, tmp_path):
    run("-c", SDIST, str(tmp_path), cwd=source)
    (path,) = tmp_path.glob("gpunn-*.tar.gz")
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        assert all(member.isreg() or member.isdir() for member in members)       # no link is left
        archive.extractall(tmp_path, members)
    unpacked = tmp_path / path.name.removesuffix(".tar.gz")
    names = {str(file.relative_to(unpacked)) for file in unpacked.rglob("*") if file.is_file()}
    assert not (expected(source) | {"LICENSE", "README.md"}) - names
    run(*WHEEL, ".", ".", cwd=unpacked)
    (again,) = unpacked.glob("gpunn-*.whl")
    assert checksums(wheel) == checksums(again)


def test_the_wheel_runs_where_the_sources_are_not(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    assert run("-c", ELSEWHERE, str(tmp_path), cwd=tmp_path).strip() == ""
    assert "mnist" in run("-m", "gpunn", "train", "--help", cwd=tmp_path)
