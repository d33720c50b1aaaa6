"""One compiled function on all threads, through the thread pool behind Numba's prange.

prange itself compiles a kernel four times over: here it is compiled once, and called by a task of a few instructions.
How many threads there are lies in memory that compiled code reads at each call. A process that was forked off has no
threads of the pool, and OpenMP's would wait for them forever: there, this thread works alone.
"""
import ctypes
import os

from llvmlite import binding, ir
from numba import config, get_num_threads, threading_layer, types
from numba.core import cgutils
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.extending import intrinsic
from numba.np.ufunc.parallel import _launch_threads

# omp: 1.7 us a parallel region and safe for several Python threads; workqueue: 97 us, and it aborts when two enter
config.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]
# A thread that waits for the others turns this often, some 50 us, then sleeps. The default, some 8 ms, makes every
# kernel that slow on a machine where another process has the core.
if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
    os.environ["GOMP_SPINCOUNT"] = "2000"
_launch_threads()               # now, so that compiled code finds the pool's symbols
POOL_SIZE = get_num_threads()
MANY_CALLERS = threading_layer() != "workqueue"     # several Python threads may use the pool at once
_threads = ctypes.c_int64(POOL_SIZE)
binding.add_symbol("gpunn_threads", ctypes.addressof(_threads))


def threads() -> int:
    """How many threads a large kernel runs on."""
    return _threads.value


def set_threads(n: int | str, who: str):
    if not str(n).isdecimal() or not 1 <= int(n) <= POOL_SIZE:
        raise ValueError(f"{who}: expected a whole number of threads from 1 to {POOL_SIZE}, got {n!r}; "
                         "more than that takes NUMBA_NUM_THREADS, set before the program starts")
    _threads.value = int(n)


def _forked():
    _threads.value = 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
if os.environ.get("GPUNN_NUM_THREADS"):
    set_threads(os.environ["GPUNN_NUM_THREADS"], "GPUNN_NUM_THREADS")

INT, WORD, BYTES = ir.IntType(32), ir.IntType(64), ir.IntType(8).as_pointer()
WORDS = WORD.as_pointer()
TASK = ir.FunctionType(ir.VoidType(), [BYTES.as_pointer(), WORDS, WORDS, BYTES])
POOL = ir.FunctionType(ir.VoidType(), [BYTES] * 5 + [WORD] * 3)
PART = types.UniTuple(types.int64, 2)


@intrinsic
def fork(typing, body, most, args):
    """body((i, threads), *args) for every thread i at once; `most` limits how many, and one is this thread itself."""
    kinds = (PART, *args.types)
    body.dispatcher.compile(kinds)
    compiled = body.dispatcher.overloads[kinds]

    def codegen(context, builder, signature, values):
        context.add_linking_libs([compiled.library])
        count = cgutils.get_or_insert_function(builder.module, ir.FunctionType(INT, []), "get_num_threads")
        ours = builder.module.globals.get("gpunn_threads") or ir.GlobalVariable(builder.module, WORD, "gpunn_threads")
        threads = values[1]
        for limit in (builder.sext(builder.call(count, []), WORD), builder.load(ours)):
            threads = builder.select(builder.icmp_signed("<", limit, threads), limit, threads)
        data = cgutils.alloca_once_value(builder, cgutils.make_anonymous_struct(builder, [threads, values[2]]))
        task = _task(context, builder, compiled, args, data.type)
        base, size, step = (cgutils.alloca_once_value(builder, v) for v in (BYTES(None), threads, WORD(1)))
        data = builder.bitcast(data, BYTES)
        with builder.if_else(builder.icmp_signed(">", threads, WORD(1))) as (together, alone):
            with together:
                pool = cgutils.get_or_insert_function(builder.module, POOL, "numba_parallel_for")
                pointers = [builder.bitcast(p, BYTES) for p in (task, base, size, step)]
                builder.call(pool, [*pointers, data, WORD(0), WORD(1), threads])
            with alone:
                builder.call(task, [base, size, step, data])
        return context.get_dummy_value()

    return types.void(body, types.int64, args), codegen


class Whole(JITCodeLibrary):
    """What Python calls, with all that it calls in turn: optimised once, when it is complete; may be cached."""

    def __init__(self, *args):
        super().__init__(*args)
        self.enable_object_caching()

    def _get_module_for_linking(self):
        raise RuntimeError(f"{self.name}: compiled code may call an inner_kernel, not a kernel")

    def serialize_using_object_code(self):
        """Machine code, and instead of code to link the names that it defines."""
        names = [f.name for f in self._final_module.functions
                 if not f.is_declaration and f.linkage == binding.Linkage.external]
        defined = binding.parse_assembly("\n".join([f'@"{name}" = internal global i8 0' for name in names]))
        return self.name, "object", (self._get_compiled_object(), defined.as_bitcode())

    def _optimize_final_module(self):
        manager, builder = self._codegen._module_pass_manager()
        manager.run(self._final_module, builder)


class Linked(JITCodeLibrary):
    """Code that only other compiled code calls: it is optimised and becomes machine code there."""

    def _optimize_final_module(self):
        """Once is enough."""

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name):
        return 0

    codegen = property(lambda self: self)

    def set_env(self, name, env):
        """There is no machine code that would need one."""


class Compiling(Compiler):
    library = Whole

    def define_pipelines(self):
        self.state.library = self.library(self.state.targetctx.codegen(), self.state.func_id.func_qualname)
        return super().define_pipelines()


class Linking(Compiling):
    library = Linked


def _task(context, builder, compiled, args, pointer):
    """What the pool calls: pointers[0] counts from the first part, sizes[0] says how many; data is (threads, args)."""
    task = ir.Function(builder.module, TASK, builder.function.name + ".task")
    task.linkage = "internal"
    task.attributes.add("noinline")
    pointers, sizes, _, data = task.args
    inside = ir.IRBuilder(task.append_basic_block())
    threads, packed = cgutils.unpack_tuple(inside, inside.load(inside.bitcast(data, pointer)), 2)
    start = inside.ptrtoint(inside.load(pointers), WORD)
    with cgutils.for_range_slice(inside, start, inside.add(start, inside.load(sizes)), WORD(1), inc=True) as (i, _):
        part = context.make_tuple(inside, PART, [i, threads])
        values = cgutils.unpack_tuple(inside, packed, len(args))
        context.call_internal_no_propagate(inside, compiled.fndesc, compiled.signature, [part, *values])
    inside.ret_void()
    return task
