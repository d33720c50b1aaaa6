"""What a training step must cost at least: its multiplications at the processor's rate, its bytes at the memory's.

A product counts three times, forward and for both gradients, but twice where its input needs no gradient. Every layer's
output and its gradient are written once and read once; Adam reads p, g, m, v and writes p, m, v.
"""
import math
from dataclasses import dataclass

REAL = 4                        # bytes


@dataclass
class Cost:
    """Of one example: `products` are multiplications of a forward pass, `numbers` those that layers give out."""
    products: int = 0
    first: int = 0
    numbers: int = 0
    weights: int = 0

    def count(self, products, weights):
        self.first = self.first or products
        self.products += products
        self.weights += weights


def _dense(cost, shape, units, **_):
    cost.count(math.prod(shape) * units, (shape[-1] + 1) * units)
    return *shape[:-1], units


def _conv(cost, shape, filters, size, stride=1, padding="valid", dilation=1, groups=1, **_):
    reach = 0 if padding == "same" else (size - 1) * dilation
    places = tuple(math.ceil((n - reach) / stride) for n in shape[:-1])
    taps = size ** len(places) * shape[-1] // groups
    cost.count(math.prod(places) * taps * filters, (taps + 1) * filters)
    return *places, filters


def _depthwise(cost, shape, size):
    return _conv(cost, shape, shape[-1], size, padding="same", groups=shape[-1])


def _transposed(cost, shape, filters, size, stride):
    taps = size * size * shape[-1]
    cost.count(math.prod(shape[:-1]) * taps * filters, (taps + 1) * filters)
    return *(n * stride for n in shape[:-1]), filters


def _recurrent(gates):
    def count(cost, shape, units):
        cost.count(shape[0] * (shape[1] + units) * gates * units, (shape[1] + units + 1) * gates * units)
        cost.numbers += shape[0] * units * (gates + 2)
        return (units,)
    return count


def _attention(cost, shape, heads, width):
    """Causal: half of all pairs."""
    cost.count(shape[0] * 4 * width * width, 4 * (width + 1) * width)
    cost.products += shape[0] * shape[0] * width
    cost.numbers += shape[0] * 4 * width
    return shape


def _norm(cost, shape):
    cost.weights += 2 * shape[-1]
    return shape


def _sum(cost, shape, branches):
    return [_walk(cost, shape, branch) for branch in branches][0]


def _embedding(cost, shape, tokens, width):
    cost.weights += tokens * width
    return *shape, width


SHAPES = {
    "dense": _dense, "conv": _conv, "depthwise": _depthwise, "transposed": _transposed, "lstm": _recurrent(4),
    "gru": _recurrent(3), "attention": _attention, "norm": _norm, "layer_norm": _norm, "sum": _sum,
    "embedding": _embedding,
    "pool": lambda cost, shape: (shape[0] // 2, shape[1] // 2, shape[2]),
    "flatten": lambda cost, shape: (math.prod(shape),),
    "mean": lambda cost, shape: shape[-1:],
    "relu": lambda cost, shape: shape,
}


def _walk(cost, shape, layers):
    for kind, options in layers:
        shape = SHAPES[kind](cost, shape, **options)
        cost.numbers += 0 if kind == "flatten" else math.prod(shape)
    return shape


def counted(work) -> Cost:
    cost = Cost()
    _walk(cost, work.shape, work.layers)
    return cost


def work_of(work) -> tuple[float, float]:
    """(floating-point operations, bytes) of a step"""
    cost = counted(work)
    trained = work.layers[0][0] == "embedding"              # then the first product has a gradient to pass on
    products = 3 * cost.products - (0 if trained else cost.first)
    return 2.0 * work.batch * products, REAL * (7.0 * cost.weights + 4.0 * work.batch * cost.numbers)


def seconds(work, limits: dict) -> float:
    flops, size = work_of(work)
    return flops / limits["flops"] + size / limits["bytes"]
