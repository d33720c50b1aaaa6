"""Convolutions by NVIDIA's cuDNN, by way of its frontend for Python: bias and relu inside, and both gradients.

It wants weights as (f, kh, kw, c): ours are copied on the way there, their gradient on the way back.
"""
from functools import cache
from importlib import import_module
from threading import Lock

from . import choosing
from .choosing import Choices, Refused, say
from .cublaslt import engines
from .elementwise import unary
from .launch import empty
from .memory import copy

IMAGE, WEIGHT, RESULT, BIAS = 1, 2, 3, 4                # names of tensors in a graph
MAKES = {"conv": RESULT, "conv_input_grad": IMAGE, "conv_weight_grad": WEIGHT}
TYPES = {"float32": "FLOAT", "float16": "HALF", "bfloat16": "BFLOAT16"}
THERE, BACK = (3, 0, 1, 2), (1, 2, 3, 0)                # (kh, kw, c, f) -> (f, kh, kw, c), and again


def form(n, h, w, c) -> dict:
    """An array (n, h, w, c), as a tensor of axes n, c, h, w"""
    return {"dim": [n, c, h, w], "stride": [h * w * c, 1, w * c, c]}


def described(cudnn, p, handle=None):
    """The graph of one convolution, of which tensor MAKES[p.kernel] is the output."""
    io, wide, makes = getattr(cudnn.data_type, TYPES[p.dtype]), cudnn.data_type.FLOAT, MAKES[p.kernel]
    graph = cudnn.pygraph(io_data_type=io, intermediate_data_type=wide, compute_data_type=wide, handle=handle)
    forms = {IMAGE: form(*p.image), WEIGHT: form(*(p.weights[i] for i in THERE)), RESULT: form(*p.result)}
    x, w, z = (uid != makes and graph.tensor(**shape, data_type=io, uid=uid) for uid, shape in forms.items())
    before, after = map(list, zip(*p.padding))
    walk = dict(pre_padding=before, post_padding=after, stride=list(p.strides), dilation=list(p.dilation))
    if makes == RESULT:
        y = graph.conv_fprop(image=x, weight=w, **walk)
        if p.biased:
            y = graph.bias(input=y, bias=graph.tensor(**form(1, 1, 1, p.result[3]), data_type=wide, uid=BIAS))
        y = graph.relu(input=y) if p.activation == "relu" else y
    else:
        y = graph.conv_dgrad(loss=z, filter=w, **walk) if makes == IMAGE else graph.conv_wgrad(image=x, loss=z, **walk)
    y.set_output(True).set_uid(makes).set_data_type(wide if makes == WEIGHT else io)
    y.set_dim(forms[makes]["dim"]).set_stride(forms[makes]["stride"])
    return graph


def planned(cudnn, p, handle):
    """The graph, with the best plan that gives the same bits at every run, of factors no coarser than p.precision."""
    graph, notes = described(cudnn, p, handle), cudnn.numerical_note
    graph.validate()
    graph.build_operation_graph()
    graph.create_execution_plans([cudnn.heur_mode.A, cudnn.heur_mode.FALLBACK])
    exact = p.dtype == "float32" and p.precision == "highest"
    graph.deselect_numeric_notes([notes.NONDETERMINISTIC, notes.DOWN_CONVERT_INPUTS] + [notes.TENSOR_CORE] * exact)
    graph.deselect_workspace_greater_than(choosing.WORKSPACE)
    graph.check_support()
    graph.build_plans()
    return graph


class Chooser(Choices):
    """Who makes which convolution on one GPU; cuDNN may be one of them."""

    def __init__(self, library, cudnn):
        self.cudnn, self.handle = cudnn, cudnn and cudnn.create_handle()
        lt = engines.get(library.ndarray)
        super().__init__(library, "convolutions", lt and lt.choices.name,
                         cudnn and (cudnn.__version__, cudnn.backend_version()))
        self.lock, self.picked, self.plans, self.said = Lock(), {}, {}, False

    def pick(self, p, ways: dict, arrays) -> str:
        """The name of the quickest of the ways, functions of p and the arrays."""
        self.ready(p in self.picked, p)
        if p not in self.picked:
            names = list(ways)
            with self.lasting():
                best = self.best(p, [name.encode() for name in names], lambda i: ways[names[i]](p, *arrays))
            self.library.get_default_memory_pool().free_all_blocks()
            self.picked[p] = names[best]
        return self.picked[p]

    def run(self, p, x, w, z, b):
        """Convolve as p says, by cuDNN; Refused where it does not."""
        (stream, space), makes = self.here(), MAKES[p.kernel]
        turned = empty(w, [w.shape[i] for i in THERE])
        if makes != WEIGHT:
            copy(w.transpose(THERE), out=turned)
        arrays = {IMAGE: x, WEIGHT: turned, RESULT: z} | ({BIAS: b} if p.biased else {})
        with self.lock:
            try:
                if p not in self.plans:
                    self.plans[p] = planned(self.cudnn, p, self.handle)
                self.cudnn.set_stream(handle=self.handle, stream=stream)
                self.plans[p].execute({uid: a.data.ptr for uid, a in arrays.items()}, space, handle=self.handle)
            except Exception as error:          # they have no common base
                self.excuse(p, error)
                raise Refused(error) from error
        if makes == WEIGHT:
            copy(turned.transpose(BACK), out=w)
        if p.activation not in ("linear", "relu"):
            unary(p.activation, z, out=z)

    def excuse(self, p, error: Exception):
        """One line for the first failure; that a problem is not supported is none."""
        if not self.said and not isinstance(error, self.cudnn.cudnnGraphNotSupportedError):
            self.said = True
            say(f"cuDNN failed at a {p}: such run on gpunn's own kernels; {error}")


libraries = {}                  # type of an array -> its library, where first runs choose


def serve(library):
    """Let the first run of each convolution of this library's arrays choose."""
    libraries[library.ndarray] = library


def chooser_for(array) -> Chooser | None:
    library = libraries.get(type(array))
    return library and chooser_on(library, library.cuda.Device().id)


@cache
def chooser_on(library, device: int) -> Chooser:
    """Made at the first convolution: cuDNN takes its time to load."""
    try:
        return Chooser(library, import_module("cudnn"))
    except Exception as error:
        say(f"convolutions run without cuDNN: {error}; pip install 'gpunn[cudnn]' nvidia-cudnn-cu12 (or -cu13)")
    return Chooser(library, None)
