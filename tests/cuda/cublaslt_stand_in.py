"""A libcublasLt of Python functions behind C's calling convention: does in NumPy what its descriptors say.

It knows the header, not the binding. What the library would refuse gets the status that it would give, what it
would misread fails the test: `faults` holds that.
"""
import contextlib
import ctypes
import zlib
from ctypes import CFUNCTYPE, c_double, c_float, c_int, c_int64, c_size_t, c_uint32, c_uint64

import numpy as np

from gpunn.kernels.cuda import choosing, cublaslt
from tests import sim
from tests.kernels.harness import upcast
from tests.kernels.references import halves
from tests.sim import capture

from .cublaslt_header import NUMBERS, PROTOTYPES, RESULT, RESULT_SIZE, SIZES

INVALID, UNSUPPORTED, INTERNAL = 7, 15, 14
NUMPY = {0: "float32", 1: "float64", 2: "float16", 14: "V2"}
SCALES = {68: 0, 75: 0, 77: 0, 70: 1}               # compute type -> type of alpha and beta
# compute type -> types of A and B, and of C
SERVED = {68: {(0, 0), (2, 2), (2, 0), (14, 14), (14, 0)}, 75: {(0, 0)}, 77: {(0, 0)}, 70: {(1, 1)}}
DEFAULT, RELU, BIAS, RELU_BIAS, RELU_AUX, RELU_AUX_BIAS, DRELU, BGRADA = EPILOGUES = 1, 2, 4, 6, 130, 134, 136, 256
STATUSES = {number: name for name, number in NUMBERS.items() if name.startswith("CUBLAS_STATUS_")}
WORKSPACES = 4096, 0, 20000, 512                    # of the algorithms, in turn


class Refusal(Exception):
    """A status."""


def demand(condition, status: int = INVALID):
    if not condition:
        raise Refusal(status)


class StandIn:
    """`statuses`: what a function shall return instead of working; epilogues that it lacks, algorithms that fail;
    `at_zero`: the bit of a mask where relu's argument is 0."""

    def __init__(self, choices=4, statuses=(), lacking=(), broken=(), at_zero=0):
        self.choices, self.statuses, self.lacking, self.broken = choices, dict(statuses), lacking, broken
        self.at_zero = at_zero
        self.objects, self.faults, self.refused, self.products, self.asked, self.keep = {}, [], [], [], 0, []
        for name, types in PROTOTYPES.items():
            setattr(self, name, self.exported(name, types))
        self.cublasLtGetVersion = CFUNCTYPE(c_size_t)(lambda: 130100)
        self.cublasLtGetStatusName = lambda status: STATUSES[status].encode()

    def exported(self, name: str, types: tuple):
        def call(*args):
            try:
                demand(name not in self.statuses, self.statuses.get(name))
                getattr(self, name.removeprefix("cublasLt").lower())(*args)
                return 0
            except Refusal as refusal:
                self.refused.append((name, *refusal.args))
                return refusal.args[0]
            except Exception as error:
                self.faults.append(f"{name}: {error!r}")
                return INTERNAL
        function = CFUNCTYPE(c_int, *types)(call)
        function.__name__ = name
        return function

    def born(self, place: int, **what):
        self.keep.append(ctypes.create_string_buffer(16))
        address = ctypes.addressof(self.keep[-1])
        self.objects[address] = what
        c_uint64.from_address(place).value = address

    def create(self, place):
        self.born(place, kind="handle")

    def matmuldesccreate(self, place, compute, scale):
        demand(SCALES.get(compute) == scale)
        self.born(place, kind="DESC", compute=compute)

    def matrixlayoutcreate(self, place, dtype, rows, columns, lead):
        demand(dtype in NUMPY and lead >= rows and rows > 0 and columns > 0)
        self.born(place, kind="LAYOUT", dtype=dtype, rows=rows, columns=columns, lead=lead)

    def matmulpreferencecreate(self, place):
        self.born(place, kind="PREF")

    def set_attribute(self, target, attribute, buffer, size):
        entry = self.objects[target]
        demand(SIZES[entry["kind"]].get(attribute) == size)
        entry[attribute] = {4: c_uint32, 8: c_int64}[size].from_address(buffer).value

    matmuldescsetattribute = matrixlayoutsetattribute = matmulpreferencesetattribute = set_attribute

    def get(self, kind: str, address: int) -> dict:
        assert self.objects[address]["kind"] == kind
        return self.objects[address]

    def form(self, desc, *layouts) -> tuple:
        """(description, A, B, C, D), and a number for it; refuses what does not fit together."""
        d, (a, b, c, out) = self.get("DESC", desc), (self.get("LAYOUT", layout) for layout in layouts)
        (m, k), (k2, n) = turned(a, d.get(3, 0)), turned(b, d.get(4, 0))
        demand(k == k2 and (m, n) == (c["rows"], c["columns"]) == (out["rows"], out["columns"]))
        demand(a["dtype"] == b["dtype"] and c["dtype"] == out["dtype"])
        demand((a["dtype"], c["dtype"]) in SERVED[d["compute"]])
        demand(len({x.get(5, 1) for x in (a, b, c, out)}) == 1)
        epilogue = d.get(7, 1)
        demand(epilogue in EPILOGUES and (not epilogue & (BIAS | BGRADA) or d.get(8)))
        demand(not epilogue & 128 or d.get(11) and d.get(12, 0) >= m and d[12] % 128 == 0 and d[11] % 16 == 0)
        demand(epilogue not in self.lacking, UNSUPPORTED)
        alike = [sorted((str(key), v) for key, v in x.items() if key not in ("kind", 8, 11)) for x in (d, a, b, c, out)]
        return d, a, b, c, out, zlib.crc32(repr(alike).encode())

    def matmulalgogetheuristic(self, handle, desc, a, b, c, d, preference, requested, results, count):
        self.get("handle", handle)
        *_, number = self.form(desc, a, b, c, d)
        wishes = self.get("PREF", preference)
        assert wishes[3] == NUMBERS["CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE"] and wishes[1] == choosing.WORKSPACE
        self.asked += 1
        c_int.from_address(count).value = min(requested, self.choices)
        aligned = [wishes[which] for which in (5, 6, 7, 8)]
        for i in range(min(requested, self.choices)):
            at = results + i * RESULT_SIZE
            (c_uint64 * 8).from_address(at + RESULT["algo"][0])[:] = [i + 1, number, 7, 7, *aligned]
            c_size_t.from_address(at + RESULT["workspaceSize"][0]).value = WORKSPACES[i % 4]
            c_int.from_address(at + RESULT["state"][0]).value = UNSUPPORTED if i == 1 else 0

    def matmul(self, handle, desc, alpha, a, a_form, b, b_form, beta, c, c_form, d, d_form, algo, workspace, size,
               stream):
        self.get("handle", handle)
        *forms, number = self.form(desc, a_form, b_form, c_form, d_form)
        which, of, *rest, of_a, of_b, of_c, of_d = (c_uint64 * 8).from_address(algo)
        assert (of, rest) == (number, [7, 7]), "an algorithm of another problem"
        demand(which not in self.broken, UNSUPPORTED)
        assert which != 2 and size >= WORKSPACES[(which - 1) % 4], "workspace"
        assert (stream or 0) == capture.current_stream().ptr, "another stream"
        for address, promise in zip((a, b, c, d), (of_a, of_b, of_c, of_d)):
            assert address % promise == 0, "alignment"
        kind = c_double if forms[0]["compute"] == 70 else c_float
        factors = kind.from_address(alpha).value, kind.from_address(beta).value
        self.products.append((number, which, forms[0].get(7, 1), forms[0]["compute"]))
        capture.submit("cublasLtMatmul", compute, (a, b, c, d), [dict(form) for form in forms], factors, self.at_zero,
                       (workspace, size))


def turned(layout: dict, transpose: int) -> tuple:
    shape = layout["rows"], layout["columns"]
    return shape[::-1] if transpose else shape


def matrices(address: int, layout: dict) -> np.ndarray:
    """(batch, rows, columns) of memory"""
    dtype = np.dtype(NUMPY[layout["dtype"]])
    batch, step, lead = layout.get(5, 1), layout.get(6, 0), layout["lead"]
    length = (batch - 1) * step + (layout["columns"] - 1) * lead + layout["rows"]
    flat = np.frombuffer((ctypes.c_char * (length * dtype.itemsize)).from_address(address), dtype)
    strides = [n * dtype.itemsize for n in (step, 1, lead)]
    return np.lib.stride_tricks.as_strided(flat, (batch, layout["rows"], layout["columns"]), strides)


def bits(desc: dict, rows: int, columns: int) -> np.ndarray:
    """(columns, rows to 128) of a mask, packed in bytes"""
    room = np.frombuffer((ctypes.c_char * (columns * desc[12] // 8)).from_address(desc[11]), np.uint8)
    return room.reshape(columns, -1)


def compute(addresses, forms, factors, at_zero, workspace):
    d, *layouts = forms
    (alpha, beta), epilogue = factors, d.get(7, 1)
    *_, out = places = [matrices(address, layout) for address, layout in zip(addresses, layouts)]
    a, b, c = map(upcast, places[:3])
    left, right = (x.swapaxes(1, 2) if d.get(which, 0) else x for x, which in ((a, 3), (b, 4)))
    total = alpha * np.einsum("bmk,bkn->bmn", left, right) + (beta * c if beta else 0)
    rows, columns = total.shape[1:]
    if epilogue & BIAS:
        total += upcast(matrices(d[8], layouts[3] | {"columns": 1, 5: 1})).reshape(1, -1, 1)
    if epilogue in (RELU_AUX, RELU_AUX_BIAS):
        signs = np.where(total[0] == 0, at_zero, total[0] > 0).astype(np.uint8)
        bits(d, rows, columns)[:, :-(-rows // 8)] = np.packbits(signs.T, 1, "little")
    if epilogue & RELU:
        total = np.where(total <= 0, 0, total)
    if epilogue == DRELU:
        total[0] *= np.unpackbits(bits(d, rows, columns), 1, rows, "little").T
    if epilogue == BGRADA:
        place = matrices(d[8], layouts[3] | {"columns": 1, 5: 1})
        place[...] = left.sum(2, float).reshape(place.shape)
    out[...] = halves(total, "bfloat16") if out.dtype == "V2" else total
    ctypes.memset(workspace[0], 0xA5, workspace[1])


@contextlib.contextmanager
def serving(stand_in: StandIn):
    """The arrays of the sim device are multiplied by the stand-in."""
    facade, before = sim.install(), choosing.WORKSPACE
    choosing.WORKSPACE = 1 << 15
    cublaslt.engines[facade.ndarray] = cublaslt.Engine(facade, cublaslt.bound(stand_in))
    try:
        yield cublaslt.engines[facade.ndarray]
    finally:
        choosing.WORKSPACE = before
        del cublaslt.engines[facade.ndarray]
    assert not stand_in.faults, stand_in.faults
