"""Long ways to memory: results beyond the caches are written past them, and what is wanted soon is asked for early.

Lines written past the caches need not be read first, and drive nothing else out. Only whole lines can be: a row is
worked out in a room, behind what the row before left over.
"""
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .launch import inner_kernel
from .vector import BYTES, Vectors, address, load, store

FAR = 1 << 25       # bytes of a result from which on it is written past the caches
LINE = 64           # bytes of a line of the cache


@inner_kernel
def far_room(y, count):
    """Where so many numbers of y are worked out; empty where they are written directly"""
    return np.empty(count + LINE // y.itemsize if y.size * y.itemsize >= FAR else 0, y.dtype)


@inner_kernel
def desk(room, left, target):
    """Where to write what belongs at `target`"""
    return address(room) + left * room.itemsize if room.size else target


@inner_kernel
def move_on(kind, desk, target, count, left, last):
    """What was written to the desk goes to its target, but for what does not fill a line -> so many are left over

    Who waits for this thread sees it: what threads tell each other by comes behind all that they wrote.
    """
    source, target, count = desk - left * kind.itemsize, target - left * kind.itemsize, count + left
    head = min(count, -target % LINE // kind.itemsize)
    left = (count - head) % (LINE // kind.itemsize)
    for i in range(head):
        store(kind, target, i, load(kind, source, i))
    for i in range(head, count - left, BYTES // kind.itemsize):
        _pass(kind, source, target, i)
    to = target + (count - left) * kind.itemsize if last else source
    for i in range(left):
        store(kind, to, i, load(kind, source, count - left + i))
    return left


@intrinsic
def _pass(typing, kind, source, target, i):
    """A vector from the i-th number on"""
    def codegen(context, builder, signature, args):
        vectors = Vectors(context, builder, signature.args[0].dtype)
        source, target = (vectors.at(vectors.pointer(place), args[3]) for place in args[1:3])
        stored = builder.store(vectors.load(source), builder.bitcast(target, vectors.vec.as_pointer()))
        stored.align = BYTES
        stored.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)]))
        return context.get_dummy_value()

    return types.void(kind, *[types.int64] * 3), codegen


@inner_kernel
def ask_for(place, size):
    """So many bytes"""
    for i in range(0, size, LINE):
        _prefetch(place + i)


@intrinsic
def _prefetch(typing, place):
    def codegen(context, builder, signature, args):
        number, pointer = ir.IntType(32), builder.inttoptr(args[0], ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
        f = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(f, [pointer, number(0), number(3), number(1)])         # to read, to keep, data
        return context.get_dummy_value()

    return types.void(types.int64), codegen
