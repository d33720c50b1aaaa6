// The gradients of attention on tensor cores: see flash.cuh.
#include "flash.cuh"

#if __CUDA_ARCH__ >= 800
// a, da (rows), b, db (columns) -> ga: the gradient of a and, by key, gb: that of da's factor, PART numbers of each.
// Weights are remade from lse; what flows back to the scores is weight * (slope - delta).
template <bool BY_KEY>
__device__ inline void gradients(const T *a, const T *b, const T *da, const T *db, T *ga, T *gda, const float *lse,
        const float *delta, const void *mask, float scale, const Attention &g, Chunk *pool, float *memory) {
    const int rows = BY_KEY ? g.tk : g.tq, columns = BY_KEY ? g.tq : g.tk, x0 = blockIdx.y * PART;
    if (blockIdx.x >= (rows + 63) / 64 * (gridDim.x / ((max(g.tq, g.tk) + 63) / 64))) return;
    Place<1, BY_KEY> at(g, mask, rows);
    Input keys(b, g, at.image, at.head, columns, g.d), values(db, g, at.image, at.head, columns, g.e);
    Own<1> own, own_slope;
    take<1>(own, pool, Input(a, g, at.image, at.head, rows, g.d), at.row0, g.wide);
    take<1>(own_slope, pool, Input(da, g, at.image, at.head, rows, g.e), at.row0, g.wide);
    const long long line = ((long long)at.image * g.heads + at.head) * g.tq;
    lse += line, delta += line;
    float of_lse[2], of_delta[2];
    if (!BY_KEY) UNROLL for (int i = 0; i < 2; i++) {
        bool there = at.row(i) < g.tq;
        of_lse[i] = there ? lse[at.row(i)] * LOG2_E : 0, of_delta[i] = there ? delta[at.row(i)] : 0;
    }
    Sums<1, PART> sums = {}, value_sums = {};
    int first = g.causal && BY_KEY ? at.row0 : 0, last = g.causal && !BY_KEY ? min(columns, at.row0 + 64) : columns;
    walk(first, last, [&](int stage, int column0) {
        copy_rows<COLUMNS>(pool + stage * 2 * TILE, keys, column0, g.wide);
        copy_rows<COLUMNS>(pool + (stage * 2 + 1) * TILE, values, column0, g.wide);
        int column = column0 + threadIdx.x % COLUMNS;
        if (BY_KEY && threadIdx.x < 2 * COLUMNS)
            cp_async4(memory + stage * 2 * COLUMNS + threadIdx.x, (threadIdx.x < COLUMNS ? lse : delta) + column,
                      column < columns);
    }, [&](int stage, int column0) {
        if (!at.busy(column0)) return;
        const Chunk *tile = pool + stage * 2 * TILE;
        const float *statistics = memory + stage * 2 * COLUMNS;
        Scores<1> weights = {}, slopes = {};
        multiply<1>(weights, own, tile);
        multiply<1>(slopes, own_slope, tile + TILE);
        UNROLL for (int n = 0; n < COLUMNS / 8; n++)
            UNROLL for (int e = 0; e < 4; e++) {
                float shift = BY_KEY ? statistics[at.column(n, e)] * LOG2_E : of_lse[e / 2];
                weights[0][n][e] = power_of_2(weights[0][n][e] * (scale * LOG2_E) - shift);
            }
        at.hide(weights, column0, 0);
        if (BY_KEY) add_weighted<1, PART>(value_sums, weights, tile + TILE, x0);
        UNROLL for (int n = 0; n < COLUMNS / 8; n++)
            UNROLL for (int e = 0; e < 4; e++) {
                float mean = BY_KEY ? statistics[COLUMNS + at.column(n, e)] : of_delta[e / 2];
                weights[0][n][e] *= (slopes[0][n][e] - mean) * scale;
            }
        add_weighted<1, PART>(sums, weights, tile, x0);
    });
    auto one = [](int) { return 1.f; };
    store_rows<1, PART>(sums, Rows<T>(ga, g, at.image, at.head, rows, g.d), at.first, x0, one, g.wide);
    Rows<T> out(gda, g, at.image, at.head, rows, g.e);
    if (BY_KEY) store_rows<1, PART>(value_sums, out, at.first, x0, one, g.wide);
}
#endif

// dq (blockIdx.z 0), dk and dv (1)
KERNEL(128, 2) flash_backward(const T *q, const T *k, const T *v, const T *dy, T *dq, T *dk, T *dv, const float *lse,
        const float *delta, const void *mask, float scale, const __grid_constant__ Attention g) {
#if __CUDA_ARCH__ >= 800
    __shared__ Chunk pool[4 * TILE];
    __shared__ float memory[4 * COLUMNS];
    if (blockIdx.z) gradients<true>(k, q, v, dy, dk, dv, lse, delta, mask, scale, g, pool, memory);
    else gradients<false>(q, k, dy, v, dq, dq, lse, delta, mask, scale, g, pool, memory);
#endif
}
