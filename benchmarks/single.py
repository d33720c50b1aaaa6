"""Single kernels: what each works on, and the least it must compute and move. Everyone gets the same arrays."""
import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Kernel:
    """`arrays` are shapes of float32 inputs; `flops` is 0 where memory is the limit. `options` go to the function."""
    function: str
    arrays: tuple
    moved: int                  # numbers read and written, as often as they must be
    flops: int = 0
    options: tuple = ()

    def inputs(self) -> list[np.ndarray]:
        dice = np.random.default_rng(0)
        return [dice.random(shape, np.float32) - np.float32(0.5) for shape in self.arrays]

    def floor(self, limits):
        """What computes as much and does nothing else, or moves as much: a window of the same length to be timed in."""
        return limits.multiplying(self.flops) if self.flops else limits.copying(self.moved)


def product(m, n, k, turned=""):
    a, b = (k, m) if "a" in turned else (m, k), (n, k) if "b" in turned else (k, n)
    return Kernel("matmul", (a, b), m * k + k * n + m * n, 2 * m * n * k, ("a" in turned, "b" in turned))


def convolution(n, size, c, f, taps, stride=1):
    """Three kernels over images (n, size, size, c), padded: forward and both gradients."""
    out = -(-size // stride)
    x, w, y = (n, size, size, c), (taps, taps, c, f), (n, out, out, f)
    moved = math.prod(x) + math.prod(w) + math.prod(y)
    flops = 2 * math.prod(y) * taps * taps * c
    total = (out - 1) * stride + taps - size
    pads = ((total // 2, total - total // 2),) * 2
    return [Kernel(function, arrays, moved, flops, (stride, pads, size))
            for function, arrays in (("conv", (x, w)), ("conv_input_grad", (y, w)), ("conv_weight_grad", (x, y)))]


def rows(function, n, c, moved):
    return Kernel(function, ((n, c),), moved * n * c)


CONVOLUTIONS = {"32 to 64 channels, 28x28": (64, 28, 32, 64, 3), "64 to 64 channels, 16x16": (64, 16, 64, 64, 3),
                "128 to 128 channels, 8x8": (64, 8, 128, 128, 3)}
IMAGES = (640, 28, 28, 32)      # these and what follows lie beyond every cache
KERNELS = {
    "product 1024 x 1024 x 1024": product(1024, 1024, 1024),
    "product 1024, second turned": product(1024, 1024, 1024, "b"),
    "product 1024, first turned": product(1024, 1024, 1024, "a"),
    "product 128 x 512 x 784": product(128, 512, 784),
    "product 2048 x 128 x 512": product(2048, 128, 512),
    **{f"convolution 3x3 {what}, {name}": kernel for name, sizes in CONVOLUTIONS.items()
       for what, kernel in zip(("forward", "input gradient", "weight gradient"), convolution(*sizes), strict=True)},
    "adam, 16 million": Kernel("adam", ((1 << 24,),), 7 << 24),
    "sgd with momentum, 16 million": Kernel("sgd", ((1 << 24,),), 5 << 24),
    # reads twice what no cache holds: the statistics are known when all of it was seen
    "batch norm, 262144 x 64": rows("batch_norm", 262144, 64, 3),
    "batch norm backward": rows("batch_norm_backward", 262144, 64, 5),
    "layer norm, 32768 x 512": rows("layer_norm", 32768, 512, 2),
    "layer norm backward": rows("layer_norm_backward", 32768, 512, 3),
    "softmax, 65536 x 256": rows("softmax", 65536, 256, 2),
    "softmax backward": rows("softmax_backward", 65536, 256, 3),
    "max pooling 2x2": Kernel("max_pool", (IMAGES,), math.prod(IMAGES) * 21 // 16),
    "max pooling 2x2 backward": Kernel("max_pool_backward", (IMAGES,), math.prod(IMAGES) * 21 // 16),
    "average pooling 2x2": Kernel("average_pool", (IMAGES,), math.prod(IMAGES) * 5 // 4),
    "gelu": rows("gelu", 16384, 1024, 2),
}
