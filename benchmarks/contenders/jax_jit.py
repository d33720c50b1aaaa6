"""JAX's rounds: one jitted function a step, forward, backward and Adam; its arguments are donated."""
import os

from . import DEVICE, by_epoch, training

os.environ["JAX_PLATFORMS"] = DEVICE
import jax  # noqa: E402
import numpy as np  # noqa: E402
from jax import lax  # noqa: E402
from jax import numpy as jnp  # noqa: E402

ACTIVATIONS = {"linear": lambda x: x, "relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid,
               "gelu": lambda x: jax.nn.gelu(x, approximate=False)}
dice = np.random.default_rng(1)


def weights(*shape):
    fan = max(1, int(np.prod(shape[:-1])))
    return jnp.asarray(dice.normal(0, fan ** -0.5, shape), "float32")


def zeros(n):
    return jnp.zeros(n, "float32")


def dense(shape, units, activation):
    return ({"w": weights(shape[-1], units), "b": zeros(units)},
            lambda p, x: ACTIVATIONS[activation](x @ p["w"] + p["b"]))


def conv(shape, filters, size, stride=1, padding="valid", activation="relu", dilation=1, groups=1):
    rank = len(shape) - 2
    names = ("NHC", "HIO", "NHC") if rank == 1 else ("NHWC", "HWIO", "NHWC")

    def call(p, x):
        y = lax.conv_general_dilated(x, p["w"], (stride,) * rank, padding.upper(), rhs_dilation=(dilation,) * rank,
                                     dimension_numbers=names, feature_group_count=groups)
        return ACTIVATIONS[activation](y + p["b"])
    return {"w": weights(*(size,) * rank, shape[-1] // groups, filters), "b": zeros(filters)}, call


def transposed(shape, filters, size, stride):
    def call(p, x):
        return jax.nn.relu(lax.conv_transpose(x, p["w"], (stride, stride), "SAME") + p["b"])
    return {"w": weights(size, size, shape[-1], filters), "b": zeros(filters)}, call


def norm(axes, shape):
    def call(p, x):
        mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
        return (x - mean) * lax.rsqrt(var + 1e-3) * p["gamma"] + p["beta"]
    return {"gamma": zeros(shape[-1]) + 1, "beta": zeros(shape[-1])}, call


def lstm(shape, units):
    def call(p, x):
        z = x @ p["w"] + p["b"]

        def step(state, z):
            h, c = state
            i, f, g, o = jnp.split(z + h @ p["u"], 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None
        zero = jnp.zeros((x.shape[0], units), x.dtype)
        return lax.scan(step, (zero, zero), z.swapaxes(0, 1))[0][0]
    return {"w": weights(shape[-1], 4 * units), "u": weights(units, 4 * units), "b": zeros(4 * units)}, call


def gru(shape, units):
    def call(p, x):
        z = x @ p["w"] + p["b"]

        def step(h, z):
            (a, b, c), (d, e, f) = jnp.split(z, 3, -1), jnp.split(h @ p["u"] + p["c"], 3, -1)
            keep = jax.nn.sigmoid(a + d)
            return keep * h + (1 - keep) * jnp.tanh(c + jax.nn.sigmoid(b + e) * f), None
        return lax.scan(step, jnp.zeros((x.shape[0], units), x.dtype), z.swapaxes(0, 1))[0]
    return {"w": weights(shape[-1], 3 * units), "u": weights(units, 3 * units),
            "b": zeros(3 * units), "c": zeros(3 * units)}, call


def attention(shape, heads, width):
    t = shape[1]
    causal = np.tril(np.ones((t, t), bool))

    def call(p, x):
        q, k, v = ((x @ p[name]).reshape(*x.shape[:2], heads, width // heads) for name in "qkv")
        scores = jnp.einsum("nqhd,nkhd->nhqk", q, k) / np.sqrt(width // heads)
        chances = jax.nn.softmax(jnp.where(causal, scores, -1e30))
        return jnp.einsum("nhqk,nkhd->nqhd", chances, v).reshape(x.shape) @ p["o"]
    return {name: weights(width, width) for name in "qkvo"}, call


def embedding(shape, tokens, width):
    return {"table": weights(tokens, width)}, lambda p, x: p["table"][x]


def fixed(f):
    """A kind of layer without weights."""
    return lambda shape, **options: ({}, lambda p, x: f(x, **options))


def total(shape, branches):
    parts = [chain(shape, branch)[:2] for branch in branches]
    return [p for p, _ in parts], lambda ps, x: sum(f(p, x) for p, (_, f) in zip(ps, parts, strict=True))


KINDS = {
    "dense": dense, "conv": conv, "transposed": transposed, "lstm": lstm, "gru": gru, "attention": attention,
    "depthwise": lambda shape, size: conv((*shape[:3], shape[3]), shape[3], size, padding="same", groups=shape[3]),
    "pool": fixed(lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")),
    "flatten": fixed(lambda x: x.reshape(len(x), -1)),
    "mean": fixed(lambda x: x.mean(tuple(range(1, x.ndim - 1)))),
    "norm": lambda shape: norm(tuple(range(len(shape) - 1)), shape),
    "layer_norm": lambda shape: norm((-1,), shape),
    "relu": fixed(jax.nn.relu),
    "sum": total,
    "embedding": embedding,
}


def chain(shape, layers):
    """-> (parameters, function, shape of the output); `shape` counts the batch"""
    parameters, calls = [], []
    for kind, options in layers:
        p, f = KINDS[kind](shape, **options)
        dtype = "int32" if kind == "embedding" else "float32"
        shape = jax.eval_shape(f, p, jax.ShapeDtypeStruct(shape, dtype)).shape
        parameters.append(p)
        calls.append(f)

    def run(ps, x):
        for p, f in zip(ps, calls, strict=True):
            x = f(p, x)
        return x
    return parameters, run, shape


def cross_entropy(y, labels):
    return -jnp.take_along_axis(jax.nn.log_softmax(y), labels[..., None], -1).mean()


def step_of(work, call):
    """(weights, both moments, count, x, y) -> the same after a step of Adam"""
    def seen(a):
        few = work.policy == "mixed_bfloat16" and a.dtype == jnp.float32
        return a.astype(jnp.bfloat16) if few else a

    def loss(p, x, y):
        out = call(*jax.tree.map(seen, (p, x))).astype(jnp.float32)
        return ((out - y) ** 2).mean() if work.classes is None else cross_entropy(out, y)

    def step(p, m, v, t, x, y):
        g = jax.grad(loss)(p, x, y)
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        rate = 0.001 * jnp.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t)
        return jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-7), p, m, v), m, v, t + 1
    return step


def built(work):
    """-> (a step, what it begins with)"""
    parameters, call, _ = chain((work.batch, *work.shape), work.layers)
    return step_of(work, call), [parameters, *(jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)),
                                 jnp.float32(1)]


def epoch(work, x, y):
    """-> a function that trains over all of x once, in batches laid out beforehand"""
    step, state = built(work)
    step = jax.jit(step, donate_argnums=(0, 1, 2, 3))
    batches = [(jnp.asarray(x[i:i + work.batch]), jnp.asarray(y[i:i + work.batch]))
               for i in range(0, len(x), work.batch)]

    def run():
        for xs, ys in batches:
            state[:] = step(*state, xs, ys)
        jax.block_until_ready(state)
    return run


if __name__ == "__main__":
    training(by_epoch(epoch))
