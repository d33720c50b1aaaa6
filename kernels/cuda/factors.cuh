// Factors of tensor cores, read from rows of numbers in shared or global memory: float rounded to TF32 (PRECISION 1) or
// bfloat16 (2), or bfloat16 (2) and float16 (3) as they are. The order of the depth is free, as long as both sides
// share it: so whole words are read, never single numbers. Lane 4 * g + t is called (g, t).
#include "tensor.cuh"

#if PRECISION == 1
#define mma mma_m16n8k8_tf32
#define paired pack_bf16
#elif PRECISION == 2
#define mma mma_m16n8k16_bf16
#define paired pack_bf16
#else
#define mma mma_m16n8k16_f16
#define paired pack_float16
#endif
constexpr bool PAIRS = PRECISION > 1;               // of numbers in a word that is multiplied
constexpr int EACH = 16 / sizeof(T), STEPS = PAIRS && !HALF ? 1 : 2, KEYS = PAIRS ? 16 : 8;

struct alignas(16) Chunk { unsigned word[4]; };                 // EACH numbers
struct alignas(4 * sizeof(T)) Strip { unsigned word[sizeof(T)]; };      // four numbers
__device__ inline float number(unsigned word) { return __uint_as_float(word); }

#if __CUDA_ARCH__ >= 800
// Two words for product `step` of the STEPS that the chunks of four lanes t serve, for one row g
__device__ inline void along(unsigned (&b)[2], const Chunk &c, int step) {
    UNROLL for (int half = 0; half < 2; half++)
        if constexpr (HALF) b[half] = c.word[2 * step + half];
        else if constexpr (PAIRS) b[half] = paired(number(c.word[2 * half]), number(c.word[2 * half + 1]));
        else b[half] = rounded_tf32(number(c.word[2 * step + half]));
}

// Four columns j of rows 2 t, 2 t + 1 and, of pairs, of those 8 further down: strips i lie in rows depth_of(i)
__device__ inline int depth_of(int i) { return threadIdx.x % 4 * 2 + i % 2 + i / 2 * 8; }
__device__ inline void across(unsigned (&b)[4][2], const Strip (&strips)[KEYS / 4]) {
    UNROLL for (int j = 0; j < 4; j++)
        UNROLL for (int half = 0; half < 2; half++) {
            const Strip &low = strips[PAIRS ? 2 * half : half], &high = strips[PAIRS ? 2 * half + 1 : half];
            if constexpr (HALF) b[j][half] = __byte_perm(low.word[j / 2], high.word[j / 2], j % 2 ? 0x7632 : 0x5410);
            else if constexpr (PAIRS) b[j][half] = paired(number(low.word[j]), number(high.word[j]));
            else b[j][half] = rounded_tf32(number(low.word[j]));
        }
}

// The left factor of rows g and g + 8, from sums as tensor cores lay them out: tiles of 8 columns are the depth
template <int N> __device__ inline void turned(unsigned (&a)[4], const float (&sums)[N][4], int step) {
    UNROLL for (int e = 0; e < 4; e++) {
        const float (&from)[4] = sums[PAIRS ? 2 * step + e / 2 : step];
        a[e] = PAIRS ? paired(from[e % 2 * 2], from[e % 2 * 2 + 1]) : rounded_tf32(from[e % 2 * 2 + e / 2]);
    }
}
#endif
