// Matrix products of any strides, in batches. Where the result has few tiles and the depth is long, it is cut into
// pieces (blockIdx.z), which `combine` adds up in order.
#include "tiles.cuh"

// a (batches, m, k), b (batches, k, n) -> c (batches, m, n) or partial (pieces, batches, m, n); sums (n,) of one b
KERNEL(128, RESIDENT) matmul(const T *a, const T *b, O *c, const E *bias, Real *partial,
        const __grid_constant__ Matrices s, const __grid_constant__ View batch, Real *sums) {
    products<RIGHT>(a, b, c, bias, partial, s, batch, [&](const T *x, int i, int start) {
        return LEFT(x, s.a_row, s.a_col, i, s.m, start, s.k);
    }, sums);
}
