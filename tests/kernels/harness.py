"""One line a kernel case: `case("relu", make, reference)`. The harness owns all else.

`make(r)` gives the positional arguments: float64 arrays (cast to the dtype under test), other arrays (kept),
numbers, None, tuples. `reference(*args, **options)` gets them upcast to float64 and gives what is expected:
the results, then the new values of the `inplace` arguments. There float64 stands for the dtype under test,
int64 for int32; None is not compared.
"""
import importlib
import inspect
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from unittest import mock

import numpy as np

from gpunn.kernels.cuda import launch

from .references import halves, widened

tiles = importlib.import_module("gpunn.kernels.cuda.matmul")       # the package's `matmul` is the function
RTOL = {"float32": 2e-5, "float64": 1e-11, "float16": 2.0**-10, "bfloat16": 2.0**-7}
SMALLEST = 2.0**-24                             # that float16 knows
HALVES = {"float16": launch.HALVES[0], "bfloat16": launch.HALVES[1]}
CASES: list["Case"] = []
_count = Counter()


@dataclass(frozen=True)
class Case:
    kernel: str
    make: Callable
    reference: Callable
    options: dict
    inplace: tuple
    rtol: float | dict | None
    atol: float | dict | None
    exact: bool
    dtypes: tuple
    id: str
    precision: str = "highest"                      # of matrix products on a GPU,
    blocks: int = tiles.BLOCKS                      # and for how many blocks it takes small tiles
    singles: tuple = ()                             # of 16 bits: the arguments and
    single_results: tuple = ()                      # results that are float32


def case(kernel: str, make: Callable, reference: Callable, *, options=None, inplace=(), rtol=None, atol=None,
         exact=False, dtypes=("float32", "float64"), id=None) -> None:
    """Register a case; `rtol` and `atol` may be dicts by dtype, `exact` allows no rounding error."""
    _count[kernel] += 1
    id = f"{kernel}-{id or _count[kernel]}"
    CASES.append(Case(kernel, make, reference, options or {}, tuple(inplace), rtol, atol, exact, dtypes, id))


@dataclass
class Placed:
    """An array on a device with all of its memory: the gaps between its elements are watched too."""
    flat: object
    view: object
    before: np.ndarray
    gaps: np.ndarray = field(repr=False)

    def check(self, device, writable: bool, name: str) -> None:
        after = device.get(self.flat)
        watched = self.gaps if writable else np.ones_like(self.gaps)
        assert after[watched].tobytes() == self.before[watched].tobytes(), f"{name} was changed"


def place(a: np.ndarray, device) -> Placed:
    """Copy `a` to the device with its strides: steps, transposed, reversed and broadcast axes stay."""
    steps = [s // a.itemsize for s in a.strides]
    reach = [step * (n - 1) for step, n in zip(steps, a.shape)] if a.size else []
    low, high = sum(min(r, 0) for r in reach), sum(max(r, 0) for r in reach)
    flat = np.frombuffer(b"\xff" * a.itemsize * (high - low + 1), a.dtype).copy()
    gaps = np.ones(flat.shape, bool)
    window = {"shape": a.shape, "strides": a.strides}
    if a.size:
        np.lib.stride_tricks.as_strided(flat[-low:], **window)[...] = a
        np.lib.stride_tricks.as_strided(gaps[-low:], a.shape, steps)[...] = False
    there = device.put(flat)
    return Placed(there, device.library.lib.stride_tricks.as_strided(there[-low:], **window), flat, gaps)


def cast(a, dtype: str):
    """float64 -> the dtype under test, with the same strides in elements; everything else stays."""
    if isinstance(a, tuple):
        return tuple(cast(entry, dtype) for entry in a)
    if not isinstance(a, np.ndarray) or a.dtype != np.float64 or dtype == "float64":
        return a
    placed = place(a, Host())
    flat = halves(placed.flat, dtype) if dtype in HALVES else placed.flat.astype(dtype)
    return np.lib.stride_tricks.as_strided(flat[_start(placed):], a.shape,
                                           [s // a.itemsize * flat.itemsize for s in a.strides])


def _start(placed: Placed) -> int:
    return (placed.view.ctypes.data - placed.flat.ctypes.data) // placed.flat.itemsize


class Host:
    """Plain NumPy memory, to lay arrays out before they travel."""
    library = np
    put = get = staticmethod(np.array)


def upcast(a):
    if isinstance(a, tuple):
        return tuple(upcast(entry) for entry in a)
    if isinstance(a, np.ndarray):
        return widened(a) if a.dtype in launch.HALVES else a.astype(np.float64) if a.dtype.kind == "f" else a.copy()
    return a


def arguments(case: Case, dtype: str) -> tuple:
    made = case.make(np.random.default_rng(zlib.crc32(case.id.encode())))
    made = [np.asarray(a) if isinstance(a, np.generic) else a for a in made]
    return tuple(cast(a, "float32" if i in case.singles else dtype) for i, a in enumerate(made))


def as_list(result) -> list:
    return list(result) if isinstance(result, tuple) else [result]


class Run:
    """One call of a kernel on a device; checks that nothing but the in-place arguments changed."""

    def __init__(self, case: Case, device, args: tuple, out=None):
        self.placed = [place(a, device) if isinstance(a, np.ndarray) else None for a in args]
        given = [self._move(a, p, device) for a, p in zip(args, self.placed)]
        extra = {} if out is None else {"out": out}
        with (mock.patch.dict(launch.settings, matmul_precision=case.precision),
              mock.patch.object(tiles, "BLOCKS", case.blocks)):
            result = getattr(device.kernels, case.kernel)(*given, **case.options, **extra)
        changed = [a for i in case.inplace for a in as_list(given[i])]
        results = [] if result is None else as_list(result)
        self.results = [r for r in results if not any(r is c for c in changed)]
        for i, placed in enumerate(self.placed):
            if placed is not None:
                placed.check(device, i in case.inplace, f"{case.id}: argument {i}")
        self.values = [None if r is None else device.get(r) for r in self.results + changed]

    @staticmethod
    def _move(a, placed, device):
        if isinstance(a, tuple):
            return tuple(place(e, device).view if isinstance(e, np.ndarray) else e for e in a)
        return a if placed is None else placed.view


def compare(got: np.ndarray, want, case: Case, dtype: str) -> None:
    want = np.asarray(want)
    stands_for = {"float64": HALVES.get(dtype, dtype), "int64": "int32"}.get(want.dtype.name, want.dtype.name)
    assert got.dtype in (want.dtype, stands_for), f"{case.id}: dtype {got.dtype}, expected {stands_for}"
    assert got.shape == want.shape, f"{case.id}: shape {got.shape}, expected {want.shape}"
    if got.dtype in launch.HALVES:
        near = widened(halves(want, dtype))
        got, want = widened(got), near if case.exact else np.where(np.isinf(near), near, want)
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, want, err_msg=case.id)
    elif case.exact:
        np.testing.assert_array_equal(got, want.astype(got.dtype), err_msg=case.id)
    else:
        rtol, atol = tolerances(case, dtype, want)
        np.testing.assert_allclose(got, want, rtol, atol, err_msg=case.id)


def same_bits(got: np.ndarray, want: np.ndarray, name: str) -> None:
    """Equal to the last bit; only the payload of a NaN is free."""
    if got.dtype in launch.HALVES:
        got, want = widened(got), widened(want)
    np.testing.assert_array_equal(got, want, err_msg=name)
    if got.dtype.kind == "f":
        real = ~np.isnan(want)
        np.testing.assert_array_equal(np.signbit(got)[real], np.signbit(want)[real], f"{name}: sign of zero")


def tolerances(case: Case, dtype: str, want: np.ndarray) -> tuple[float, float]:
    """By default an error may be as large as the largest result allows (1 if all are 0): sums cancel."""
    def choose(x):
        return x.get(dtype) if isinstance(x, dict) else x
    rtol, atol = choose(case.rtol), choose(case.atol)
    rtol = RTOL[dtype] if rtol is None else max(rtol, RTOL[dtype] if dtype in HALVES else 0)
    finite = np.abs(want[np.isfinite(want)])
    atol = rtol * (finite.max(initial=0.0) or 1.0) if atol is None else atol
    return rtol, max(atol, SMALLEST) if dtype in HALVES else atol


def takes_out(function: Callable, case: Case, args: tuple) -> bool:
    """Can the test hand over its own output buffers? Not where the case does so already."""
    parameters = list(inspect.signature(function).parameters)
    taken = "out" in case.options or "out" in parameters[:len(args)]
    own = any(isinstance(e, np.ndarray) for a in args if isinstance(a, tuple) for e in a)
    return "out" in parameters and not taken and not own


def poisoned(run: Run, device):
    """Output buffers full of garbage, like what the kernel returned."""
    buffers = [None if v is None else place(garbage(v), device).view for v in run.values[:len(run.results)]]
    return tuple(buffers) if len(buffers) > 1 else buffers[0]


def garbage(like: np.ndarray) -> np.ndarray:
    if like.dtype == bool:
        return np.ones(like.shape, bool)
    return np.frombuffer(b"\xff" * like.nbytes, like.dtype).reshape(like.shape)


def check(case: Case, device, dtype: str) -> None:
    """Run the case on the device, with and without `out`, under every schedule, against the reference."""
    args = arguments(case, dtype)
    expected = as_list(case.reference(*upcast(args), **case.options))
    first = None
    for schedule in device.schedules():
        with schedule:
            run = Run(case, device, args)
            if first is None:
                first = run.values
                check_values(case, run.values, expected, dtype)
            repeat = [run]
            if run.results and takes_out(getattr(device.kernels, case.kernel), case, args):
                out = poisoned(run, device)
                repeat.append(Run(case, device, args, out))
                assert_returned(case, repeat[1].results, out)
            for again in repeat:
                for value, other in zip(first, again.values, strict=True):
                    if value is not None:
                        same_bits(other, value, f"{case.id}: other bits with `out` or in another schedule")


def check_values(case: Case, values: list, expected: list, dtype: str) -> None:
    count = f"{case.id}: {len(values)} results and in-place values, expected {len(expected)}"
    assert len(values) == len(expected), count
    for i, (value, want) in enumerate(zip(values, expected)):
        if want is not None:
            assert value is not None, f"{case.id}: None where a result is expected"
            compare(value, want, case, "float32" if i in case.single_results else dtype)


def assert_returned(case: Case, results: list, out) -> None:
    for result, buffer in zip(results, as_list(out), strict=True):
        assert result is buffer, f"{case.id}: `out` was given, but another array was returned"
