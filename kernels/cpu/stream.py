"""Writing past the caches what they cannot hold: its lines need not be read first, and drive nothing else out.

A row is worked out in a room of its own, and moved when it is complete.
"""
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .launch import inner_kernel
from .vector import BYTES, Vectors, address, load, store

FAR = 1 << 25       # bytes of a result from which on it is written past the caches
LINE = 64           # bytes of a line of the cache: only whole lines are written past it
LEAST = 512         # bytes of a row: less is mostly the ends


@inner_kernel
def far_room(y, count):
    """Where so many numbers of y are worked out; empty where they are written directly"""
    far = y.size * y.itemsize >= FAR and count * y.itemsize >= LEAST
    return np.empty(count if far else 0, y.dtype)


@inner_kernel
def desk(room, target):
    """The address to write to, before `move_on`"""
    return address(room) if room.size else target


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
def move_on(kind, source, target, count):
    """Past the caches but for the ends; nothing where it is there already.

    Who waits for this thread sees it: what threads tell each other by comes behind all that they wrote.
    """
    if source != target:
        head = min(count, -target % LINE // kind.itemsize)
        tail = count - (count - head) % (LINE // kind.itemsize)
        for i in range(head):
            store(kind, target, i, load(kind, source, i))
        for i in range(head, tail, BYTES // kind.itemsize):
            _pass(kind, source, target, i)
        for i in range(tail, count):
            store(kind, target, i, load(kind, source, i))
