"""Trainings, described once and built by every library: a batch size, the shape of an example, and layers.

A layer is `(kind, options)`. Targets are class numbers, one an example or one a place of a sequence; without
`classes` they are numbers, and the loss is the mean squared error. Everyone uses Adam.
"""
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Workload:
    batch: int
    shape: tuple
    layers: tuple
    classes: int | None = 10
    tokens: int | None = None           # the inputs are numbers below this, one a place
    per_place: bool = False
    policy: str = "float32"             # or mixed_bfloat16: activations and the factors of products in 16 bits


def layer(kind, **options):
    return kind, options


def dense(units, activation="linear"):
    return layer("dense", units=units, activation=activation)


def conv(filters, size, stride=1, padding="valid", activation="relu", dilation=1, groups=1):
    return layer("conv", filters=filters, size=size, stride=stride, padding=padding, activation=activation,
                 dilation=dilation, groups=groups)


def residual(filters, stride, widen):
    plain = dict(padding="same", activation="linear")
    main = (conv(filters, 3, stride, **plain), layer("norm"), layer("relu"), conv(filters, 3, **plain), layer("norm"))
    short = (conv(filters, 1, stride, **plain), layer("norm")) if widen else ()
    return layer("sum", branches=(main, short)), layer("relu")


def block(width, heads):
    return (layer("sum", branches=((layer("layer_norm"), layer("attention", heads=heads, width=width)), ())),
            layer("sum", branches=((layer("layer_norm"), dense(4 * width, "gelu"), dense(width)), ())))


POOL, FLAT, MEAN, RELU = layer("pool"), layer("flatten"), layer("mean"), layer("relu")
SIX = {
    "tiny": Workload(32, (2,), (dense(8, "tanh"), dense(8, "tanh"), dense(1)), None),
    "mlp": Workload(128, (784,), (dense(512, "relu"), dense(512, "relu"), dense(10))),
    "cnn": Workload(128, (28, 28, 1), (conv(32, 3), POOL, conv(64, 3), POOL, FLAT, dense(10))),
    "resnet8": Workload(64, (32, 32, 3), (conv(16, 3, padding="same", activation="linear"), layer("norm"), RELU,
                                          *residual(16, 1, False), *residual(32, 2, True), *residual(64, 2, True),
                                          MEAN, dense(10))),
    "lstm": Workload(64, (50, 32), (layer("lstm", units=128), dense(10))),
    "gpt": Workload(16, (128,), (layer("embedding", tokens=96, width=128), *block(128, 4), *block(128, 4),
                                 layer("layer_norm"), dense(96)), 96, 96, True),
}
FURTHER = {
    "mlp, odd widths": Workload(100, (77,), (dense(301, "relu"), dense(130, "tanh"), dense(7)), 7),
    "mlp, wide": Workload(256, (1024,), (dense(2048, "relu"), dense(1000)), 1000),
    "mlp, sigmoid, small batch": Workload(16, (256,), (dense(256, "sigmoid"), dense(256, "sigmoid"), dense(10))),
    "conv 5x5, 17 to 48 channels": Workload(32, (28, 28, 17), (conv(48, 5), MEAN, dense(10))),
    "conv 3x3, stride 2": Workload(32, (56, 56, 32), (conv(64, 3, 2, "same"), MEAN, dense(10))),
    "conv 7x7, stride 2, of colours": Workload(16, (112, 112, 3), (conv(64, 7, 2, "same"), MEAN, dense(10))),
    "conv 3x3, dilation 2": Workload(32, (32, 32, 32), (conv(32, 3, padding="same", dilation=2), MEAN, dense(10))),
    "conv 3x3, 4 groups": Workload(32, (28, 28, 64), (conv(64, 3, padding="same", groups=4), MEAN, dense(10))),
    "conv 1x1": Workload(32, (28, 28, 128), (conv(128, 1), MEAN, dense(10))),
    "conv 1-D": Workload(64, (128, 32), (conv(64, 5), layer("mean"), dense(10))),
    "depthwise 3x3": Workload(32, (56, 56, 64), (layer("depthwise", size=3), MEAN, dense(10))),
    "transposed 3x3, stride 2": Workload(32, (14, 14, 64), (layer("transposed", filters=32, size=3, stride=2),
                                                            MEAN, dense(10))),
    "pooling and batch norm": Workload(64, (32, 32, 24), (layer("norm"), RELU, POOL, layer("norm"), MEAN, dense(10))),
    "gru": Workload(64, (50, 32), (layer("gru", units=128), dense(10))),
    "lstm, small": Workload(16, (20, 8), (layer("lstm", units=24), dense(10))),
    "attention, 512 places": Workload(4, (512,), (layer("embedding", tokens=96, width=256), *block(256, 4),
                                                  dense(96)), 96, 96, True),
}
ALL = SIX | FURTHER


def bottleneck(filters, stride, widen):
    plain = dict(padding="same", activation="linear")
    main = (conv(filters, 1, **plain), layer("norm"), RELU, conv(filters, 3, stride, **plain), layer("norm"), RELU,
            conv(4 * filters, 1, **plain), layer("norm"))
    short = (conv(4 * filters, 1, stride, **plain), layer("norm")) if widen else ()
    return layer("sum", branches=(main, short)), RELU


def resnet(batch, side, depths):
    """The bottleneck network of 50 layers, where `depths` are 3, 4, 6, 3"""
    stages = [bottleneck(64 << i, 2 if i and not j else 1, not j) for i, depth in enumerate(depths)
              for j in range(depth)]
    stem = conv(64, 7, 2, "same", "linear"), layer("norm"), RELU, POOL
    return Workload(batch, (side, side, 3), (*stem, *sum(stages, ()), MEAN, dense(1000)), 1000)


def transformer(batch, places, tokens, width, heads, depth):
    blocks = sum((block(width, heads) for _ in range(depth)), ())
    return Workload(batch, (places,), (layer("embedding", tokens=tokens, width=width), *blocks, layer("layer_norm"),
                                       dense(tokens)), tokens, tokens, True)


def also_bf16(works: dict) -> dict:
    return {f"{name}{more}": replace(work, policy=policy) for name, work in works.items()
            for more, policy in (("", "float32"), (", bf16", "mixed_bfloat16"))}


# for a GPU: beyond what a processor trains in a minute, and, to show that all runs, what takes no time at all
LARGE = also_bf16({"resnet50": resnet(32, 224, (3, 4, 6, 3)), "transformer": transformer(8, 512, 8192, 768, 12, 12)})
SMALL = {"tiny, small": Workload(4, (2,), (dense(8, "tanh"), dense(1)), None),
         **also_bf16({"cnn, small": Workload(2, (6, 6, 1), (conv(4, 3), POOL, FLAT, dense(10)))})}
KNOWN = ALL | LARGE | SMALL


def data(work: Workload, batches: int = 1):
    """(x, y) for so many batches: the same numbers for everyone"""
    dice, n = np.random.default_rng(0), work.batch * batches
    shape = (n, *work.shape)
    x = dice.integers(0, work.tokens, shape, "int32") if work.tokens else dice.standard_normal(shape, "float32")
    if work.classes is None:
        return x, dice.standard_normal((n, 1), "float32")
    return x, dice.integers(0, work.classes, shape if work.per_place else n, "int32")
