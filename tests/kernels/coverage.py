"""What there is to test (public functions, CUDA kernels) and what the cases ran."""
import contextlib
import dataclasses
import functools
import hashlib
import importlib
import inspect
import json
from pathlib import Path
from unittest import mock

import numpy as np

from gpunn.kernels.cuda import launch
from tests.sim import build
from tests.sim.module import RawModule

from .devices import Sim
from .harness import CASES, RTOL, Case, Run, arguments
from .references import rounded

HERE = Path(__file__).parent
SUPPORT = ("launch", "cache")                       # modules that hold no kernels
# what tensor cores make -> the bound, where they round more than the arguments, which TF32 then holds
TENSOR = dict.fromkeys(["matmul", "conv", "conv_input_grad", "conv_weight_grad"]) | dict.fromkeys([
    f"{name}{way}" for name in ("attention", "lstm", "gru", "simple_rnn") for way in ("", "_backward")], 2.0**-10)
# what takes floats of 16 bits, a kernel or one of its cases -> its arguments and results that stay float32, and
# how many units it may be off
NO = (), ()
OF_16_BITS = dict.fromkeys((
    "fill", "copy", "unary", "unary_backward", "binary", "where", "activation_backward", "reduce", "argreduce",
    "cumsum", "max_pool", "max_pool_backward", "average_pool", "average_pool_backward", "softmax", "log_softmax",
    "softmax_backward", "log_softmax_backward", "pick", "pick_backward", "random_uniform", "dropout", "gather",
    "gather_batches", "matmul", "conv_input_grad", "im2col", "col2im"), NO) | {
    "dense": ((2,), ()), "dense_backward": ((), (1, 2)), "conv": ((2,), ()), "conv_weight_grad": ((), (0,)),
    "scatter_add": ((), (0,)),
    "bias_backward": ((), (1,)), "batch_norm": ((1, 2, 3, 4), (1, 2, 3, 4)), "layer_norm": ((1, 2), (1, 2)),
    "batch_norm_backward": ((2, 3, 4), (1, 2)), "layer_norm_backward": ((2, 3, 4), (1, 2)),
    "softmax_cross_entropy": ((), (0, 1)), "softmax_cross_entropy_backward": ((0,), ()),
    "softmax_cross_entropy_mean": ((), (0,)), "attention": ((), (1,)), "attention_backward": ((5,), (), 12),
    "lstm": NO, "lstm_backward": ((), (1,), 8), "gru": ((2,), ()), "gru_backward": ((), (1, 2), 8), "simple_rnn": NO,
    "simple_rnn_backward": ((), (1,), 8),
    "optimize-shadow-5": ((1, 2, 3), (0, 1, 2, 3)), "optimize-shadow-4097": ((1, 2, 3), (0, 1, 2, 3))}
# what rounds a gradient to 16 bits before it is summed up in float32
ROUNDS = "dense_backward", "bias_backward", "batch_norm_backward"
# steep: what rounds x or y to 16 bits moves the result, over an edge or out of float16's range
STEEP = {*(f"unary_backward-{name}" for name in ("exp", "exponential", "sqrt", "tan", "hard_silu")),
         "batch_norm-outlier"}


@functools.cache
def load_cases() -> None:
    for path in sorted(HERE.glob("cases_*.py")):
        importlib.import_module(f"{__package__}.{path.stem}")
    exact = [case for case in CASES if case.kernel in TENSOR and TENSOR[case.kernel] is None]
    products = exact + some([case for case in CASES if TENSOR.get(case.kernel)])
    real = [case for case in CASES if kept_single(case)
            and case.dtypes == ("float32", "float64") and case.id not in STEEP]
    CASES.extend(on_tensor_cores(case, 1 if i % 2 else case.blocks) for i, case in enumerate(products))
    CASES.extend(of_16_bits(case, ("float16", "bfloat16")[i % 2]) for i, case in enumerate(some(real)))


def some(cases: list) -> list:
    """A dozen cases of every kernel, spread over all: other types change how numbers move, not what is made of them."""
    of = {kernel: [case for case in cases if case.kernel == kernel] for kernel in {case.kernel: None for case in cases}}
    return [case for mine in of.values() for case in mine[::-(-len(mine) // 12)]]


def on_tensor_cores(case: Case, blocks: int) -> Case:
    """The same, of numbers that TF32 holds, so that most bounds are the same."""
    bound = TENSOR[case.kernel]
    bounds = {"rtol": bound, "atol": None} if bound else {}
    def make(r):
        made = case.make(r)
        for a in made:
            if isinstance(a, np.ndarray) and a.dtype.kind == "f" and bound is None:
                a[...] = rounded(a, 10)
        return made
    return dataclasses.replace(case, make=make, dtypes=("float32",), id=f"{case.id}-tf32", precision="high",
                               blocks=blocks, **bounds)


def kept_single(case: Case):
    return OF_16_BITS.get(case.kernel, OF_16_BITS.get(case.id))


def of_16_bits(case: Case, dtype: str) -> Case:
    """The same, of arrays of 16 bits, within a few of their units."""
    singles, results, *units = kept_single(case)
    rtol = units[0] * RTOL[dtype] if units else {"float32": RTOL[dtype]} if case.kernel in ROUNDS else None
    return dataclasses.replace(case, dtypes=(dtype,), rtol=rtol, atol=None, singles=singles, single_results=results)


def exported(module) -> dict:
    """Public name -> function, of kernels.cpu or kernels.cuda."""
    def ours(value) -> bool:
        home, _, family = value.__module__.rpartition(".")
        return home == module.__name__ and family not in SUPPORT
    return {name: value for name, value in vars(module).items()
            if inspect.isfunction(value) and not name.startswith("_") and ours(value)}


def kernels_in(folder: Path) -> set[tuple[str, str]]:
    """(file, kernel) of every CUDA source."""
    return {(path.stem, name) for path in folder.glob("*.cu")
            for name in build.kernel_names(path.read_text())}


def digest() -> str:
    folders = [launch.HERE, HERE, HERE.parent / "sim"]
    files = [launch.HERE.parent / "formulas.py",
             *sorted(path for folder in folders for path in folder.iterdir() if path.is_file())]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:24]


@functools.cache
def simulated() -> set[tuple[str, str, str]]:
    """(file, macros, kernel) of all that the cases launch; kept, for it takes a while.

    A case that raises is left out: its own test tells why.
    """
    kept = build.folder() / f"launched-{digest()}.json"
    with build.once(kept) as temporary:
        if temporary:
            temporary.write_text(json.dumps(sorted(launched_by_cases())))
    return {tuple(row) for row in json.loads(kept.read_text())}


def launched_by_cases() -> set[tuple[str, str, str]]:
    """Launchers run, kernels do not: they are neither compiled nor called."""
    load_cases()
    device, found = Sim(), set()
    launch.compiled.cache_clear()
    with mock.patch.object(RawModule, "get_function", lambda module, name: Noted(found, module.code, name)):
        for case in CASES:
            for dtype in case.dtypes:
                with contextlib.suppress(Exception):
                    Run(case, device, arguments(case, dtype))
    launch.compiled.cache_clear()
    return {located(code, kernel) for code, kernel in found}


class Noted:
    """Stands where a kernel would"""
    max_dynamic_shared_size_bytes = 0

    def __init__(self, found: set, *what):
        self.found, self.what = found, what

    def __call__(self, *_, **__):
        self.found.add(self.what)


def located(code: str, kernel: str) -> tuple[str, str, str]:
    """The file that a compiled text came from, and the macros before it."""
    file = next(path.stem for path in launch.HERE.glob("*.cu") if code.endswith(launch.source(path.stem)))
    return file, code.removesuffix(launch.source(file)), kernel
