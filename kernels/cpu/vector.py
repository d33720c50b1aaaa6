"""What this processor can do, and the register tile of the matrix product, emitted with llvmlite.

A tile is `rows` x `vectors` accumulators; with `vectors` registers of b and one of a they must fit the register file.
"""
import platform

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

FEATURES = binding.get_host_cpu_features()
ARM = platform.machine().lower() in ("arm64", "aarch64")
FUSED = ARM or bool(FEATURES.get("fma"))
if FEATURES.get("avx512f"):
    BYTES, ROWS, VECTORS = 64, 12, 2
elif FEATURES.get("avx2"):
    BYTES, ROWS, VECTORS = 32, 6, 2
else:
    BYTES, ROWS, VECTORS = 16, 6, 4 if ARM else 2


def lanes(itemsize: int) -> int:
    return BYTES // itemsize


class Tile:
    """Emits c[rows, vectors * lanes] (+)= a[rows, depth] @ b[depth, vectors * lanes] for one type, in registers."""

    def __init__(self, context, builder, real, rows, vectors):
        self.bd, self.rows, self.vectors = builder, rows, vectors
        self.real = context.get_data_type(real)
        self.lanes = lanes(real.bitwidth // 8)
        self.vec = ir.VectorType(self.real, self.lanes)
        self.name = f"v{self.lanes}f{real.bitwidth}"

    def const(self, value):
        return ir.Constant(ir.IntType(64), value)

    def pointer(self, address):
        return self.bd.inttoptr(address, self.real.as_pointer())

    def load(self, pointer):
        value = self.bd.load(self.bd.bitcast(pointer, self.vec.as_pointer()))
        value.align = 4
        return value

    def store(self, value, pointer):
        self.bd.store(value, self.bd.bitcast(pointer, self.vec.as_pointer())).align = 4

    def spread(self, scalar):
        undefined = ir.Constant(self.vec, ir.Undefined)
        first = self.bd.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self.bd.shuffle_vector(first, undefined, lanes)

    def multiply_add(self, a, b, total):
        if not FUSED:
            return self.bd.fadd(self.bd.fmul(a, b), total)
        kind = ir.FunctionType(self.vec, [self.vec] * 3)
        fma = cgutils.get_or_insert_function(self.bd.module, kind, f"llvm.fma.{self.name}")
        return self.bd.call(fma, [a, b, total])

    def grid(self, make):
        return [[make(r, v) for v in range(self.vectors)] for r in range(self.rows)]

    def emit(self, a, a_row, a_col, b, start, start_row, c, c_row, depth):
        """start: where the accumulators begin (a bias, c itself, zeros), `start_row` numbers a row apart."""
        bd, pa, pb, ps, pc = self.bd, *(self.pointer(p) for p in (a, b, start, c))
        at = lambda p, row, r, v: bd.gep(p, [bd.add(bd.mul(row, self.const(r)), self.const(v * self.lanes))])  # noqa: E731
        first = self.grid(lambda r, v: self.load(at(ps, start_row, r, v)))
        offsets = [bd.mul(a_row, self.const(r)) for r in range(self.rows)]
        entry, loop, done = bd.block, bd.append_basic_block("depth"), bd.append_basic_block("done")
        bd.branch(loop)
        bd.position_at_end(loop)
        i, acc = bd.phi(ir.IntType(64)), self.grid(lambda r, v: bd.phi(self.vec))
        pa_i = bd.gep(pa, [bd.mul(i, a_col)])
        pb_i = bd.gep(pb, [bd.mul(i, self.const(self.vectors * self.lanes))])
        b_vec = [self.load(bd.gep(pb_i, [self.const(v * self.lanes)])) for v in range(self.vectors)]
        new = []
        for r in range(self.rows):
            x = self.spread(bd.load(bd.gep(pa_i, [offsets[r]])))
            new.append([self.multiply_add(x, b_vec[v], acc[r][v]) for v in range(self.vectors)])
        following = bd.add(i, self.const(1))
        for phi, begin, end in [(i, self.const(0), following),
                                *((acc[r][v], first[r][v], new[r][v])
                                  for r in range(self.rows) for v in range(self.vectors))]:
            phi.add_incoming(begin, entry)
            phi.add_incoming(end, loop)
        bd.cbranch(bd.icmp_signed("<", following, depth), loop, done)
        bd.position_at_end(done)
        self.grid(lambda r, v: self.store(new[r][v], at(pc, c_row, r, v)))


def make_tile(rows: int, vectors: int):
    """tile(kind, a, a_row, a_col, b, start, start_row, c, c_row, depth): addresses and strides; `kind`: any array."""

    @intrinsic
    def tile(typing, kind, a, a_row, a_col, b, start, start_row, c, c_row, depth):
        signature = types.void(kind, types.intp, types.int64, types.int64, types.intp, types.intp, types.int64,
                               types.intp, types.int64, types.int64)

        def codegen(context, builder, signature, args):
            Tile(context, builder, kind.dtype, rows, vectors).emit(*args[1:])
            return context.get_dummy_value()

        return signature, codegen

    return tile


@intrinsic
def address(typing, array):
    """Where the elements begin."""
    def codegen(context, builder, signature, args):
        return builder.ptrtoint(context.make_array(array)(context, builder, args[0]).data, ir.IntType(64))

    return types.int64(array), codegen


@intrinsic
def load(typing, kind, start, i):
    """The i-th number from an address on; `kind` is any array of the type."""
    def codegen(context, builder, signature, args):
        return builder.load(_place(context, builder, kind, *args[1:]))

    return kind.dtype(kind, types.int64, types.int64), codegen


@intrinsic
def store(typing, kind, start, i, value):
    def codegen(context, builder, signature, args):
        builder.store(args[3], _place(context, builder, kind, *args[1:3]))
        return context.get_dummy_value()

    return types.void(kind, types.int64, types.int64, kind.dtype), codegen


def _place(context, builder, kind, start, i):
    return builder.gep(builder.inttoptr(start, context.get_data_type(kind.dtype).as_pointer()), [i])
