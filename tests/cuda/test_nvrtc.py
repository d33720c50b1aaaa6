"""Every CUDA source compiles with both NVRTC majors for the GPUs that we name, and no kernel spills registers.

The dtypes are those that the kernel cases launch. One float variant of each file goes to all architectures, the others to two.
`pytest -s tests/cuda/test_nvrtc.py` prints the table of registers and shared memory.
"""
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import pytest

from gpunn.kernels.cuda import launch
from tests.kernels.coverage import simulated

from .nvrtc import Nvrtc

ARCHITECTURES = {12: (70, 75, 80, 86, 89, 90, 100, 120), 13: (75, 80, 86, 89, 90, 100, 120)}
# sin, cos and tan of huge arguments reduce them with a small table of the CUDA mathematics library, on the stack
STACK_ALLOWED = {("elementwise", "unary"): 48, ("elementwise", "unary_backward"): 48}


def variants() -> dict[str, list[str]]:
    """File -> the macro sets that the cases launch, plain float first."""
    rows = sorted({(file, macros) for file, macros, _ in simulated()})
    return {file: sorted((macros for _, macros in group), key=lambda m: (set(m.split()) & {"double", "int", "bool"} != set(), m))
            for file, group in groupby(rows, lambda row: row[0])}


def jobs(major: int):
    for file, macro_sets in variants().items():
        for i, macros in enumerate(macro_sets):
            for architecture in ARCHITECTURES[major] if i == 0 else (75, 90):
                yield file, macros, architecture


def types(macros: str) -> str:
    return " ".join(line.removeprefix("#define ").replace(" ", "=", 1) for line in macros.splitlines())


def faults(file: str, kernel: str, figures: dict[str, int]) -> list[str]:
    """What would cost memory traffic that the source does not show."""
    limits = {"spill": 0, "reload": 0, "stack": STACK_ALLOWED.get((file, kernel), 0)}
    return [f"{figures[what]} bytes {what}" for what, limit in limits.items() if figures[what] > limit]


@pytest.mark.parametrize("major", ARCHITECTURES)
def test_every_source_compiles_without_spills(major, tmp_path):
    compiler = Nvrtc(major)
    assert set(ARCHITECTURES[major]) <= set(compiler.architectures())
    work = list(jobs(major))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda job: compiler.compile(job[1] + launch.source(job[0]), launch.OPTIONS, job[2]), work))
    table, bad = [], []
    for (file, macros, architecture), kernels in zip(work, results):
        for kernel, figures in kernels.items():
            row = f"{file + '.' + kernel:38s} sm_{architecture:<4d} {types(macros):34s} " + " ".join(
                f"{name} {value}" for name, value in figures.items() if value)
            table.append(row)
            bad += [f"{row}: {fault}" for fault in faults(file, kernel, figures)]
    (tmp_path / f"nvrtc_{compiler.version}.txt").write_text("\n".join(table))
    print("", *table, f"NVRTC {compiler.version}: {len(work)} compilations, table in {tmp_path}", sep="\n")
    assert not bad, "\n".join(bad)


def test_every_source_is_compiled():
    assert {path.stem for path in launch.HERE.glob("*.cu")} == set(variants())


def test_a_spill_is_noticed():
    code = 'extern "C" __global__ void __launch_bounds__(1024) planted(float *x, int n) {\n  float a[64];\n' \
           '  for (int i = 0; i < 64; i++) a[i] = x[i * 7];\n  for (int k = 0; k < n; k++)\n' \
           '    for (int i = 0; i < 64; i++) a[i] = a[i] * a[(i + 13) % 64] + x[k];\n' \
           '  for (int i = 0; i < 64; i++) x[i] = a[i];\n}'
    options = (*launch.OPTIONS, "--maxrregcount=32")
    assert faults("planted", "planted", Nvrtc(12).compile(code, options, 90)["planted"])


def test_a_refused_source_says_why():
    with pytest.raises(RuntimeError, match='identifier "missing" is undefined'):
        Nvrtc(13).compile('extern "C" __global__ void f(float *x) { x[0] = missing; }', launch.OPTIONS, 90)
