// Attention on tensor cores: see flash.cuh.
#include "flash.cuh"

#if __CUDA_ARCH__ >= 800
// A row's largest score so far is `top`, in powers of two: where it grows, the sums fade. Scores become weights.
template <int M, int W> __device__ inline void soften(Scores<M> &scores, Sums<M, W> &sums,
        float (&top)[2 * M], float (&total)[2 * M]) {
    UNROLL for (int i = 0; i < 2 * M; i++) {
        const int e0 = i % 2 * 2;
        float best = top[i], sum = 0;
        UNROLL for (int n = 0; n < COLUMNS / 8; n++)
            UNROLL for (int e = e0; e < e0 + 2; e++) best = max(best, scores[i / 2][n][e]);
        UNROLL for (int step = 1; step < 4; step *= 2) best = max(best, __shfl_xor_sync(FULL_WARP, best, step));
        float base = best == -infinity<float>() ? 0 : best, fade = power_of_2(top[i] - base);
        UNROLL for (int n = 0; n < COLUMNS / 8; n++)
            UNROLL for (int e = e0; e < e0 + 2; e++)
                sum += scores[i / 2][n][e] = power_of_2(scores[i / 2][n][e] - base);
        top[i] = best, total[i] = total[i] * fade + sum;
        UNROLL for (int n = 0; n < W / 8; n++)
            UNROLL for (int e = e0; e < e0 + 2; e++) sums[i / 2][n][e] *= fade;
    }
}
#endif

// y (n, tq, heads, e) and lse (n, heads, tq): the logarithm of the sum of exp(scores)
KERNEL(128, 2) flash(const T *q, const T *k, const T *v, T *y, float *lse, const void *mask, float scale,
        const __grid_constant__ Attention g) {
#if __CUDA_ARCH__ >= 800
    __shared__ Chunk pool[4 * TILE];
    Place<TALL, false> at(g, mask, g.tq);
    Input keys(k, g, at.image, at.head, g.tk, g.d), values(v, g, at.image, at.head, g.tk, g.e);
    Own<TALL> own;
    take<TALL>(own, pool, Input(q, g, at.image, at.head, g.tq, g.d), at.row0, g.wide);
    Sums<TALL, WIDTH> sums = {};
    float top[2 * TALL], total[2 * TALL] = {};
    UNROLL for (int i = 0; i < 2 * TALL; i++) top[i] = -infinity<float>();
    walk(0, g.causal ? min(g.tk, at.row0 + 64 * TALL) : g.tk, [&](int stage, int column0) {
        copy_rows<COLUMNS>(pool + stage * 2 * TILE, keys, column0, g.wide);
        copy_rows<COLUMNS>(pool + (stage * 2 + 1) * TILE, values, column0, g.wide);
    }, [&](int stage, int column0) {
        if (!at.busy(column0)) return;
        Scores<TALL> scores = {};
        multiply<TALL>(scores, own, pool + stage * 2 * TILE);
        UNROLL for (int i = 0; i < TALL; i++)
            UNROLL for (int n = 0; n < COLUMNS / 8; n++)
                UNROLL for (int e = 0; e < 4; e++) scores[i][n][e] *= scale * LOG2_E;
        at.hide(scores, column0, -infinity<float>());
        soften<TALL, WIDTH>(scores, sums, top, total);
        add_weighted<TALL, WIDTH>(sums, scores, pool + (stage * 2 + 1) * TILE, 0);
    });
    UNROLL for (int i = 0; i < 2 * TALL; i++) {
        UNROLL for (int step = 1; step < 4; step *= 2) total[i] += __shfl_xor_sync(FULL_WARP, total[i], step);
        if (threadIdx.x % 4 == 0 && at.row(i) < g.tq)
            lse[((long long)at.image * g.heads + at.head) * g.tq + at.row(i)] = top[i] * LN_2 + log(total[i]);
        total[i] = total[i] == 0 ? 0 : 1 / total[i];
    }
    store_rows<TALL, WIDTH>(sums, Rows<T>(y, g, at.image, at.head, g.tq, g.e), at.first, 0,
                            [&](int i) { return total[i]; }, g.wide);
#endif
}
