// Attention on tensor cores: see flash.cuh.
#include "flash.cuh"

#if __CUDA_ARCH__ >= 800
// Scores become weights. A row's largest score so far is `top`: where it grows, the sums fade.
template <int M, int W> __device__ inline void soften(Scores<M> &scores, Sums<M, W> &sums,
        float (&top)[2 * M], float (&total)[2 * M], float scale) {
    float fade[2 * M];
    bool grown = false;
    UNROLL for (int i = 0; i < 2 * M; i++) {
        float best = top[i];
        UNROLL for (int n = 0; n < COLUMNS / 8; n++)
            UNROLL for (int e = i % 2 * 2; e < i % 2 * 2 + 2; e++) best = max(best, scores[i / 2][n][e]);
        UNROLL for (int step = 1; step < 4; step *= 2) best = max(best, __shfl_xor_sync(FULL_WARP, best, step));
        fade[i] = best == top[i] ? 1 : power_of_2((top[i] - best) * scale);
        grown = grown || best != top[i], top[i] = best, total[i] *= fade[i];
    }
    if (__any_sync(FULL_WARP, grown))
        UNROLL for (int i = 0; i < 2 * M; i++)
            UNROLL for (int n = 0; n < W / 8; n++)
                UNROLL for (int e = i % 2 * 2; e < i % 2 * 2 + 2; e++) sums[i / 2][n][e] *= fade[i];
    UNROLL for (int i = 0; i < 2 * M; i++) {
        float base = top[i] == -infinity<float>() ? 0 : top[i] * scale;
        UNROLL for (int n = 0; n < COLUMNS / 8; n++)
            UNROLL for (int e = i % 2 * 2; e < i % 2 * 2 + 2; e++)
                total[i] += scores[i / 2][n][e] = power_of_2(scores[i / 2][n][e] * scale - base);
    }
}
#endif

// y (n, tq, heads, e), of which blockIdx.y counts 128s, and lse (n, heads, tq): the logarithm of the sum of exp(scores)
// Left to itself (0), the compiler spills nothing where registers are scarcest.
KERNEL(128, !HALF && WIDTH == 64 && TALL == 2 ? 0 : 2) flash(const T *q, const T *k, const T *v, T *y, float *lse,
        const void *mask, float scale, const __grid_constant__ Attention g) {
#if __CUDA_ARCH__ >= 800
    __shared__ Chunk pool[4 * TILE];
    Place<TALL, false> at(g, mask, g.tq);
    Input keys(k, g, at.image, at.head, g.tk, g.d), values(v, g, at.image, at.head, g.tk, g.e);
    Own<TALL> own;
    take<TALL>(own, pool, Input(q, g, at.image, at.head, g.tq, g.d), at.row0, g.wide);
    constexpr int SPAN = WIDTH < 128 ? WIDTH : 128;
    const int x0 = WIDTH > SPAN ? blockIdx.y * SPAN : 0;
    Sums<TALL, SPAN> sums = {};
    float top[2 * TALL], total[2 * TALL] = {};
    UNROLL for (int i = 0; i < 2 * TALL; i++) top[i] = -infinity<float>();
    walk(0, g.causal ? min(g.tk, at.row0 + 64 * TALL) : g.tk, [&](int stage, int column0) {
        copy_rows<COLUMNS>(pool + stage * 2 * TILE, keys, column0, g.wide);
        copy_rows<COLUMNS>(pool + (stage * 2 + 1) * TILE, values, column0, g.wide);
    }, [&](int stage, int column0) {
        if (!at.busy(column0)) return;
        Scores<TALL> scores = {};
        multiply<TALL>(scores, own, pool + stage * 2 * TILE);
        at.hide(scores, column0, -infinity<float>());
        soften<TALL, SPAN>(scores, sums, top, total, scale * LOG2_E);
        add_weighted<TALL, SPAN>(sums, scores, pool + (stage * 2 + 1) * TILE, x0);
    });
    UNROLL for (int i = 0; i < 2 * TALL; i++) {
        UNROLL for (int step = 1; step < 4; step *= 2) total[i] += __shfl_xor_sync(FULL_WARP, total[i], step);
        if (x0 + threadIdx.x % 4 == 0 && at.row(i) < g.tq)
            lse[((long long)at.image * g.heads + at.head) * g.tq + at.row(i)] = top[i] * scale + log(total[i]);
        total[i] = total[i] == 0 ? 0 : 1 / total[i];
    }
    store_rows<TALL, SPAN>(sums, Rows<T>(y, g, at.image, at.head, g.tq, g.e), at.first, x0,
                            [&](int i) { return total[i]; }, g.wide);
#endif
}
