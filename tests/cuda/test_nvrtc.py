"""Every CUDA source compiles with both NVRTC majors for the GPUs that we name, and no kernel spills.

The dtypes are those that the cases launch: the float variants of each file on all architectures, others on the oldest
of each compiler, bfloat16 also on the first that has it, some that show every type on one.
`pytest -s tests/cuda/test_nvrtc.py` prints registers and shared memory.
"""
import functools

import pytest

from gpunn.kernels.cuda import launch
from tests.kernels.coverage import simulated

from .nvrtc import Nvrtc

ARCHITECTURES = {12: (70, 75, 80, 86, 89, 90, 100, 120), 13: (75, 80, 86, 89, 90, 100, 120)}
TARGETS = [(major, architecture) for major, numbers in ARCHITECTURES.items() for architecture in numbers]
# The one stack frame, which is no spill: for huge x the library's sin, cos and tan multiply x by the digits
# of 2 / pi and keep the product's words in an array that they index by the exponent of x.
STACK_ALLOWED = {("elementwise", "unary"): 40, ("elementwise", "unary_backward"): 40}
compiler = functools.cache(Nvrtc)


def variants() -> dict[str, list[str]]:
    """File -> the macro sets that the cases launch."""
    files = {}
    for file, macros in sorted({(file, macros) for file, macros, _ in simulated()}):
        files.setdefault(file, []).append(macros)
    return files


def nearest(macro_sets: list[str], dtype: str) -> str:
    """The variant that has the fewest other types."""
    def others(macros: str) -> int:
        return sum(line.split(" ", 2)[2] != dtype for line in macros.splitlines())
    return min(macro_sets, key=others)


def covering(macro_sets: list[str]) -> set[str]:
    """Few of the variants, in which every macro takes every type that it takes in any."""
    lines = {macros: set(macros.splitlines()) for macros in macro_sets}
    chosen, left = set(), set().union(*lines.values())
    while left:
        best = max(macro_sets, key=lambda macros: len(lines[macros] & left))
        chosen.add(best)
        left -= lines[best]
    return chosen


def jobs(major: int, architecture: int):
    """(file, macros) to compile for one target."""
    for file, macro_sets in variants().items():
        chosen = {nearest(macro_sets, "float")}
        if architecture == ARCHITECTURES[major][0]:
            chosen |= {nearest(macro_sets, dtype) for dtype in ("double", "float16", "bfloat16")}
        if architecture == 80:
            chosen.add(nearest(macro_sets, "bfloat16"))
        if (major, architecture) == (13, 90):
            chosen |= covering(macro_sets)
        yield from ((file, macros) for macros in sorted(chosen))


def types(macros: str) -> str:
    return " ".join(line.removeprefix("#define ").replace(" ", "=", 1) for line in macros.splitlines())


def faults(file: str, kernel: str, figures: dict[str, int]) -> list[str]:
    """Memory traffic that the source does not show."""
    limits = {"spill": 0, "reload": 0, "stack": STACK_ALLOWED.get((file, kernel), 0)}
    return [f"{figures[what]} bytes {what}" for what, limit in limits.items() if figures[what] > limit]


@pytest.mark.parametrize(("major", "architecture"), TARGETS)
def test_every_source_compiles_without_spills(major, architecture, tmp_path):
    assert architecture in compiler(major).architectures()
    table, bad = [], []
    for file, macros in jobs(major, architecture):
        kernels = compiler(major).compile(macros + launch.source(file), launch.OPTIONS, architecture)
        for kernel, figures in kernels.items():
            numbers = " ".join(f"{name} {value}" for name, value in figures.items() if value)
            table.append(f"{file + '.' + kernel:38s} sm_{architecture:<4d} {types(macros):34s} {numbers}")
            bad += [f"{table[-1]}: {fault}" for fault in faults(file, kernel, figures)]
    (tmp_path / "registers.txt").write_text("\n".join(table))
    print("", *table, f"NVRTC {compiler(major).version}: the table is in {tmp_path}", sep="\n")
    assert not bad, "\n".join(bad)


def test_every_source_is_compiled():
    assert {path.stem for path in launch.HERE.glob("*.cu")} == set(variants())


def test_a_spill_is_noticed():
    code = 'extern "C" __global__ void __launch_bounds__(1024) planted(float *x, int n) {\n  float a[64];\n' \
           '  for (int i = 0; i < 64; i++) a[i] = x[i * 7];\n  for (int k = 0; k < n; k++)\n' \
           '    for (int i = 0; i < 64; i++) a[i] = a[i] * a[(i + 13) % 64] + x[k];\n' \
           '  for (int i = 0; i < 64; i++) x[i] = a[i];\n}'
    options = (*launch.OPTIONS, "--maxrregcount=32")
    assert faults("planted", "planted", compiler(12).compile(code, options, 90)["planted"])


def test_a_refused_source_says_why():
    with pytest.raises(RuntimeError, match='identifier "missing" is undefined'):
        compiler(13).compile('extern "C" __global__ void f(float *x) { x[0] = missing; }', launch.OPTIONS, 90)
