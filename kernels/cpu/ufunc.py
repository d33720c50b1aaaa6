"""NumPy's functions on all threads: their inner loops are vector instructions already, and cost no compiling."""
import ctypes
import functools

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .launch import call, inner_kernel, parallel_kernel
from .memory import LARGE, flat, joined, padded, steps
from .vector import address, load, store

NARROW = 256                    # numbers: shorter rows that meet a repeated row are joined to rows about so long


class _Ufunc(ctypes.Structure):
    """The head of PyUFuncObject in numpy/ufuncobject.h."""
    _fields_ = [("object", ctypes.c_char * object.__basicsize__), ("counts", ctypes.c_int * 4),
                ("loops", ctypes.POINTER(ctypes.c_void_p)), ("data", ctypes.POINTER(ctypes.c_void_p))]


@functools.cache
def inner_loop(f, kind):
    """The inner loop of f for types like "ff->f", and its data; None if there is no such loop."""
    if kind not in f.types:
        return None
    head, i = _Ufunc.from_address(id(f)), f.types.index(kind)
    return head.loops[i], head.data[i] or 0


@intrinsic
def _run(typing, loop, data, places, count, steps):
    """loop(places, &count, steps, data)"""
    def codegen(context, builder, signature, args):
        word, text = ir.IntType(64), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [word.as_pointer()] * 3 + [text])
        packed = [cgutils.pack_array(builder, cgutils.unpack_tuple(builder, args[i], 3)) for i in (2, 4)]
        places, steps = (builder.bitcast(cgutils.alloca_once_value(builder, p), word.as_pointer()) for p in packed)
        size = cgutils.alloca_once_value(builder, args[3])
        f, data = builder.inttoptr(args[0], kind.as_pointer()), builder.inttoptr(args[1], text)
        builder.call(f, [places, size, steps, data])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.UniTuple(types.int64, 3), types.int64,
                      types.UniTuple(types.int64, 3)), codegen


@inner_kernel
def _repeats(steps, wide, columns):
    return wide > columns and steps[1] == 0 and steps[2] != 0


@inner_kernel
def _lay_out(x, start, steps, wide, columns, room):
    """A short row that meets many, over and over: the loop runs over `wide` numbers at once."""
    if _repeats(steps, wide, columns):
        for i in range(wide):
            store(x, room, i, load(x, start, i % columns))


@inner_kernel
def _place(start, steps, wide, columns, q, room):
    """Where the operand of element q of a plane lies."""
    if _repeats(steps, wide, columns):
        return room + q % columns * steps[2]
    return start + q // columns * steps[1] + q % columns * steps[2]


@parallel_kernel
def _walk(part, loop, data, a, b, number, out, inputs, wide, lengths, a_steps, b_steps, out_steps):
    """out = f(a, b) over (outer, rows, columns), `wide` numbers a call; steps are bytes. An empty array: the number."""
    (thread, threads), size, columns, plane = part, a.itemsize, lengths[2], lengths[1] * lengths[2]
    at, stop, spare = out.size * thread // threads, out.size * (thread + 1) // threads, np.empty(2 * wide + 1, a.dtype)
    spare[0], room, other = number, address(spare) + size, address(spare) + (wide + 1) * size
    while at < stop:
        o, end = at // plane, min(stop, (at // plane + 1) * plane)
        x, y = address(a if a.size else spare) + o * a_steps[0], address(b if b.size else spare) + o * b_steps[0]
        _lay_out(a, x, a_steps, wide, columns, room)
        _lay_out(b, y, b_steps, wide, columns, other)
        while at < end:
            q = at - o * plane
            count = min(wide - q % columns, end - at)
            first, second = (_place(x, a_steps, wide, columns, q, room), _place(y, b_steps, wide, columns, q, other))
            third = _place(address(out) + o * out_steps[0], out_steps, 0, columns, q, 0)
            if inputs == 1:
                _run(loop, data, (first, third, third), count, (a_steps[2], out_steps[2], out_steps[2]))
            else:
                _run(loop, data, (first, second, third), count, (a_steps[2], b_steps[2], out_steps[2]))
            at += count


def _width(lengths, strides, size):
    """Numbers a call of the loop: a row, or many short ones where each operand is dense or repeats its row."""
    _, rows, columns = lengths
    dense = [step[1] == columns * step[2] or step[1:] == (0, size) for step in strides]
    short = rows > 1 and columns < NARROW and all(dense) and strides[-1][1]
    return NARROW // columns * columns if short else columns


@functools.lru_cache(maxsize=1024)
def _plan(f, *layouts):
    """What _walk takes for arrays of (dtype, shape, strides), the output last; None stands for a number.

    Instead of all, None: NumPy must do it.
    """
    inputs, (last, shape, _) = layouts[:-1], layouts[-1]
    kind = next(layout[0] for layout in inputs if layout)
    if any([layout[0] != kind if layout else kind.kind != "f" for layout in inputs]) or not kind.isnative:
        return None
    loop = inner_loop(f, kind.char * len(inputs) + "->" + last.char)
    strides = [steps(*layout[1:], shape) if layout else (0,) * len(shape) for layout in layouts]
    axes = joined(shape, *strides)
    if loop is None or len(axes) > 3 or any([step < 0 for axis in axes for step in axis]):
        return None
    lengths, *walk = padded(axes, 3)
    return *loop, _width(lengths, walk, kind.itemsize), lengths, walk[0], walk[-2], walk[-1]


def call_ufunc(f, *args):
    f(*args[:-1], out=args[-1])


def apply(f, *args):
    """f(a, out) or f(a, b, out): arrays of any strides, one of a and b may be a number."""
    out = args[-1]
    plan = None
    if out.size >= LARGE:
        plan = _plan(f, *[(x.dtype, x.shape, x.strides) if isinstance(x, np.ndarray) else None for x in args])
    if plan is None:
        call(call_ufunc, f, *args)
        return
    loop, data, *walk = plan
    a, b, number = args[0], args[-2], 0.0
    if not isinstance(a, np.ndarray):
        a, number = b[:0], float(a)
    elif not isinstance(b, np.ndarray):
        b, number = a[:0], float(b)
    _walk(loop, data, flat(a), flat(b), number, flat(out), len(args) - 1, *walk)
