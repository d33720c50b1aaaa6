"""What this processor can do at most: multiply-adds from registers, and copying between arrays, on all threads."""
import numpy as np
from numba import get_num_threads

from gpunn.kernels.cpu.launch import parallel_kernel, share
from gpunn.kernels.cpu.tile import rows_of_tiles
from gpunn.kernels.cpu.vector import BYTES, ROWS, VECTORS, address

from . import harness

ROOM, DEPTH = 1 << 12, 256
WIDTH = VECTORS * BYTES // 4    # of a tile, in numbers
TILE_FLOPS = 2 * ROWS * WIDTH * DEPTH


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


def multiplying(flops: float):
    """What computes so much, on all threads, and nothing else."""
    a, b, zero = np.ones(ROWS * DEPTH, "f"), np.ones(DEPTH * WIDTH, "f"), np.zeros(ROWS * WIDTH, "f")
    c, tiles = np.zeros(get_num_threads() * ROOM, "f"), max(1, round(flops / (get_num_threads() * TILE_FLOPS)))
    return lambda: _multiply(a, b, zero, c, tiles, DEPTH)


def copying(numbers: float):
    """What reads half of so many float32 and writes the others."""
    x, y = np.ones(int(numbers) // 2, "f"), np.empty(int(numbers) // 2, "f")
    return lambda: _copy(x, y)


def least(step, samples: int) -> float:
    step()
    return min(harness.sample(step, 1) for _ in range(samples))


def measured() -> dict:
    """Floating-point operations and bytes a second; memory is measured beyond every cache."""
    return {"flops": 1e8 / least(multiplying(1e8), 500), "bytes": 4e8 / least(copying(1e8), 20)}
