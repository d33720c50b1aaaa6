"""What this processor can do at most: multiply-adds from registers, and copying between arrays, on all threads."""
import numpy as np
from numba import get_num_threads

from gpunn.kernels.cpu.launch import parallel_kernel, share
from gpunn.kernels.cpu.tile import rows_of_tiles
from gpunn.kernels.cpu.vector import BYTES, ROWS, VECTORS, address

from . import harness

ROOM, DEPTH, TILES = 1 << 12, 256, 400
WIDTH = VECTORS * BYTES // 4    # of a tile, in numbers


@parallel_kernel
def _multiply(part, a, b, zero, c, tiles, depth):
    """Register tiles on operands that never leave the first-level cache"""
    for _ in range(tiles):
        rows_of_tiles(c, address(a), depth, 1, 0, address(b), WIDTH, 0, address(zero), WIDTH,
                      address(c) + part[0] * ROOM * 4, WIDTH, ROWS, WIDTH, depth, -np.inf)


@parallel_kernel
def _copy(part, x, y):
    mine = share(part, x.size)
    source, target = x[mine.start:mine.stop], y[mine.start:mine.stop]
    for i in range(target.size):
        target[i] = source[i]


def flops(threads: int) -> float:
    a, b, zero = np.ones(ROWS * DEPTH, "f"), np.ones(DEPTH * WIDTH, "f"), np.zeros(ROWS * WIDTH, "f")
    c = np.zeros(max(threads * ROOM, 1 << 16), "f")
    step = lambda: _multiply(a, b, zero, c, TILES, DEPTH)                                                             # noqa: E731
    step()
    return 2 * TILES * threads * ROWS * b.size / min(harness.sample(step, 5) for _ in range(60))


def flops_a_second() -> float:
    """On all threads."""
    return max(flops(get_num_threads()) for _ in range(5))


def bytes_a_second(size: int) -> float:
    """Read and written, for arrays of `size` bytes."""
    x, y = np.ones(size // 4, "f"), np.empty(size // 4, "f")
    step = lambda: _copy(x, y)                                                                          # noqa: E731
    step()
    return 2 * size / min(harness.sample(step, 1) for _ in range(20))


def measured() -> dict:
    """Floating-point operations and bytes a second; memory is measured beyond every cache."""
    return {"flops": flops_a_second(), "bytes": bytes_a_second(1 << 28)}
