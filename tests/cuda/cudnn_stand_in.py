"""A module `cudnn` that knows the graphs of convolutions, as nvidia-cudnn-frontend 1.24 to 1.28 do, and computes them
in NumPy. What the frontend would refuse raises; what would be misread fails the test: `faults` holds that.
"""
import contextlib
import ctypes
import enum

import numpy as np

from gpunn.kernels.cuda import choosing, cudnn
from tests import sim
from tests.kernels import cases_conv
from tests.sim import capture

NUMPY = {1: np.float32, 3: np.float16, 10: np.uint16}       # bfloat16: its bits
# operation -> its two tensors, and which of image, weight and result it makes
OPERATIONS = {"conv_fprop": ("image", "weight"), "conv_dgrad": ("loss", "filter"), "conv_wgrad": ("image", "loss")}


class NotSupported(RuntimeError):
    pass


class Tensor:
    def __init__(self, graph, made_by=None, dim=None, stride=None, data_type=None, uid=None):
        self.graph, self.made_by, self.dim, self.stride = graph, made_by, dim, stride
        self.kind, self.uid, self.output = data_type, uid, False

    def __getattr__(self, name):
        field = {"set_output": "output", "set_uid": "uid", "set_data_type": "kind", "set_dim": "dim",
                 "set_stride": "stride"}[name]
        return lambda value: setattr(self, field, value) or self

    def array(self, address: int) -> np.ndarray:
        """(n, h, w, c), of the memory itself"""
        assert address % 16 == 0, "alignment"
        dtype = np.dtype(NUMPY[self.kind])
        length = 1 + sum((n - 1) * step for n, step in zip(self.dim, self.stride))
        flat = np.frombuffer((ctypes.c_char * (length * dtype.itemsize)).from_address(address), dtype)
        view = np.lib.stride_tricks.as_strided(flat, self.dim, [n * dtype.itemsize for n in self.stride])
        return view.transpose(0, 2, 3, 1)


def read(tensor, address) -> np.ndarray:
    x = tensor.array(address)
    return (x.astype(np.uint32) << 16).view(np.float32).astype(float) if x.dtype == np.uint16 else x.astype(float)


def write(tensor, address, values):
    place = tensor.array(address)
    if place.dtype == np.uint16:
        bits = values.astype(np.float32).view(np.uint32)
        values = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    place[...] = values


class Graph:
    def __init__(self, cudnn, io_data_type, intermediate_data_type, compute_data_type, handle=None):
        assert intermediate_data_type == compute_data_type == cudnn.data_type.FLOAT
        self.cudnn, self.io, self.handle, self.steps, self.tensors = cudnn, io_data_type, handle, [], {}
        self.operation, self.bent, self.dropped, self.plans = None, False, [], None
        for name, names in OPERATIONS.items():
            setattr(self, name, lambda name=name, names=names, **given: self.convolution(name, names, **given))

    def tensor(self, dim, stride, data_type, uid):
        assert len(dim) == len(stride) == 4 and stride[1] == 1 and uid not in self.tensors
        self.tensors[uid] = Tensor(self, None, dim, stride, data_type, uid)
        return self.tensors[uid]

    def convolution(self, name, names, pre_padding, post_padding, stride, dilation, **tensors):
        assert set(tensors) == set(names) and all(t.kind == self.io for t in tensors.values())
        self.operation = name, [tensors[n] for n in names], (tuple(stride), tuple(zip(pre_padding, post_padding)),
                                                             tuple(dilation))
        self.last = Tensor(self, name)
        return self.last

    def bias(self, input, bias):
        assert input is self.last and input.made_by == "conv_fprop" and bias.kind == self.cudnn.data_type.FLOAT
        self.added, self.last = bias, Tensor(self, "bias")
        return self.last

    def relu(self, input):
        assert input is self.last and input.made_by in ("conv_fprop", "bias")
        self.bent, self.last = True, Tensor(self, "relu")
        return self.last

    def validate(self):
        assert self.last.output and self.last.uid not in self.tensors and self.last.stride[1] == 1
        self.steps.append("validate")

    def build_operation_graph(self):
        assert self.steps == ["validate"] and self.handle == "handle"
        self.steps.append("build")

    def create_execution_plans(self, modes):
        assert self.steps[-1] == "build" and modes == [0, 2]
        self.plans = True

    def deselect_numeric_notes(self, notes):
        assert self.plans, "before there are plans nothing is deselected"
        self.dropped += notes

    def deselect_workspace_greater_than(self, limit):
        assert self.plans and limit == choosing.WORKSPACE

    def check_support(self):
        if self.cudnn.failure:
            raise self.cudnn.failure

    def build_plans(self):
        assert 5 in self.dropped and 2 in self.dropped
        self.steps.append("plans")

    def execute(self, addresses, workspace, handle=None):
        assert self.steps[-1] == "plans" and handle == "handle" and workspace
        assert self.cudnn.stream == capture.current_stream().ptr, "another stream"
        added = getattr(self, "added", None)
        assert set(addresses) == {*self.tensors, self.last.uid} and all(type(a) is int for a in addresses.values())
        self.cudnn.ran.append((self.operation[0], added is not None, self.bent, self.io, 1 in self.dropped))
        capture.submit("cudnn", self.compute, dict(addresses), added)

    def compute(self, addresses, added):
        name, tensors, walk = self.operation
        a, b = (read(t, addresses[t.uid]) for t in tensors)
        n, c, h, w = self.last.dim
        if name == "conv_fprop":
            y = cases_conv.conv(a, b.transpose(1, 2, 3, 0), None, *walk, groups(a.shape[3], b.shape[3]))
            y = y if added is None else y + read(added, addresses[added.uid])
            y = np.where(y <= 0, 0, y) if self.bent else y
        elif name == "conv_dgrad":
            y = cases_conv.conv_input_grad(a, b.transpose(1, 2, 3, 0), (n, h, w, c), *walk, groups(c, b.shape[3]))
        else:
            y = cases_conv.conv_weight_grad(a, b, (h, w), *walk, groups(a.shape[3], c)).transpose(3, 0, 1, 2)
        write(self.last, addresses[self.last.uid], y)


def groups(channels: int, per: int) -> int:
    assert channels % per == 0
    return channels // per


class StandIn:
    """`failure`: what check_support raises."""
    __version__, cudnnGraphNotSupportedError = "1.28.0", NotSupported
    data_type = enum.IntEnum("data_type", {"FLOAT": 1, "DOUBLE": 2, "HALF": 3, "BFLOAT16": 10})
    heur_mode = enum.IntEnum("heur_mode", {"A": 0, "B": 1, "FALLBACK": 2})
    numerical_note = enum.IntEnum("numerical_note", {
        "TENSOR_CORE": 1, "DOWN_CONVERT_INPUTS": 2, "REDUCED_PRECISION_REDUCTION": 3, "NONDETERMINISTIC": 5})

    def __init__(self, failure=None):
        self.failure, self.ran, self.stream = failure, [], None

    def pygraph(self, **given):
        return Graph(self, **given)

    def backend_version(self):
        return 92800

    def create_handle(self):
        return "handle"

    def set_stream(self, handle, stream):
        assert handle == "handle"
        self.stream = stream


@contextlib.contextmanager
def offered(module):
    """First runs of the sim device's convolutions choose; `module` is what `import cudnn` gives, or raises."""
    def load(name):
        if isinstance(module, Exception):
            raise module
        return module
    facade, before, room = sim.install(), cudnn.import_module, choosing.WORKSPACE
    cudnn.import_module, choosing.WORKSPACE = load, 1 << 15
    cudnn.chooser_on.cache_clear()
    cudnn.serve(facade)
    try:
        yield cudnn.chooser_on(facade, 0)
    finally:
        cudnn.import_module, choosing.WORKSPACE = before, room
        del cudnn.libraries[facade.ndarray]
        cudnn.chooser_on.cache_clear()
