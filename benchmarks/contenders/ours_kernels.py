"""gpunn's single kernels, called as an op calls them."""
import numpy as np

from gpunn.kernels import cpu as k

from . import kernel_rounds

TWO, ONE, NONE = (2, 2), (1, 1), ((0, 0), (0, 0))


def matmul(a, b, turn_a, turn_b):
    return lambda out=None: k.matmul(a, b, turn_a, turn_b, out=out)


def conv(x, w, stride, pads, size):
    return lambda out=None: k.conv(x, w, None, (stride, stride), pads, ONE, out=out)


def conv_input_grad(y, w, stride, pads, size):
    shape = (y.shape[0], size, size, w.shape[2])
    return lambda out=None: k.conv_input_grad(y, w, shape, (stride, stride), pads, ONE, out=out)


def conv_weight_grad(x, y, stride, pads, size):
    taps = size + sum(pads[0]) - (y.shape[1] - 1) * stride
    return lambda out=None: k.conv_weight_grad(x, y, (taps, taps), (stride, stride), pads, ONE, out=out)


def adam(p):
    g, m, v, hyper = p * 0.1, p * 0, p * 0, np.array([0.001, 0, 0, 1, 1, 1], "f")
    return lambda out=None: k.optimize("adam", p, g, (m, v), hyper, (0.9, 0.999, 1e-7))


def sgd(p):
    g, m, hyper = p * 0.1, p * 0, np.array([0.001, 0, 0.9, 1, 1, 1], "f")
    return lambda out=None: k.optimize("sgd_momentum", p, g, (m,), hyper)


def batch_norm(x):
    gamma, beta, mean, var = (np.ones(x.shape[1], "f") for _ in range(4))
    return lambda out=None: k.batch_norm(x, gamma, beta, mean, var, 0.99, 1e-3, out=out)


def batch_norm_backward(x):
    dy, gamma, need = x * 0.5, np.ones(x.shape[1], "f"), (True, True, True)
    mean, rstd = x.mean(0), 1 / x.std(0)
    return lambda out=None: k.batch_norm_backward(dy, x, gamma, mean, rstd, out or need)


def layer_norm(x):
    gamma = np.ones(x.shape[1], "f")
    return lambda out=None: k.layer_norm(x, gamma, gamma, 1e-3, out=out)


def layer_norm_backward(x):
    dy, gamma, need = x * 0.5, np.ones(x.shape[1], "f"), (True, True, True)
    mean, rstd = x.mean(1), 1 / x.std(1)
    return lambda out=None: k.layer_norm_backward(dy, x, gamma, mean, rstd, out or need)


def softmax_backward(x):
    y = k.softmax(x)
    return lambda out=None: k.softmax_backward(x, y, out=out)


def max_pool_backward(x):
    y, index = k.max_pool(x, TWO, TWO, NONE)
    return lambda out=None: k.max_pool_backward(y, index, x.shape, TWO, TWO, NONE, out=out)


FUNCTIONS = {f.__name__: f for f in (matmul, conv, conv_input_grad, conv_weight_grad, adam, sgd, batch_norm,
                                     batch_norm_backward, layer_norm, layer_norm_backward, softmax_backward,
                                     max_pool_backward)} | {
    "softmax": lambda x: lambda out=None: k.softmax(x, out=out),
    "max_pool": lambda x: lambda out=None: k.max_pool(x, TWO, TWO, NONE, out=out),
    "average_pool": lambda x: lambda out=None: k.average_pool(x, TWO, TWO, NONE, out=out),
    "gelu": lambda x: lambda out=None: k.unary("gelu", x, out=out),
}


def step(function, arrays, options):
    """A call that writes where it wrote before, as in a recorded step."""
    run = FUNCTIONS[function](*arrays, *options)
    out = run()
    return lambda: run(out)


if __name__ == "__main__":
    kernel_rounds(step)
