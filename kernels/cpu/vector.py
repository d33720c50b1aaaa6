"""What this processor can do, arrays as addresses, and vectors of numbers, emitted with llvmlite."""
import platform
from inspect import Parameter, Signature

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
LINE = 64       # bytes that come at once; where a thread's scratch begins
AHEAD, AHEAD_ROWS = 4096, 48     # bytes that it pays to fetch ahead, and rows that lie far apart
PIECE = 16      # bytes that are written past the caches at a time, to a multiple of so many
FAR = 1 << 25   # bytes of a result that no cache keeps: it is written past them


class Vectors:
    """Emits operations on vectors of one type: at a pointer, all lanes or those that a mask names."""

    def __init__(self, context, builder, real):
        self.context, self.bd, self.kind, self.real = context, builder, real, context.get_data_type(real)
        bits = getattr(real, "bitwidth", 8)             # a truth value is a byte
        self.lanes = 8 * BYTES // bits
        self.vec = ir.VectorType(self.real, self.lanes)
        self.name = f"v{self.lanes}f{bits}"

    def const(self, value):
        return ir.Constant(LONG, value) if isinstance(value, int) else value

    def pointer(self, address):
        return self.bd.inttoptr(address, self.real.as_pointer())

    def at(self, pointer, index):
        """`index` numbers further"""
        return self.bd.gep(pointer, [self.const(index)])

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

    def stream(self, value, pointer):
        """Past the caches: no line is read before it is written. The end of a kernel waits for it."""
        count = PIECE * self.lanes // BYTES
        for i in range(0, self.lanes, count):
            piece = self.bd.shuffle_vector(value, value, ir.Constant(ir.VectorType(INT, count), [*range(i, i + count)]))
            put = self.bd.store(piece, self.bd.bitcast(self.at(pointer, i), piece.type.as_pointer()), align=PIECE)
            put.set_metadata("nontemporal", self.bd.module.add_metadata([ir.Constant(INT, 1)]))

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

    def loop(self, count, state, body):
        """for k in range(count): state = body(k, state)"""
        bd, zero = self.bd, self.const(0)
        entry, loop, done = bd.block, bd.append_basic_block("loop"), bd.append_basic_block("done")
        bd.cbranch(bd.icmp_signed(">", count, zero), loop, done)
        bd.position_at_end(loop)
        k, *held = [bd.phi(LONG), *[bd.phi(value.type) for value in state]]
        new, following, end = body(k, held), bd.add(k, self.const(1)), bd.block
        bd.cbranch(bd.icmp_signed("<", following, count), loop, done)
        bd.position_at_end(done)
        behind = [bd.phi(value.type) for value in state]
        for phi, before, after in [(k, zero, following), *zip(held, state, new), *zip(behind, state, new)]:
            phi.add_incoming(before, entry)
            phi.add_incoming(after, end)
        return behind

    def at_most(self, index, last):
        return self.bd.select(self.bd.icmp_signed("<", self.const(index), last), self.const(index), last)

    def prefetch(self, pointer, write=0):
        """Anywhere: what lies in no memory is left alone."""
        pointer = self.bd.bitcast(pointer, ir.IntType(8).as_pointer())
        self.call("prefetch", ir.VoidType(), pointer, *[ir.Constant(INT, i) for i in (write, 3, 1)], name="p0")

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
    """Emits c[rows, columns] = max(start + a[rows, depth] @ b[depth, columns], floor), in registers."""

    def __init__(self, context, builder, real, rows, vectors, left=()):
        """left: for the vectors, how many numbers are real from there on, None where all lanes are"""
        super().__init__(context, builder, real)
        self.rows, self.vectors, self.left = rows, vectors, left or [None] * vectors
        self.masks = [None if n is None else self.first_lanes(n) for n in self.left]

    def emit(self, a, a_row, a_col, b, b_row, start, start_row, c, c_row, depth, floor, last=None, copies=()):
        """start: where the sums begin (a bias, c itself, zeros), `start_row` numbers a row apart; a row beyond `last`
        repeats it. copies: where to lay, side by side, the rows of b.
        """
        bd, ps, pc = self.bd, self.pointer(start), self.pointer(c)
        numbers, registers = [self.const(r) for r in range(self.rows)], range(self.vectors)
        rows = numbers if last is None else [self.at_most(r, last) for r in numbers]
        factors, pointers = [bd.mul(a_row, r) for r in rows], [self.pointer(p) for p in (a, b, *copies)]
        for r in range(self.rows, 2 * self.rows):                   # where the next tile will end
            self.prefetch(self.at(pc, bd.mul(c_row, self.const(r))), write=1)

        def places(p, row):
            return [[self.at(p, bd.add(bd.mul(row, r), self.const(v * self.lanes))) for v in registers] for r in rows]

        def step(_, state):
            (x, y, *laid), totals = state[:len(pointers)], state[len(pointers):]
            x = self.opaque(x)
            right = [self.load(self.at(y, v * self.lanes)) for v in registers]
            for p in laid:
                self.lay(right, p, self.at(y, bd.mul(b_row, self.const(AHEAD_ROWS))))
            left = [self.spread(bd.load(self.at(x, f))) for f in factors]
            return [self.at(x, a_col), self.at(y, b_row), *[self.at(p, self.vectors * self.lanes) for p in laid],
                    *[self.multiply_add(f, right[v], totals[r * self.vectors + v])
                      for r, f in enumerate(left) for v in registers]]

        seeds = [self.load(p, mask) for line in places(ps, start_row) for p, mask in zip(line, self.masks)]
        sums = self.loop(depth, [*pointers, *seeds], step)[len(pointers):]
        self.write([self.at_least(x, floor) for x in sums], [p for line in places(pc, c_row) for p in line])

    def lay(self, row, place, ahead):
        self.prefetch(ahead)
        for v, value in enumerate(row):
            self.store(value, self.at(place, v * self.lanes))

    def opaque(self, pointer):
        """The same pointer, of which the compiler knows nothing: or it would unroll a loop over it and keep a number a
        row and step, more than there are registers.
        """
        kind = ir.FunctionType(pointer.type, [pointer.type])
        return self.bd.call(ir.InlineAsm(kind, "", "=r,0"), [pointer])

    def write(self, sums, places):
        """The last register of a row may be partly real."""
        for i, (value, place) in enumerate(zip(sums, places)):
            left = self.left[i % self.vectors]
            self.store(value, place) if left is None else self.store_first(value, place, left)


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


def emitted(kinds: str, result: str = "", by=Vectors):
    """f(dtype, ...) for compiled code, of what emits it, `emit(by(...), ...)`. Kinds and result: i is an int64, n a
    number of the dtype, nn two. (An array may stand for its dtype, but costs atomic counts at each call.)"""
    def of(emit):
        def f(typing, kind, *_):
            known = {"i": types.int64, "n": kind.dtype, "nn": types.UniTuple(kind.dtype, 2), "": types.void}

            def codegen(context, builder, signature, args):
                made = emit(by(context, builder, kind.dtype), *args[1:])
                return context.get_dummy_value() if made is None else made

            return known[result](kind, *map(known.get, kinds)), codegen
        names = ["typing", "kind", *[f"{kind}{i}" for i, kind in enumerate(kinds)]]
        f.__signature__ = Signature([Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names])
        return intrinsic(f)
    return of


@emitted("ii", "n")
def load(f, start, i):
    """The i-th number from an address on."""
    return f.bd.load(f.at(f.pointer(start), i))


@emitted("iin")
def store(f, start, i, value):
    f.bd.store(value, f.at(f.pointer(start), i))


@emitted("iii")
def move(f, source, target, count):
    """Numbers from an address on to another."""
    cgutils.raw_memcpy(f.bd, f.pointer(target), f.pointer(source), count, BYTES // f.lanes)


@emitted("ii")
def clear(f, start, count):
    """Zeros from an address on. `x[:] = 0` takes Numba seconds to compile, for the error that shapes do not fit."""
    cgutils.memset(f.bd, f.pointer(start), f.bd.mul(count, f.const(BYTES // f.lanes)), 0)


@intrinsic
def fetch(typing, start, size):
    """Brings bytes nearer that are wanted soon: the processor looks ahead by itself, but not beyond a page."""
    def codegen(context, builder, signature, args):
        f = Vectors(context, builder, types.float32)
        with cgutils.for_range_slice(builder, args[0], builder.add(*args), f.const(LINE), inc=True) as (place, _):
            f.prefetch(builder.inttoptr(place, ir.IntType(8).as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen
