"""PyTorch's single kernels; images in the faster of its two layouts."""
import torch
from torch.nn import functional as F

from . import kernel_rounds, timed

aten = torch.ops.aten


def matmul(a, b, turn_a, turn_b):
    a, b = a.T if turn_a else a, b.T if turn_b else b
    out = torch.empty(a.shape[0], b.shape[1])
    return lambda: torch.mm(a, b, out=out)




def convolutions(x, w, y, stride, pads, want):
    pad = [after for _, after in pads]                      # of equal sides, where the stride is 1
    if want == "forward":
        return lambda: F.conv2d(x, w, None, stride, pad)
    mask = [want == "x", want == "w", False]
    return lambda: aten.convolution_backward(y, x, w, None, [stride] * 2, pad, [1, 1], False, [0, 0], 1, mask)


def images(array, layout):
    return array.movedim(-1, 1).contiguous(memory_format=layout)


def faster(make):
    runs = [make(layout) for layout in (torch.contiguous_format, torch.channels_last)]
    for run in runs:
        run()
    return min(runs, key=lambda run: min(timed(run) for _ in range(10)))


def kernel_of(w, layout):
    return w.permute(3, 2, 0, 1).contiguous(memory_format=layout)


def faster_convolution(x, w, y, *rest):
    return faster(lambda layout: convolutions(images(x, layout), kernel_of(w, layout),
                                              None if y is None else images(y, layout), *rest))


def conv(x, w, stride, pads, size):
    return faster_convolution(x, w, None, stride, pads, "forward")


def conv_input_grad(y, w, stride, pads, size):
    return faster_convolution(torch.zeros(y.shape[0], size, size, w.shape[2]), w, y, stride, pads, "x")


def conv_weight_grad(x, y, stride, pads, size):
    taps = size + sum(pads[0]) - (y.shape[1] - 1) * stride
    return faster_convolution(x, torch.zeros(taps, taps, x.shape[3], y.shape[3]), y, stride, pads, "w")


def optimizer(make):
    def run(p):
        p = torch.nn.Parameter(p)
        p.grad = p.detach() * 0.1
        return make([p]).step
    return run


def batch_norm(x):
    one, run = torch.ones(x.shape[1]), [torch.zeros(x.shape[1]), torch.ones(x.shape[1])]
    return lambda: aten.native_batch_norm(x, one, one, *run, True, 0.01, 1e-3)


def batch_norm_backward(x):
    one, run = torch.ones(x.shape[1]), [torch.zeros(x.shape[1]), torch.ones(x.shape[1])]
    _, mean, rstd = aten.native_batch_norm(x, one, one, *run, True, 0.01, 1e-3)
    dy = x * 0.5
    return lambda: aten.native_batch_norm_backward(dy, x, one, *run, mean, rstd, True, 1e-3, [True] * 3)


def layer_norm(x):
    one = torch.ones(x.shape[1])
    return lambda: aten.native_layer_norm(x, [x.shape[1]], one, one, 1e-3)


def layer_norm_backward(x):
    one, dy = torch.ones(x.shape[1]), x * 0.5
    _, mean, rstd = aten.native_layer_norm(x, [x.shape[1]], one, one, 1e-3)
    return lambda: aten.native_layer_norm_backward(dy, x, [x.shape[1]], mean, rstd, one, one, [True] * 3)


def softmax_backward(x):
    y = torch.softmax(x, -1)
    return lambda: aten._softmax_backward_data(x, y, -1, torch.float32)


def max_pool_backward(x):
    def make(layout):
        a = images(x, layout)
        y, index = F.max_pool2d(a, 2, return_indices=True)
        return lambda: aten.max_pool2d_with_indices_backward(y, a, [2, 2], [2, 2], [0, 0], [1, 1], False, index)
    return faster(make)


def pooling(f):
    def on(x, layout):
        a = images(x, layout)
        return lambda: f(a)
    return lambda x: faster(lambda layout: on(x, layout))


FUNCTIONS = {f.__name__: f for f in (matmul, conv, conv_input_grad, conv_weight_grad, batch_norm, batch_norm_backward,
                                     layer_norm, layer_norm_backward, softmax_backward, max_pool_backward)} | {
    "adam": optimizer(lambda p: torch.optim.Adam(p, fused=True)),
    "sgd": optimizer(lambda p: torch.optim.SGD(p, momentum=0.9, fused=True)),
    "softmax": lambda x: lambda: torch.softmax(x, -1),
    "max_pool": pooling(lambda x: F.max_pool2d(x, 2, return_indices=True)),
    "average_pool": pooling(lambda x: F.avg_pool2d(x, 2)),
    "gelu": lambda x: lambda: F.gelu(x),
}


def step(function, arrays, options):
    return FUNCTIONS[function](*map(torch.from_numpy, arrays), *options)


if __name__ == "__main__":
    with torch.no_grad():
        kernel_rounds(step)
