// The core of matrix products and convolutions. A block of four warps makes a tile of TILE_M x TILE_N, a warp a
// quarter of it, from slices of 16 of the depth that travel to shared memory while earlier ones are multiplied; of 32
// where T has 16 bits: two neighbours of the depth are a word then, and words do what else numbers do.
// PRECISION: 0 multiplies Real, 1 TF32, 2 bfloat16, 3 float16; the last three on tensor cores, where there are any.
#include "ending.cuh"
#include "tensor.cuh"
#define THREADS 128
#define DEPTH (HALF ? 32 : 16)                  // of a slice
#define PLACES (TILE_M * TILE_N * sizeof(Real))
#define RESIDENT (PLACES > 32768 ? 2 : PLACES > 16384 ? 3 : 4)     // blocks that share a multiprocessor's registers
#define STAGES (PLACES > 16384 ? 3 : 4)

constexpr int WARP_M = TILE_M / 2, WARP_N = TILE_N / 2, SLICE = (TILE_M + TILE_N) * DEPTH;

struct alignas(16) Four { Real at[4]; };
typedef Real Total[WARP_M / 16][WARP_N / 8][4];    // as the tensor cores lay out the sums of 16 x 8

// What `read` gives: a number, or two of 16 bits, (low, high)
template <class V> struct Word { typedef V type; };
template <> struct Word<float16> { typedef unsigned type; };
template <> struct Word<bfloat16> { typedef unsigned type; };
typedef Word<T>::type Factor;

// Who copies which numbers of a slice (ROWS, DEPTH), WIDTH that lie together at a time: copy `i` of a thread goes to
// row(i), depth(i). In shared memory a slice is (ROWS, DEPTH) if DEEP, else (DEPTH, ROWS), as it is in memory. What
// `read` takes in one go, with neither way meeting a bank twice, decides the order: rows are sorted by their last two
// bits within 32 if DEEP; else columns are turned by their depth.
template <int ROWS, bool DEEP, int WIDTH> struct Walk {
    static constexpr int PER = (DEEP ? DEPTH : ROWS) / WIDTH, COPIES = ROWS * DEPTH / WIDTH / THREADS,
        STEP = THREADS / PER;
    __device__ static int row(int i) {
        return DEEP ? sorted(threadIdx.x / PER) + ahead(i) : threadIdx.x % PER * WIDTH;
    }
    __device__ static constexpr int sorted(int slot) { return slot / 32 * 32 + slot % 8 * 4 + slot % 32 / 8; }
    __device__ static constexpr int ahead(int i) { return sorted(i * STEP); }
    __device__ static constexpr int turned(int row, int depth) { return row ^ depth / (DEPTH / 4) * (HALF ? 16 : 8); }
    __device__ static int depth(int i) { return DEEP ? threadIdx.x % PER * WIDTH : threadIdx.x / PER + i * STEP; }
    __device__ static void copy(T *part, int i, const T *from, bool valid) {
        T *to = part + (DEEP ? (threadIdx.x + i * THREADS) * WIDTH : depth(i) * ROWS + turned(row(i), depth(i)));
        if (WIDTH * sizeof(T) == 16) cp_async16(to, from, valid);
        else if (sizeof(T) == 8) cp_async8(to, from, valid);
        else if (sizeof(T) == 4) cp_async4(to, from, valid);
        else *to = valid ? *from : T();
    }
    __device__ static Real column(const T *part, int row) {     // the sum over a slice's depth, if not DEEP
        Real sum = 0;
        UNROLL for (int d = 0; d < DEPTH; d++) sum += (Real)part[d * ROWS + turned(row, d)];
        return sum;
    }
    // words[group][j]: row `row` of every group of 8 from `first` on, at word 4 * quarter + j of the depth
    template <int GROUPS>
    __device__ static void read(Factor (&words)[GROUPS][4], const T *part, int first, int row, int quarter) {
        UNROLL for (int q = 0; q < GROUPS; q++) {
            Four found;
            if constexpr (DEEP) found = ((const Four *)part)[(first + 8 * q + row) * 4 + quarter];
            else {
                int depth = DEPTH / 4 * quarter + (HALF ? 2 : 1) * (q % 4);
                const T *from = part + depth * ROWS + turned(first + q / 4 * 32 + 4 * row, depth);
                if constexpr (HALF) found = zipped(*(const uint2 *)from, *(const uint2 *)(from + ROWS));
                else found = *(const Four *)from;
            }
            UNROLL for (int j = 0; j < 4; j++)
                if (DEEP) words[q][j] = factor(found.at[j]);
                else words[q / 4 * 4 + j][q % 4] = factor(found.at[j]);
        }
    }
    // One of them: row `row` of that group, at this depth
    __device__ static T one(const T *part, int first, int group, int row, int depth) {
        return part[DEEP ? (first + 8 * group + row) * DEPTH + depth
            : depth * ROWS + turned(first + group / 4 * 32 + 4 * row + group % 4, depth)];
    }
    __device__ static Factor factor(Real word) {
        if constexpr (HALF) return __float_as_uint(word);
        else return word;
    }
    __device__ static Four zipped(uint2 low, uint2 high) {      // four numbers at one depth, four at the next
        return {__uint_as_float(low.x & 0xffff | high.x << 16), __uint_as_float(low.x >> 16 | high.x & 0xffff0000),
                __uint_as_float(low.y & 0xffff | high.y << 16), __uint_as_float(low.y >> 16 | high.y & 0xffff0000)};
    }
};

// (rows, depth) of any strides
template <int ROWS, bool DEEP_, int WIDTH> struct Matrix : Walk<ROWS, DEEP_, WIDTH> {
    typedef Walk<ROWS, DEEP_, WIDTH> W;
    static constexpr bool DEEP = DEEP_;
    const T *from;
    long long row, col;
    int rows, depth;                                        // how much is left

    __device__ Matrix(const T *x, long long row, long long col, int first, int rows, int start, int depth)
        : from(x + (first + W::row(0)) * row + (start + W::depth(0)) * col), row(row), col(col),
          rows(rows - first - W::row(0)), depth(depth - start - W::depth(0)) {}
    __device__ void next(T *part) {
        UNROLL for (int i = 0; i < W::COPIES; i++)
            if (DEEP) W::copy(part, i, from + W::ahead(i) * row, W::ahead(i) < rows && depth > 0);
            else W::copy(part, i, from + i * W::STEP * col, rows > 0 && i * W::STEP < depth);
        depth -= DEPTH, from += DEPTH * col;
    }
};

// total += a slice of the left (TILE_M, DEPTH) @ one of the right (DEPTH, TILE_N). The order of the depth is free as long
// as both sides share it: lane 4 * g + t serves words 4 * t ... 4 * t + 3.
__device__ inline unsigned rounded(float x) { return rounded_tf32(x); }
__device__ inline unsigned rounded(unsigned word) { return word; }

template <class Left, class Right>
__device__ inline void multiply(Total &total, const T *left, const T *right) {
    int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4, warp = threadIdx.x / 32;
    int row = warp / 2 * WARP_M, column = warp % 2 * WARP_N;
#if PRECISION && __CUDA_ARCH__ >= 800
    Factor a[WARP_M / 8][4], b[WARP_N / 8][4];
    Left::read(a, left, row, g, t);
    Right::read(b, right, column, g, t);
    constexpr bool WHOLE = PRECISION == 1 || HALF;             // is a word a factor, or are two made one?
    UNROLL for (int step = 0; step < 4; step += WHOLE ? 2 : 4) {
        unsigned v[WARP_N / 8][2];
        UNROLL for (int j = 0; j < WARP_N / 8; j++)
            UNROLL for (int half = 0; half < 2; half++)
                v[j][half] = WHOLE ? rounded(b[j][step + half]) : pack_bf16(b[j][2 * half], b[j][2 * half + 1]);
        UNROLL for (int i = 0; i < WARP_M / 16; i++) {
            unsigned u[4];
            UNROLL for (int e = 0; e < 4; e++) {
                const Factor (&from)[4] = a[2 * i + e % 2];
                u[e] = WHOLE ? rounded(from[step + e / 2]) : pack_bf16(from[e / 2 * 2], from[e / 2 * 2 + 1]);
            }
            UNROLL for (int j = 0; j < WARP_N / 8; j++)
                if (PRECISION == 1) mma_m16n8k8_tf32(total[i][j], u, v[j]);
                else if (PRECISION == 2) mma_m16n8k16_bf16(total[i][j], u, v[j]);
                else mma_m16n8k16_f16(total[i][j], u, v[j]);
        }
    }
#else
    if constexpr (HALF) {
        NO_UNROLL for (int depth = 0; depth < DEPTH; depth++) {
            float a[WARP_M / 8], b[WARP_N / 4];
            UNROLL for (int i = 0; i < WARP_M / 8; i++) a[i] = Left::one(left, row, i, g, depth);
            UNROLL for (int j = 0; j < WARP_N / 4; j++) b[j] = Right::one(right, column, j / 2, 2 * t + j % 2, depth);
            UNROLL for (int i = 0; i < WARP_M / 8; i++)
                UNROLL for (int j = 0; j < WARP_N / 4; j++) total[i / 2][j / 2][i % 2 * 2 + j % 2] += a[i] * b[j];
        }
        return;
    }
    NO_UNROLL for (int quarter = 0; quarter < 4; quarter++) {
        Factor a[WARP_M / 8][4];
        Left::read(a, left, row, g, quarter);
        UNROLL for (int side = 0; side < 2; side++) {
            Factor b[WARP_N / 8][4];
            Right::read(b, right, column, 2 * t + side, quarter);
            UNROLL for (int k = 0; k < 4; k++)
                UNROLL for (int i = 0; i < WARP_M / 8; i++)
                    UNROLL for (int j = 0; j < WARP_N / 8; j++) total[i / 2][j][i % 2 * 2 + side] += a[i][k] * b[j][k];
        }
    }
#endif
}

template <class V> __device__ inline void write_four(Four sums, V *to, const E *bias, int column, const Matrices &s) {
    if (s.pieces == 1)
        UNROLL for (int j = 0; j < 4; j++)
            if (column + j < s.n)
                sums.at[j] = finished(sums.at[j], s.accumulate ? (Real)to[j] : (Real)0, bias, column + j, s);
    if constexpr (Arithmetic<V>::half) {
        if (s.wide) *(uint2 *)to = make_uint2(V::pack(sums.at[0], sums.at[1]), V::pack(sums.at[2], sums.at[3]));
    } else if (s.wide) *(Four *)to = sums;
    if (!s.wide) UNROLL for (int j = 0; j < 4; j++)
        if (column + j < s.n) to[j] = sums.at[j];
}

// Which tile of m rows is this block's. Blocks walk in strips of eight tiles, so that neighbours share what they read.
struct Tile {
    int m, i, j;
    bool any;
    __device__ Tile(int m, const Matrices &s) : m(m) {
        int down = (m + TILE_M - 1) / TILE_M, across = (s.n + TILE_N - 1) / TILE_N;
        int strip = blockIdx.x / (8 * across), at = blockIdx.x % (8 * across), height = max(1, min(8, down - 8 * strip));
        i = (8 * strip + at % height) * TILE_M, j = at / height * TILE_N;
        any = i < m && j < s.n;
    }
};

// The sums -> c, or those of a piece -> partial; by way of shared memory, the upper two warps' half first.
// row_of(i): which row of the result is row i of the product
template <class Row>
__device__ inline void write_tile(const Total &total, T *pool, O *c, Real *partial, const E *bias, const Tile &tile,
                                  const Matrices &s, Row row_of) {
    int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4, warp = threadIdx.x / 32;
    Four *part = (Four *)pool;
    NO_UNROLL for (int half = 0; half < 2; half++) {
        __syncthreads();
        if (warp / 2 == half)
            UNROLL for (int r = 0; r < WARP_M / 8; r++)
                UNROLL for (int q = 0; q < WARP_N / 16; q++) {
                    int row = r / 4 * 32 + 4 * g + r % 4, column = warp % 2 * WARP_N + q / 2 * 32 + 8 * t + q % 2 * 4;
                    Four &to = part[(row * TILE_N + column) / 4];
                    UNROLL for (int j = 0; j < 4; j++) to.at[j] = total[r / 2][q / 2 * 4 + j][r % 2 * 2 + q % 2];
                }
        __syncthreads();
        NO_UNROLL for (int e = threadIdx.x; e < WARP_M * TILE_N / 4; e += THREADS) {
            int i = tile.i + half * WARP_M + e / (TILE_N / 4), j = tile.j + e % (TILE_N / 4) * 4;
            if (i >= tile.m || j >= s.n) continue;
            long long row = row_of(i);
            if (s.pieces > 1) write_four(part[e], partial + row * s.n + j, bias, j, s);
            else write_four(part[e], c + row * s.c_row + j, bias + row * s.bias_row, j, s);
        }
    }
    __syncthreads();
}

// One tile: the sums of a piece of the depth in `slices`, and what becomes of them; if SUMS, also those of the right
// factor's columns, a thread a column, from the tiles that are the first to see them
template <class Left, class Right, class Row>
__device__ inline void make_tile(Left left, Right right, int slices, O *c, Real *partial, const E *bias, Real *sums,
                                 const Tile &tile, const Matrices &s, Row row_of) {
    __shared__ Four pool[STAGES * SLICE * sizeof(T) / sizeof(Four)];
    T *memory = (T *)pool;
    int warp = threadIdx.x / 32, ahead = 0;
    bool busy = tile.i + warp / 2 * WARP_M < tile.m && tile.j + warp % 2 * WARP_N < s.n;
    bool adds = SUMS && tile.i == 0 && threadIdx.x < TILE_N && tile.j + threadIdx.x < s.n;
    Total total = {};
    Real sum = 0;
    NO_UNROLL for (int slice = 1 - STAGES; slice < slices; slice++) {
        if (slice >= 0) {
            cp_async_wait<STAGES - 2>();
            __syncthreads();
        }
        T *to = memory + ahead * SLICE;         // of the slice before, which all have used; the next one follows it
        ahead = ahead + 1 == STAGES ? 0 : ahead + 1;
        if (slice + STAGES - 1 < slices) {
            left.next(to);
            right.next(to + TILE_M * DEPTH);
        }
        cp_async_commit();
        T *here = memory + ahead * SLICE;
        if (slice >= 0 && busy) multiply<Left, Right>(total, here, here + TILE_M * DEPTH);
        if (slice >= 0 && adds) sum += Right::column(here + TILE_M * DEPTH, threadIdx.x);
    }
    if (adds) sums[tile.j + threadIdx.x] = sum;
    write_tile(total, memory, c, partial, bias, tile, s, row_of);
}

// The tiles of this block, one of each product in the batch: a (batches, m, k), given by `left`, and b (batches, k, n)
// -> c (batches, m, n), or partial (pieces, batches, m, n)
template <class Right, class Left>
__device__ inline void products(const T *a, const T *b, O *c, const E *bias, Real *partial, const Matrices &s,
                                const View &batch, Left left, Real *sums = nullptr) {
    Tile tile(s.m, s);
    int start = blockIdx.z * s.chunk, slices = (min(s.k, start + s.chunk) - start + DEPTH - 1) / DEPTH;
    for (int index = blockIdx.y; index < s.batches; index += gridDim.y) {
        Right right(b + place(batch, 1, index), s.b_col, s.b_row, tile.j, s.n, start, s.k);
        make_tile(left(a + place(batch, 0, index), tile.i, start), right, slices, c + place(batch, 2, index),
                  partial + ((long long)blockIdx.z * s.batches + index) * s.m * s.n, bias + index * s.n, sums, tile, s,
                  [](int i) { return i; });
    }
}
