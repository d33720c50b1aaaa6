"""What this processor can do, arrays as addresses, and vectors of numbers, emitted with llvmlite."""
import platform

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload_attribute

FEATURES = binding.get_host_cpu_features()
ARM = platform.machine().lower() in ("arm64", "aarch64")
FUSED = ARM or bool(FEATURES.get("fma"))
# the register tile of a matrix product: ROWS x VECTORS sums, VECTORS of b and one of a fit the register file
if FEATURES.get("avx512f"):
    BYTES, ROWS, VECTORS = 64, 12, 2
elif FEATURES.get("avx2"):
    BYTES, ROWS, VECTORS = 32, 6, 2
else:
    BYTES, ROWS, VECTORS = 16, 6, 4 if ARM else 2
INT, LONG = ir.IntType(32), ir.IntType(64)


def lanes(itemsize: int) -> int:
    return BYTES // itemsize


class Vectors:
    """Emits operations on vectors of one type: at a pointer, all lanes or those that a mask names."""

    def __init__(self, context, builder, real):
        self.context, self.bd, self.real = context, builder, context.get_data_type(real)
        self.lanes = lanes(real.bitwidth // 8)
        self.vec = ir.VectorType(self.real, self.lanes)
        self.name = f"v{self.lanes}f{real.bitwidth}"

    def const(self, value):
        return ir.Constant(LONG, value)

    def pointer(self, address):
        return self.bd.inttoptr(address, self.real.as_pointer())

    def at(self, pointer, index):
        """`index` numbers further"""
        return self.bd.gep(pointer, [self.const(index) if isinstance(index, int) else index])

    def first_lanes(self, count):
        """The mask of lanes 0 .. count; none where count is negative"""
        ids = ir.Constant(ir.VectorType(LONG, self.lanes), list(range(self.lanes)))
        return self.bd.icmp_signed("<", ids, self.spread(count))

    def load(self, pointer, mask=None):
        pointer = self.bd.bitcast(pointer, self.vec.as_pointer())
        if mask is not None:
            return self.call("masked.load", self.vec, pointer, ir.Constant(INT, 4), mask, ir.Constant(self.vec, None),
                             name=self.name + ".p0")
        value = self.bd.load(pointer)
        value.align = 4
        return value

    def store(self, value, pointer):
        self.bd.store(value, self.bd.bitcast(pointer, value.type.as_pointer())).align = 4

    def store_first(self, value, pointer, count):
        """The first `count` lanes, all of them at most, by halves: masked stores are slow on many processors."""
        full = self.bd.icmp_signed(">=", count, self.const(self.lanes))
        with self.bd.if_else(full) as (yes, no):
            with yes:
                self.store(value, pointer)
            with no:
                self.store_halves(value, pointer, count, self.lanes // 2)

    def store_halves(self, value, pointer, count, half):
        if not half:
            return
        low, high = (ir.Constant(ir.VectorType(INT, half), list(range(i, i + half))) for i in (0, half))
        low, high = self.bd.shuffle_vector(value, value, low), self.bd.shuffle_vector(value, value, high)
        taken = self.bd.and_(count, self.const(half))
        yes = self.bd.icmp_signed("!=", taken, self.const(0))
        with self.bd.if_then(yes):
            self.store(low, pointer)
        self.store_halves(self.bd.select(yes, high, low), self.at(pointer, taken), count, half // 2)

    def call(self, function, result, *args, name=None):
        kind = ir.FunctionType(result, [a.type for a in args])
        f = cgutils.get_or_insert_function(self.bd.module, kind, f"llvm.{function}.{name or self.name}")
        return self.bd.call(f, args)

    def phi(self, phi, first, entry, following, loop):
        phi.add_incoming(first, entry)
        phi.add_incoming(following, loop)

    def shuffle(self, a, b, order):
        return self.bd.shuffle_vector(a, b, ir.Constant(ir.VectorType(INT, self.lanes), order))

    def spread(self, scalar):
        empty = ir.Constant(ir.VectorType(scalar.type, self.lanes), ir.Undefined)
        return self.shuffle(self.bd.insert_element(empty, scalar, ir.Constant(INT, 0)), empty, [0] * self.lanes)

    def multiply_add(self, a, b, total):
        return self.call("fma", self.vec, a, b, total) if FUSED else self.bd.fadd(self.bd.fmul(a, b), total)

    def at_least(self, value, floor):
        """NaN stays"""
        return self.bd.select(self.bd.fcmp_ordered("<", value, floor), floor, value)

    def transposed(self, rows):
        """As many vectors as lanes, by exchange of ever larger squares."""
        rows, step = list(rows), 1
        while step < self.lanes:
            ids = range(self.lanes)
            low = [i - step + self.lanes if i & step else i for i in ids]
            high = [i + self.lanes if i & step else i + step for i in ids]
            for i in ids:
                if not i & step:
                    a, b = rows[i], rows[i + step]
                    rows[i], rows[i + step] = self.shuffle(a, b, low), self.shuffle(a, b, high)
            step *= 2
        return rows


class Tile(Vectors):
    """Emits c[rows, vectors * lanes] = start + a[rows, depth] @ b[depth, vectors * lanes], in registers."""

    def __init__(self, context, builder, real, rows, vectors, left=()):
        """left: for the vectors, how many numbers are real from there on, None where all lanes are"""
        super().__init__(context, builder, real)
        self.rows, self.vectors, self.left = rows, vectors, left or [None] * vectors
        self.masks = [None if n is None else self.first_lanes(n) for n in self.left]

    def grid(self, make):
        return [[make(r, v) for v in range(self.vectors)] for r in range(self.rows)]

    def emit(self, a, a_row, a_col, b, b_row, start, start_row, c, c_row, depth, floor=None):
        """start: where the accumulators begin (a bias, c itself, zeros), `start_row` numbers a row apart."""
        bd, pa, pb, ps, pc = self.bd, *(self.pointer(p) for p in (a, b, start, c))
        place = lambda p, row, r, v: self.at(self.at(p, bd.mul(row, self.const(r))), v * self.lanes)  # noqa: E731
        first = self.grid(lambda r, v: self.load(place(ps, start_row, r, v), self.masks[v]))
        offsets = [bd.mul(a_row, self.const(r)) for r in range(self.rows)]
        entry, loop, done = bd.block, bd.append_basic_block("depth"), bd.append_basic_block("done")
        bd.branch(loop)
        bd.position_at_end(loop)
        i, total = bd.phi(LONG), self.grid(lambda r, v: bd.phi(self.vec))
        pa_i, pb_i = self.at(pa, bd.mul(i, a_col)), self.at(pb, bd.mul(i, b_row))
        b_vec = [self.load(self.at(pb_i, v * self.lanes)) for v in range(self.vectors)]
        new = []
        for r in range(self.rows):
            x = self.spread(bd.load(self.at(pa_i, offsets[r])))
            new.append([self.multiply_add(x, b_vec[v], total[r][v]) for v in range(self.vectors)])
        following = bd.add(i, self.const(1))
        self.phi(i, self.const(0), entry, following, loop)
        self.grid(lambda r, v: self.phi(total[r][v], first[r][v], entry, new[r][v], loop))
        bd.cbranch(bd.icmp_signed("<", following, depth), loop, done)
        bd.position_at_end(done)
        if floor is not None:
            new = self.grid(lambda r, v: self.at_least(new[r][v], floor))
        self.grid(lambda r, v: self.end(new[r][v], place(pc, c_row, r, v), self.left[v]))

    def end(self, value, pointer, left):
        if left is None:
            self.store(value, pointer)
        else:
            self.store_first(value, pointer, left)


@overload_attribute(types.DType, "itemsize")
def _itemsize(dtype):
    size = dtype.dtype.bitwidth // 8
    return lambda dtype: size


@intrinsic
def address(typing, array):
    """Where the elements begin."""
    def codegen(context, builder, signature, args):
        return builder.ptrtoint(context.make_array(array)(context, builder, args[0]).data, LONG)

    return types.int64(array), codegen


@intrinsic
def load(typing, kind, start, i):
    """The i-th number from an address on; `kind` is the dtype (or an array: that costs atomic counts at each call)."""
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
