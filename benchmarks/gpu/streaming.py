"""Kernels that move bytes: every one reads each input once and writes each output once, at least."""
from gpunn.kernels.formulas import FORMULAS

from .row import Given, Ints, Row

C, CLASSES = 512, 1024          # columns of a table; of logits
KEY, CLOCK = Ints(1 << 31, (2,), "uint32"), Ints(1 << 20, (1,), "uint32")
TWO, NONE = (2, 2), ((0, 0), (0, 0))
ALL = (True, True, True)
# rate, batches seen, momentum, on, batches of a step, gain, loss scale, good steps, blocks
HYPER = Given((1e-3, 0, 0.9, 1, 1, 1, 1, 0, 0))
# name -> options
OPTIMIZERS = {"sgd": (), "sgd_momentum": (), "rmsprop": (0.9, 1e-7), "adagrad": (1e-7,), "lion": (0.9, 0.99),
              "adam": (0.9, 0.999, 1e-7)}


def optimizer(name, n) -> Row:
    formula = FORMULAS[name]
    slots = len(formula.arrays) - 2

    def call(k, p, g, *rest, out):
        k.optimize(name, p, g, rest[:slots], rest[slots], OPTIMIZERS[name])
    return Row(((n,),) * len(formula.arrays) + (HYPER,), call, n * (len(formula.arrays) + len(formula.written)))


def elementwise(n) -> dict[str, Row]:
    x, table = (n,), (n // C, C)
    return {
        "copy": Row((x,), lambda k, x, out: k.copy(x, out=out), 2 * n),
        "copy, transposed": Row((table,), lambda k, x, out: k.copy(x.T, out=out), 2 * n),
        "fill": Row((x,), lambda k, x, out: k.fill(0.5, x), n),
        "tally": Row((Ints(100, (1,)),), lambda k, x, out: k.tally((x,), (None,), (1,)), 2),
        "unary relu": Row((x,), lambda k, x, out: k.unary("relu", x, out=out), 2 * n),
        "unary gelu": Row((x,), lambda k, x, out: k.unary("gelu", x, out=out), 2 * n),
        "unary_backward gelu": Row((x, x, x), lambda k, dy, x, y, out: k.unary_backward(
            "gelu", dy, x, y, out=out), 3 * n),
        "binary add": Row((x, x), lambda k, a, b, out: k.binary("add", a, b, out=out), 3 * n),
        "binary multiply, by a row": Row((table, (C,)), lambda k, a, b, out: k.binary("multiply", a, b, out=out),
                                         2 * n),
        "where": Row((Ints(2, x, "bool"), x, x), lambda k, c, a, b, out: k.where(c, a, b, out=out), 3.25 * n),
        "activation_backward": Row((table, table), lambda k, dy, y, out: k.activation_backward("relu", dy, y, out=out),
                                   3 * n),
        "bias_backward": Row((table, table), lambda k, dy, y, out: k.bias_backward("relu", dy, y, ALL[:2], out=out),
                             3 * n),
        "random_bits": Row((KEY, CLOCK, Ints(2, x, "uint32")), lambda k, key, clock, x, out: k.random_bits(
            key, clock, 1, x), n),
        "random_uniform": Row((KEY, CLOCK, x), lambda k, key, clock, x, out: k.random_uniform(
            key, clock, 1, 0.0, 1.0, x), n),
        "dropout": Row((x, KEY, CLOCK), lambda k, x, key, clock, out: k.dropout(x, 0.5, key, clock, 1, out=out), 2 * n),
        "measure": Row(((n,), HYPER), lambda k, g, hyper, out: k.measure(g, hyper, 1.0), n),
        **{f"optimize {name}": optimizer(name, n // 2) for name in OPTIMIZERS},
    }


def rows_of_numbers(n) -> dict[str, Row]:
    table, logits, one, row = (n // C, C), (n // CLASSES, CLASSES), (n // C,), (C,)
    labels, least = Ints(CLASSES, (n // CLASSES,)), n // CLASSES
    return {
        "reduce sum": Row(((n,),), lambda k, x, out: k.reduce("sum", x, out=out), n),
        "reduce max, rows": Row((table,), lambda k, x, out: k.reduce("max", x, -1, out=out), n),
        "reduce sum, columns": Row((table,), lambda k, x, out: k.reduce("sum", x, 0, out=out), n),
        "argreduce": Row((table,), lambda k, x, out: k.argreduce("argmax", x, out=out), n),
        "cumsum": Row((table,), lambda k, x, out: k.cumsum(x, out=out), 2 * n),
        "softmax": Row((table,), lambda k, x, out: k.softmax(x, out=out), 2 * n),
        "softmax_backward": Row((table, table), lambda k, dy, y, out: k.softmax_backward(dy, y, out=out), 3 * n),
        "log_softmax": Row((table,), lambda k, x, out: k.log_softmax(x, out=out), 2 * n),
        "log_softmax_backward": Row((table, table), lambda k, dy, y, out: k.log_softmax_backward(
            dy, y, out=out), 3 * n),
        "softmax_cross_entropy": Row((logits, labels), lambda k, x, labels, out: k.softmax_cross_entropy(
            x, labels, out=out), n),
        "softmax_cross_entropy_backward": Row(((least,), logits, labels), lambda k, d, x, labels, out:
                                              k.softmax_cross_entropy_backward(d, x, labels, out=out), 2 * n),
        "softmax_cross_entropy_mean": Row((logits, labels), lambda k, x, labels, out: k.softmax_cross_entropy_mean(
            x, labels, out=out), 2 * n),
        "pick": Row((logits, labels), lambda k, x, labels, out: k.pick(x, labels, out=out), 3 * least),
        "pick_backward": Row(((least,), labels), lambda k, dy, labels, out: k.pick_backward(
            dy, labels, CLASSES, out=out), n),
        # batch norm's input does not stay in a cache: read for the statistics, and again
        "batch_norm": Row((table, row, row, row, row), lambda k, x, g, b, m, v, out: k.batch_norm(
            x, g, b, m, v, 0.99, 1e-3, out=out), 3 * n),
        "batch_norm_backward": Row((table, table, row, row, row), lambda k, dy, x, g, m, r, out: k.batch_norm_backward(
            dy, x, g, m, r, ALL, out=out), 5 * n),
        "layer_norm": Row((table, row, row), lambda k, x, g, b, out: k.layer_norm(x, g, b, 1e-3, out=out), 2 * n),
        "layer_norm_backward": Row((table, table, row, one, one), lambda k, dy, x, g, m, r, out: k.layer_norm_backward(
            dy, x, g, m, r, ALL, out=out), 3 * n),
        "gather": Row((table, Ints(n // C, one)), lambda k, x, ids, out: k.gather(x, ids, out=out), 2 * n),
        "scatter_add": Row((table, Ints(n // C, one)), lambda k, dy, ids, out: k.scatter_add(
            dy, ids, n // C, out=out), 2 * n),
        "gather_batches": Row((table, Ints(n // C, one), Ints(1, (1,))), lambda k, x, order, at, out: k.gather_batches(
            (x,), order, at, n // C, out=out), 2 * n),
    }


def images(n) -> dict[str, Row]:
    side = 32 if n >= 1 << 16 else 8
    big, small = (n // (side * side * 64), side, side, 64), (n // (side * side * 64), side // 2, side // 2, 64)
    few = (max(1, n // (side * side * 64 * 9)), side, side, 64)
    taps, one, pads = (3, 3), (1, 1), ((1, 1), (1, 1))
    pixels = few[0] * side * side * 64
    return {
        "max_pool": Row((big,), lambda k, x, out: k.max_pool(x, TWO, TWO, NONE, out=out), n * 21 / 16),
        "max_pool_backward": Row((small, Ints(4, small, "uint8")), lambda k, dy, at, out: k.max_pool_backward(
            dy, at, big, TWO, TWO, NONE, out=out), n * 21 / 16),
        "average_pool": Row((big,), lambda k, x, out: k.average_pool(x, TWO, TWO, NONE, out=out), n * 5 / 4),
        "average_pool_backward": Row((small,), lambda k, dy, out: k.average_pool_backward(
            dy, big, TWO, TWO, NONE, out=out), n * 5 / 4),
        "im2col": Row((few,), lambda k, x, out: k.im2col(x, taps, one, pads, one, out=out), 10 * pixels),
        "col2im": Row(((*few[:3], 1, 3, 3, 64),), lambda k, c, out: k.col2im(c, few, taps, one, pads, one, out=out),
                      10 * pixels),
    }


def table(n) -> dict[str, Row]:
    """For arrays of n numbers"""
    return elementwise(n) | rows_of_numbers(n) | images(n)
