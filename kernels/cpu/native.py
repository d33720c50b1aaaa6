"""Recorded calls as one piece of machine code: no Python in between, no unboxing of arguments, no lock held.

The arguments of a recorded call are constants of the program, so the code is a row of calls with constants: of
compiled kernels, of the inner loops of NumPy's functions, of copies. What is none of these stays a call from Python.
"""
import ctypes
from functools import cache, partial
from itertools import groupby

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils

from .fork import INT, MANY_CALLERS, WORD
from .launch import Kernel
from .memory import assign, joined, steps
from .ufunc import call_ufunc, inner_loop

PATIENCE = 50                   # replays: machine code takes some 0.4 ms a call to make, and saves 0.001 ms
NUMBERS = {"f4": ir.FloatType(), "f8": ir.DoubleType(), "i4": INT, "u4": INT, "i8": WORD, "b1": ir.IntType(8)}


class Call:
    """One call of native code: where it lies, its constants with their types, what must outlive it."""

    def __init__(self, address: int, kinds, values, keep=(), status="void"):
        self.address, self.keep, self.status, self.kinds = address, keep, status, list(map(written, kinds))
        self.values = [str(int(v)) if k[0] == "i" else ir.Constant(kind, v).get_reference()
                       for k, kind, v in zip(self.kinds, kinds, values, strict=True)]


def written(kind) -> str:
    return "i64" if isinstance(kind, ir.PointerType) else str(kind)


class Replay:
    """Repeats (f, args) one after the other: from Python at first, as machine code once that is worth its making."""

    def __init__(self, calls):
        self.run, self.left, self.calls = self.first, PATIENCE, calls

    def __call__(self):
        self.run()

    def first(self):
        self.left -= 1
        if self.left < 0:
            self.run = joined_parts(self.calls)
            self.run()
        else:
            from_python(self.calls)


def joined_parts(calls):
    both = [(native(f, args), (f, args)) for f, args in calls]
    parts = [machine_code([c for c, _ in group]) if is_native else partial(from_python, [c for _, c in group])
             for is_native, group in groupby(both, lambda pair: pair[0] is not None)]

    def run():
        for part in parts:
            part()
    return run if len(parts) != 1 else parts[0]


def from_python(calls):
    with np.errstate(all="ignore"):                 # infinities and NaN are values here, as on a GPU
        for f, args in calls:
            f(*args)


def native(f, args) -> Call | None:
    if isinstance(f, Kernel):
        return kernel_call(f, args)
    if f is assign:
        return assign_call(*args)
    if f is call_ufunc or isinstance(f, np.ufunc):
        return ufunc_call(*(args if f is call_ufunc else (f, *args)))
    return None


def machine_code(calls):
    """A function that makes native calls; the code goes when the function goes."""
    text = [f"declare {c.status} @f{i}({', '.join(c.kinds)})" for i, c in enumerate(calls)]
    text += ["define i32 @replay() {", "%e0 = or i32 0, 0"]
    errors = 0
    for i, c in enumerate(calls):
        call = f"call {c.status} @f{i}({', '.join([f'{k} {v}' for k, v in zip(c.kinds, c.values, strict=True)])})"
        if c.status == "i32":
            text += [f"%s{errors} = {call}", f"%e{errors + 1} = or i32 %e{errors}, %s{errors}"]
            errors += 1
        else:
            text += [call]
    module = binding.parse_assembly("\n".join([*text, f"ret i32 %e{errors}", "}"]))
    engine = engine_of(module, 0)
    for i, c in enumerate(calls):
        engine.add_global_mapping(module.get_function(f"f{i}"), c.address)
    engine.finalize_object()
    kind = ctypes.CFUNCTYPE if MANY_CALLERS else ctypes.PYFUNCTYPE          # without and with Python's lock
    code = kind(ctypes.c_int)(engine.get_function_address("replay"))

    def run(kept=(engine, calls)):
        if code():
            raise RuntimeError("a recorded step failed: a kernel could not get its memory")
    return run


def engine_of(module, opt: int):
    return binding.create_mcjit_compiler(
        module, binding.Target.from_default_triple().create_target_machine(opt=opt, jit=True))


def kernel_call(f, args) -> Call | None:
    kinds = tuple([f.typeof_pyval(a) for a in args])
    compiled = f.overloads.get(kinds)
    if compiled is None or compiled.signature.return_type != types.none:
        return None
    function = compiled.target_context.call_conv.get_function_type(types.none, kinds)
    address, results = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name), np.zeros(2, np.int64)
    values = [results.ctypes.data, results.ctypes.data + 8, *[v for a in args for v in flattened(a)]]
    if not address or len(values) != len(function.args):
        return None
    return Call(address, function.args, values, (args, results), "i32")


def flattened(value) -> tuple:
    """A Python value as the numbers that compiled code takes for it."""
    if isinstance(value, np.ndarray):
        return 0, 0, value.size, value.itemsize, value.ctypes.data, *value.shape, *value.strides
    if isinstance(value, tuple):
        return tuple([v for part in value for v in flattened(part)])
    return (value.item() if isinstance(value, np.generic) else value,)


def one_axis(*arrays):
    """(length, bytes from element to element in each array) if the last array has one axis, where others do not lie."""
    out = arrays[-1]
    strides = [steps(a.shape, a.strides, out.shape) for a in arrays]
    for a, step in zip(arrays[:-1], strides, strict=False):
        if np.may_share_memory(a, out) and (a.ctypes.data, step) != (out.ctypes.data, strides[-1]):
            return None
    axes = joined(out.shape, *strides) if out.size > 1 else [(out.size, *[0] * len(arrays))]
    return axes[0] if len(axes) == 1 else None


def ufunc_call(f, *args) -> Call | None:
    """The inner loop that NumPy itself would take, on one axis."""
    kind, out = next(a.dtype for a in args if isinstance(a, np.ndarray)), args[-1]
    if any([a.dtype != kind if isinstance(a, np.ndarray) else kind.kind != "f" and type(a) is not int
            for a in args[:-1]]):
        return None
    arrays = [a if isinstance(a, np.ndarray) else np.array(a, kind) for a in args]
    loop, axis = inner_loop(f, kind.char * len(args[:-1]) + "->" + out.dtype.char), one_axis(*arrays)
    if loop is None or axis is None:
        return None
    words = np.array([*[a.ctypes.data for a in arrays], *axis], np.int64)
    places = [words.ctypes.data + 8 * i for i in (0, len(arrays), len(arrays) + 1)]
    return Call(loop[0], [WORD] * 4, [*places, loop[1]], (arrays, words))


def assign_call(value, out) -> Call | None:
    source = value if isinstance(value, np.ndarray) else np.array(value, out.dtype)
    axis, names = one_axis(source, out), (source.dtype.str[1:], out.dtype.str[1:])
    other = names[0] != names[1] and (names[0][0], names[1][0]) != ("i", "f")
    if axis is None or other or not NUMBERS.keys() >= set(names):
        return None
    values = [axis[0], source.ctypes.data, axis[1], out.ctypes.data, axis[2]]
    return Call(copier(*names)[0], [WORD] * 5, values, (source, out))


@cache
def copier(source: str, target: str):
    """(the address of a loop that copies and casts, what keeps it alive)"""
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [WORD] * 5), "copy")
    builder = ir.IRBuilder(function.append_basic_block())
    count, *places = function.args
    with cgutils.for_range(builder, count) as loop:
        x, y = [builder.inttoptr(builder.add(place, builder.mul(loop.index, step)), NUMBERS[name].as_pointer())
                for place, step, name in zip(places[::2], places[1::2], (source, target), strict=True)]
        number = builder.load(x)
        builder.store(number if source == target else builder.sitofp(number, NUMBERS[target]), y)
    builder.ret_void()
    engine = engine_of(binding.parse_assembly(str(module)), 2)
    engine.finalize_object()
    return engine.get_function_address("copy"), engine
