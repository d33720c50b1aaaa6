"""Kernels that multiply: products, convolutions, recurrences, attention."""
import math

from .row import Row

ONE, BOTH = (1, 1), (True, True, True)
GATES = {"lstm": 4, "gru": 3, "simple_rnn": 1}


def product(m, n, k, turned="") -> Row:
    a, b = (k, m) if "a" in turned else (m, k), (n, k) if "b" in turned else (k, n)
    return Row((a, b), lambda kernels, a, b, out: kernels.matmul(a, b, "a" in turned, "b" in turned, out=out),
               m * k + k * n + m * n, 2 * m * n * k)


def products(n) -> dict[str, Row]:
    batch, heads = n // 4, (max(1, n // 32), n // 4, n // 8)
    return {
        f"matmul {n} x {n} x {n}": product(n, n, n),
        "matmul, first turned": product(n, n, n, "a"),
        "matmul, second turned": product(n, n, n, "b"),
        f"matmul {batch} x {n} x {n}": product(batch, n, n),
        "matmul, batched": Row((heads, heads), lambda k, a, b, out: k.matmul(a, b, transpose_b=True, out=out),
                               2 * math.prod(heads) + heads[0] * heads[1] ** 2, 2 * math.prod(heads) * heads[1]),
        "dense, relu": Row(((n, n), (n, n), (n,)), lambda k, x, w, b, out: k.dense(x, w, b, "relu", out=out),
                           3 * n * n, 2 * n ** 3),
        "dense_backward, relu": Row(((n, n),) * 4, lambda k, dy, y, x, w, out: k.dense_backward(
            dy, y, x, w, "relu", BOTH, out=out), 6 * n * n, 4 * n ** 3),
    }


def convolution(n, side, c, f, size, groups=1, stride=1) -> dict[str, Row]:
    """All three over images (n, side, side, c)"""
    out_side, window = -(-side // stride), (size, size)
    total = max(0, (out_side - 1) * stride + size - side)
    pads, steps = ((total // 2, total - total // 2),) * 2, (stride, stride)
    x, w, y = (n, side, side, c), (size, size, c // groups, f), (n, out_side, out_side, f)
    least = sum(map(math.prod, (x, w, y))), 2 * math.prod(y) * size * size * c // groups
    name = f"{size}x{size}, {n} x {side}x{side}, {c} to {f}" + (f", {groups} groups" if groups > 1 else "") + (
        f", stride {stride}" if stride > 1 else "")
    return {
        f"conv {name}": Row((x, w, (f,)), lambda k, x, w, b, out: k.conv(
            x, w, b, steps, pads, ONE, groups, "relu", out=out), *least),
        f"conv_input_grad {name}": Row((y, w), lambda k, dz, w, out: k.conv_input_grad(
            dz, w, x, steps, pads, ONE, groups, out=out), *least),
        f"conv_weight_grad {name}": Row((x, y), lambda k, x, dz, out: k.conv_weight_grad(
            x, dz, window, steps, pads, ONE, groups, out=out), *least),
    }


def recurrence(kind, n, t, u) -> dict[str, Row]:
    """Without the product with the inputs. One step waits for the other: far from any floor."""
    g, flops = GATES[kind], 2 * n * t * u * GATES[kind] * u
    z, h, state, kernel, kept = (n, t, g * u), (n, t, u), (n, u), (u, g * u), (n, t, 4 * u)
    forward, backward, numbers = {
        "lstm": ((z, kernel, state, state), (h, state, h, h, kept, kernel, state, state), (10, 11)),
        "gru": ((z, kernel, (g * u,), state), (h, h, kept, kernel, state), (8, 9)),
        "simple_rnn": ((z, kernel, state), (h, h, kernel, state), (2, 3))}[kind]

    def called(name):
        return lambda k, *arrays, out: getattr(k, name)(*arrays, out=out)
    names = kind, f"{kind}_backward"
    return {f"{name} {n} x {t} x {u}": Row(arrays, called(name), n * t * u * moved, flops * products)
            for name, arrays, moved, products in zip(names, (forward, backward), numbers, (1, 2))}


def attention(n, t, heads, d, causal) -> dict[str, Row]:
    q, pairs = (n, t, heads, d), n * heads * t * t // (2 if causal else 1)
    name = f"{n} x {t} x {heads} x {d}" + (", causal" if causal else "")
    size, scale = math.prod(q), d ** -0.5
    return {
        f"attention {name}": Row((q, q, q), lambda k, q, key, v, out: k.attention(
            q, key, v, scale, causal, out=out), 4 * size, 4 * pairs * d),
        f"attention_backward {name}": Row((q,) * 5 + ((n, heads, t),), lambda k, dy, q, key, v, y, lse, out:
                                          k.attention_backward(dy, q, key, v, y, lse, scale, causal, out=out),
                                          8 * size, 10 * pairs * d),
    }


def table(short: bool) -> dict[str, Row]:
    if short:
        return (products(32) | convolution(1, 6, 4, 4, 3) | recurrence("lstm", 2, 2, 4) | recurrence("gru", 2, 2, 4)
                | recurrence("simple_rnn", 2, 2, 4) | attention(1, 8, 1, 8, True))
    return (products(4096) | convolution(128, 32, 64, 64, 3) | convolution(128, 16, 128, 128, 3)
            | convolution(64, 56, 64, 256, 1) | convolution(32, 224, 3, 64, 7, stride=2)
            | convolution(128, 56, 128, 128, 3, groups=128) | recurrence("lstm", 64, 50, 128)
            | recurrence("gru", 64, 50, 128) | recurrence("simple_rnn", 64, 50, 128)
            | attention(8, 512, 12, 64, False) | attention(8, 512, 12, 64, True))
