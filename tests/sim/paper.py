"""How many numbers a training step moves, on paper: from the shapes of a workload's layers, both directions, Adam.

In mixed precision activations, their gradients and the weights that products read are of two bytes, and count half.
What counts is what tests/sim/traffic.py counts: every array that a launch reads or writes, once; in place, twice. A
layer's parts are one launch each: a dense layer reads its input and weights and writes its output; backward it reads
them again with the output's gradient, once for each gradient that it makes. Sums' parts, moments and biases, a few
numbers a channel, are left out.
"""
from math import prod

LINE = 64                       # numbers: where each weight begins among all


class Paper:
    def __init__(self, work):
        self.moved, self.weights, self.first, self.mixed = 0, [], True, work.policy != "float32"
        self.half = 0.5 if self.mixed else 1
        self.input(work)
        shape = self.chain((work.batch, *work.shape), work.layers)
        self.loss(work, shape)
        # p, g, m and v, each read and written, and the shadow
        self.moved += (8 + self.mixed * self.half) * sum(-(-w // LINE) * LINE for w in self.weights)

    def activations(self, numbers):
        self.moved += self.half * numbers

    def input(self, work):
        """Rows of x and y out of the data set."""
        places = prod(work.shape) if work.per_place else 1
        x = work.batch * prod(work.shape)
        self.moved += 2 * (x + work.batch * places)
        self.moved += 1.5 * x * (self.mixed and not work.tokens)                # the cast

    def loss(self, work, shape):
        x, rows = prod(shape), prod(shape[:-1])
        if work.classes is None:                # difference, its square, two means; backward twice
            self.moved += 3 * x + 2 * x + 2 * x + x + 4 * x + 2 * x + self.mixed * 3 * x     # in float32
        else:                                   # logits and labels to the mean loss and the gradient
            self.activations(2 * x)
            self.moved += 2 * rows

    def chain(self, shape, layers):
        """The layers one after the other; what becomes of ReLU depends on what it follows."""
        for i, (kind, options) in enumerate(layers):
            follows = [k for k, _ in layers[i + 1:i + 2]]
            shape = getattr(self, kind)(shape, **options, **({"relu": "relu" in follows} if kind == "norm" else {}))
        return shape

    def product(self, x: int, w: int, y: int):
        """y = x w: forward, and the gradients of w and, where anybody wants it, of x."""
        self.activations((x + w + y) * (1 if self.first else 2) + x + y)
        self.moved += w
        self.weights.append(w)
        self.first = False

    def bias(self, y: int, units: int):
        self.activations(y)
        self.weights.append(units)

    def dense(self, shape, units, activation):
        y = prod(shape[:-1]) * units
        self.product(prod(shape), shape[-1] * units, y)
        self.bias(y, units)
        self.activations({"linear": 0, "gelu": 2 * y + 4 * y}.get(activation, 3 * y))
        return *shape[:-1], units

    def conv(self, shape, filters, size, stride, padding, activation, dilation, groups):
        n, h, w, c = shape
        h, w = (-(-(a if padding == "same" else a - size + 1) // stride) for a in (h, w))
        y = n * h * w * filters
        self.product(prod(shape), size * size * c * filters, y)
        self.bias(y, filters)
        return n, h, w, filters                 # followed by pooling, which does its ReLU, or without one

    def pool(self, shape):
        n, h, w, c = shape
        y = n * (h // 2) * (w // 2) * c
        # the result, the places of a byte, for the gradient again these and the result for ReLU
        self.activations(prod(shape) + y + y + y + prod(shape))
        self.moved += y // 4 + y // 4
        return n, h // 2, w // 2, c

    def flatten(self, shape):
        return shape[0], prod(shape[1:])

    def mean(self, shape):
        self.activations(2 * prod(shape))
        return shape[0], shape[-1]

    def norm(self, shape, relu, summed=False):
        x = prod(shape)
        # moments; the result, of the sum with another; of the gradient: ReLU's, two sums, its own
        self.activations(x + 2 * x + summed * x + (3 * x if relu else 0) + 2 * x + 3 * x)
        self.weights += [shape[-1]] * 2
        return shape

    def relu(self, shape):
        return shape                            # done by the normalization before it

    def sum(self, shape, branches):
        """Two branches of one input, whose gradients are added up. A last normalization does the sum, too."""
        normalized = branches[0][-1][0] == "norm"
        self.activations(3 * prod(shape))
        main = self.chain(shape, branches[0][:-1] if normalized else branches[0])
        if normalized:
            self.norm(main, True, True)
        else:
            self.activations(3 * prod(main))
        self.chain(shape, branches[1])
        return main

    def lstm(self, shape, units):
        n, t, c = shape
        state = n * units
        z = 4 * t * state
        self.product(prod(shape), c * 4 * units, z)
        self.bias(z, 4 * units)
        w = 4 * units * units
        self.weights.append(w)
        # z, u and two states in, all states and gates out; backward also the states' gradient in, that of z, two
        # states and those before every step out
        self.activations(z + w + 2 * state + 2 * t * state + z)
        self.activations(3 * t * state + z + w + 2 * state + z + t * state + 2 * state)
        # the last state is cut out, the gradient of the outputs put together; the weights' gradient
        self.activations(2 * state + 2 * t * state + 2 * state + t * state + z)
        self.moved += w
        return n, units

    def embedding(self, shape, tokens, width):
        rows = prod(shape)
        self.activations(2 * rows * width + rows * width)
        self.moved += rows + rows + tokens * width
        self.weights.append(tokens * width)
        self.first = False
        return *shape, width

    def layer_norm(self, shape):
        x = prod(shape)
        self.activations(2 * x + 3 * x + 2 * x)
        self.weights += [shape[-1]] * 2
        return shape

    def attention(self, shape, heads, width):
        x, row = prod(shape), prod(shape[:-1]) * heads
        for _ in range(4):
            self.dense(shape, width, "linear")
        # forward; two gradients' product, the three gradients; at the end what q, k and v give x is added up
        self.activations(4 * x + 2 * x + 7 * x + 2 * 3 * x)
        self.moved += row + row + 2 * row
        return shape
