// All steps of a recurrent layer in one launch, on tensor cores. A block serves eight sequences, so no block waits for
// another; a warp makes some of the units, whose weights it keeps in registers as far as they go, and what is left
// stays near in the cache. States are the right factor, (depth, 8): the order of a step's sums is fixed.
#include "factors.cuh"
#include "recurrent.cuh"

#if __CUDA_ARCH__ >= 800
constexpr int WARPS = 16, KEPT = 8, MEMORY = 11264;         // items of 8 words in registers; words of shared memory

// The left factor: u^T (gates * units, units) forward, u (units, gates * units) backward. A warp takes a tile of 32 or
// 16 rows and a part of the depth, which is cut into items of what 8 words hold.
template <bool FORWARD> struct Weights {
    static constexpr int ROWS = FORWARD ? 32 : 16, DEPTH = FORWARD ? KEYS : 4 * EACH,
        TURN = FORWARD ? (PAIRS ? 4 : 8) : 8 * STEPS;       // of rows in shared memory: no bank is met twice
    const T *u;
    int units, width, tiles, items, parts, share, pitch;
    unsigned kept[KEPT][2][4];

    __device__ Weights(const T *u, int units, int gates) : u(u), units(units), width(gates * units) {
        tiles = ((FORWARD ? width : units) + ROWS - 1) / ROWS, items = ((FORWARD ? units : width) + DEPTH - 1) / DEPTH;
        share = (items + max(1, WARPS / tiles) - 1) / max(1, WARPS / tiles), parts = (items + share - 1) / share;
        pitch = (items * DEPTH / (PAIRS ? 2 : 1) + 31) / 32 * 32 + TURN;
        int work = threadIdx.x / 32, first = work / tiles * share;
        if (work < tiles * parts) UNROLL for (int k = 0; k < KEPT; k++)
            if (k < share && first + k < items) fetch(kept[k], work % tiles, first + k);
    }
    __device__ int row() const { return tiles * ROWS; }     // of the sums

    __device__ void fetch(unsigned (&a)[2][4], int tile, int item) const {
        int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
        if constexpr (FORWARD) {
            Strip strips[KEYS / 4];
            unsigned b[4][2];
            UNROLL for (int i = 0; i < KEYS / 4; i++) {
                int row = item * KEYS + depth_of(i), column = 32 * tile + 4 * g;
                strips[i] = row < units && column < width ? *(const Strip *)(u + row * width + column) : Strip();
            }
            across(b, strips);
            UNROLL for (int e = 0; e < 8; e++) a[e / 4][e % 4] = b[e / 4 * 2 + e % 2][e % 4 / 2];
        } else UNROLL for (int half = 0; half < 2; half++) {
            int row = 16 * tile + 8 * half + g, column = (4 * item + t) * EACH;
            Chunk chunk = row < units && column < width ? *(const Chunk *)(u + row * width + column) : Chunk();
            UNROLL for (int step = 0; step < STEPS; step++) {
                unsigned b[2];
                along(b, chunk, step);
                a[step][half] = b[0], a[step][half + 2] = b[1];
            }
        }
    }
    __device__ void multiply(float (&sums)[2][4], const unsigned (&a)[2][4], const unsigned *states, int item) const {
        int t = threadIdx.x % 4;
        const unsigned *from = states + threadIdx.x % 32 / 4 * pitch;
        UNROLL for (int step = 0; step < (FORWARD ? 2 : STEPS); step++) {
            int at = FORWARD ? item * 8 + (PAIRS ? t : 2 * t) : (4 * item + t) * 2 * STEPS + 2 * step;
            unsigned b[2] = {from[at], from[at + (FORWARD && PAIRS ? 4 : 1)]};
            mma(sums[step], a[step], b);
        }
    }
    // states (8, pitch) -> sums (parts, 8, row())
    __device__ void product(const unsigned *states, float *out) const {
        int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4, warp = threadIdx.x / 32;
        NO_UNROLL for (int work = warp; work < tiles * parts; work += WARPS) {
            int tile = work % tiles, part = work / tiles, first = part * share, count = min(share, items - first);
            float sums[2][4] = {}, *to = out + (part * 8 + 2 * t) * row() + tile * ROWS + (FORWARD ? 4 : 1) * g;
            if (work == warp) UNROLL for (int k = 0; k < KEPT; k++)
                if (k < count) multiply(sums, kept[k], states, first + k);
            NO_UNROLL for (int k = work == warp ? KEPT : 0; k < count; k++) {
                unsigned a[2][4];
                fetch(a, tile, first + k);
                multiply(sums, a, states, first + k);
            }
            UNROLL for (int e = 0; e < 2; e++)
                if (FORWARD) UNROLL for (int j = 0; j < 4; j++) to[e * row() + j] = sums[j / 2][j % 2 * 2 + e];
                else UNROLL for (int j = 0; j < 2; j++) to[e * row() + 8 * j] = sums[0][2 * j + e] + sums[1][2 * j + e];
        }
    }
};

// One number of a row of states
__device__ inline void put_factor(unsigned *states, int at, Real value) {
    if constexpr (PAIRS) ((unsigned short *)states)[at] = paired((Real)(T)value, 0);
    else states[at] = rounded_tf32(value);
}

// The products of one sequence, parts of the depth summed in order
struct Product {
    const float *sums;
    int parts, stride;
    __device__ Real operator[](int at) const {
        Real sum = sums[at];
        for (int part = 1; part < parts; part++) sum += sums[part * stride + at];
        return sum;
    }
};

#define EACH_STATE(e, row, j, i) \
    for (int e = threadIdx.x, row, j, i; \
         e < 8 * units && (row = e / units, j = e % units, i = blockIdx.x * 8 + row, true); e += 32 * WARPS) if (i < n)

// unit(step, i, j, product) -> the new state of unit j, which goes to h
template <class Unit> __device__ inline void forward(const T *u, const T *h0, T *h, int gates, int n, int steps,
        int units, const void *mask, int masked, Unit unit) {
    __shared__ Chunk memory[MEMORY / 4];
    Weights<true> weights(u, units, gates);
    unsigned *states = memory[0].word;
    float *sums = (float *)(states + 8 * weights.pitch);
    for (int e = threadIdx.x; e < 8 * weights.pitch; e += 32 * WARPS) states[e] = 0;
    __syncthreads();
    const int line = weights.pitch * (PAIRS ? 2 : 1);
    EACH_STATE(e, row, j, i) put_factor(states, row * line + j, h0[(long long)i * units + j]);
    NO_UNROLL for (int t = 0; t < steps; t++) {
        Step step(n, steps, units, t, mask, masked);
        __syncthreads();
        weights.product(states, sums);
        __syncthreads();
        EACH_STATE(e, row, j, i) {
            Product product{sums + row * weights.row(), weights.parts, 8 * weights.row()};
            Real state = unit(step, i, j, product);
            h[step.at(i) * units + j] = state;
            put_factor(states, row * line + j, state);
        }
    }
}

// unit(step, i, j, next, dc, out) with out(gate, gradient of the product), over which the states before are summed;
// dc_last and dc0 may be null
template <class Unit> __device__ inline void backward(const T *u, const T *dc_last, const T *h, const T *h0, T *before,
        T *dh0, T *dc0, int gates, int n, int steps, int units, const void *mask, int masked, Unit unit) {
    __shared__ Chunk memory[MEMORY / 4];
    Weights<false> weights(u, units, gates);
    unsigned *states = memory[0].word;
    float *next = (float *)(states + 8 * weights.pitch), *dc = next + 8 * units, *sums = dc + 8 * units;
    const int line = weights.pitch * (PAIRS ? 2 : 1), sum_count = weights.parts * 8 * weights.row();
    for (int e = threadIdx.x; e < 8 * weights.pitch + 16 * units + sum_count; e += 32 * WARPS) states[e] = 0;
    __syncthreads();
    if (dc_last) EACH_STATE(e, row, j, i) dc[e] = dc_last[(long long)i * units + j];
    NO_UNROLL for (int t = steps - 1; t >= -1; t--) {
        Step step(n, steps, units, t, mask, masked);
        EACH_STATE(e, row, j, i) {
            Product product{sums + row * weights.row(), weights.parts, 8 * weights.row()};
            Real from_next = next[e] + product[j];
            if (t < 0) {
                dh0[(long long)i * units + j] = from_next;
                if (dc0) dc0[(long long)i * units + j] = dc[e];
                continue;
            }
            before[step.at(i) * units + j] = step.before(h, h0, i, j);
            unit(step, i, j, from_next, dc[e], [&](int gate, Real value) {
                put_factor(states, row * line + gate * units + j, value);
            });
            next[e] = from_next;
        }
        __syncthreads();
        if (t >= 0) weights.product(states, sums);
        __syncthreads();
    }
}
#endif

#if __CUDA_ARCH__ >= 800
#define SEQUENCE(...) __VA_ARGS__
#else
#define SEQUENCE(...)
#endif
#define SIZES int n, int steps, int units, const void *mask, int masked
