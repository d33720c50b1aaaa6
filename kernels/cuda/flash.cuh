// Attention on tensor cores. A block of four warps owns 64 * TALL rows and walks the columns by tiles, which travel to
// shared memory while the ones before are multiplied. Forward and for dq, rows are queries and columns keys; for dk and
// dv it is the other way round. Head sizes are filled up to WIDTH with zeros. Sums and the softmax are float32.
#include "attention.cuh"
#include "factors.cuh"

#if __CUDA_ARCH__ >= 800
constexpr int CHUNKS = WIDTH / EACH, MOST = 64 / TALL, FIT = 512 / CHUNKS, COLUMNS = FIT < MOST ? FIT : MOST,
    TILE = COLUMNS * CHUNKS, DEPTHS = CHUNKS / 4, PART = WIDTH < 64 || CHUNKS == 32 ? 32 : 64;
constexpr float LOG2_E = 1.44269504f, LN_2 = 0.693147181f;

template <int M> using Own = unsigned[M][DEPTHS][STEPS][4];           // a warp's rows, as left factors
template <int M> using Scores = float[M][COLUMNS / 8][4];
template <int M, int W> using Sums = float[M][W / 8][4];

// Where a chunk of a row lies in shared memory: turned by the row, so that no way of reading meets a bank twice
__device__ inline int place_of(int row, int x) {
    return (row * CHUNKS + x) ^ (row & 6) ^ (CHUNKS < 8 ? 0 : row % 2 * 4);
}

// Some rows from `first` on
template <int COUNT> __device__ inline void copy_rows(Chunk *to, const Input &rows, int first, bool wide) {
    UNROLL for (int i = threadIdx.x; i < COUNT * CHUNKS; i += 128) {
        int row = i / CHUNKS, x = i % CHUNKS * EACH, there = first + row < rows.count ? rows.width - x : 0;
        const T *from = rows.data + (long long)(first + row) * rows.pitch + x;
        T *at = (T *)(to + place_of(row, x / EACH));
        if (wide) cp_async16(at, from, there > 0);
        else NO_UNROLL for (int e = 0; e < EACH; e++) at[e] = e < there ? from[e] : (T)0;
    }
}

template <int M> __device__ inline void take(Own<M> &own, Chunk *pool, const Input &rows, int row0, bool wide) {
    copy_rows<64 * M>(pool, rows, row0, wide);
    cp_async_commit();
    cp_async_wait<0>();
    __syncthreads();
    int row = threadIdx.x / 32 * 16 * M + threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    UNROLL for (int i = 0; i < 2 * M; i++)
        UNROLL for (int x = 0; x < DEPTHS; x++)
            UNROLL for (int step = 0; step < STEPS; step++) {
                unsigned words[2];
                along(words, pool[place_of(row + 8 * i, 4 * x + t)], step);
                UNROLL for (int half = 0; half < 2; half++) own[i / 2][x][step][i % 2 + 2 * half] = words[half];
            }
    __syncthreads();
}

// scores += the warp's rows times those of a tile
template <int M> __device__ inline void multiply(Scores<M> &scores, const Own<M> &own, const Chunk *tile) {
    int lane = place_of(threadIdx.x % 32 / 4, threadIdx.x % 4);
    UNROLL for (int x = 0; x < DEPTHS; x++)
        UNROLL for (int n = 0; n < COLUMNS / 8; n++) {
            Chunk chunk = tile[8 * n * CHUNKS + (lane ^ x % 2 * 4) + x / 2 * 8];
            UNROLL for (int step = 0; step < STEPS; step++) {
                unsigned b[2];
                along(b, chunk, step);
                UNROLL for (int i = 0; i < M; i++) mma(scores[i][n], own[i][x][step], b);
            }
        }
}

// sums += weights times the tile's rows, W numbers from x0 on: number 32 q + 4 c + j is column c of tile 4 q + j
template <int M, int W>
__device__ inline void add_weighted(Sums<M, W> &sums, const Scores<M> &weights, const Chunk *tile, int x0) {
    constexpr int ACROSS = 32 / EACH;
    int g = threadIdx.x % 32 / 4, lane = place_of(depth_of(0), 4 * g / EACH);
    const T *from = (const T *)(tile + x0 / EACH) + 4 * g % EACH;
    UNROLL for (int step = 0; step < COLUMNS / KEYS; step++) {
        unsigned a[M][4];
        UNROLL for (int i = 0; i < M; i++) turned(a[i], weights[i], step);
        UNROLL for (int q = 0; q < W / 32; q++) {
            Strip strips[KEYS / 4];
            unsigned b[4][2];
            UNROLL for (int i = 0; i < KEYS / 4; i++) {
                int row = step * KEYS + i / 2 * 8 + (CHUNKS < 8 ? 0 : i % 2), turn = (q * ACROSS / 4 + i) % 2 * 4;
                strips[i] = *(const Strip *)(from + (row * CHUNKS + (lane ^ turn) + q * ACROSS / 8 * 8) * EACH);
            }
            across(b, strips);
            UNROLL for (int j = 0; j < 4; j++)
                UNROLL for (int i = 0; i < M; i++) mma(sums[i][4 * q + j], a[i], b[j]);
        }
    }
}

// What a warp works on; a lane owns rows row(i) and columns column(n, e) of a tile.
template <int M, bool BY_KEY> struct Place {
    const Attention &g;
    const bool *mask;
    int rows, image, head, row0, first;
    __device__ Place(const Attention &g, const void *mask, int rows) : g(g), mask((const bool *)mask), rows(rows) {
        int tiles = (rows + 64 * M - 1) / (64 * M), matrix = blockIdx.x / tiles, tile = blockIdx.x % tiles;
        image = matrix / g.heads, head = matrix % g.heads;
        row0 = (g.causal && !BY_KEY ? tiles - 1 - tile : tile) * 64 * M;     // those with the most work come first
        first = row0 + threadIdx.x / 32 * 16 * M;
    }
    __device__ int row(int i) const { return first + 8 * i + threadIdx.x % 32 / 4; }
    __device__ static int column(int n, int e) { return 8 * n + threadIdx.x % 4 * 2 + e % 2; }
    __device__ bool busy(int column0) const {
        return !g.causal || (BY_KEY ? column0 + COLUMNS > first : column0 < first + 16 * M);
    }
    // Weights of pairs that may not look at each other become `none`.
    __device__ void hide(Scores<M> &scores, int column0, float none) const {
        bool clear = BY_KEY ? column0 >= first + 16 * M : column0 + COLUMNS <= first;
        if (!g.masked && (!g.causal || clear) && column0 + COLUMNS <= (BY_KEY ? g.tq : g.tk)) return;
        const bool *seen = mask + image * g.step[0] + head * g.step[1];
        UNROLL for (int i = 0; i < 2 * M; i++) {
            int r = row(i), low = g.causal && BY_KEY ? r : 0, high = BY_KEY ? g.tq : g.causal ? min(g.tk, r + 1) : g.tk;
            const bool *line = seen + r * g.step[BY_KEY ? 3 : 2];
            UNROLL for (int n = 0; n < COLUMNS / 8; n++)
                UNROLL for (int e = 0; e < 2; e++) {
                    int c = column0 + column(n, e);
                    bool allowed = c >= low && c < high && (!g.masked || r < rows && line[c * g.step[BY_KEY ? 2 : 3]]);
                    if (!allowed) scores[i / 2][n][i % 2 * 2 + e] = none;
                }
        }
    }
};

// out = every row of the warp times its factor, numbers from x0 on
template <int M, int W, class Factor>
__device__ inline void store_rows(const Sums<M, W> &sums, Rows<T> out, int first, int x0, Factor factor, bool wide) {
    UNROLL for (int i = 0; i < 2 * M; i++) {
        int row = first + 8 * i + threadIdx.x % 32 / 4;
        UNROLL for (int x = 0; x < W / 4; x += AT_ONCE) {                       // of the lane's, eight side by side
            Several<float> values;
            UNROLL for (int j = 0; j < AT_ONCE; j++)
                values.at[j] = sums[i / 2][x / 8 * 4 + j % 4][i % 2 * 2 + (x + j) % 8 / 4] * factor(i);
            int at = x0 + x / 8 * 32 + threadIdx.x % 4 * 8 + x % 8;
            int count = row < out.count ? min(AT_ONCE, out.width - at) : 0;
            put(out.data, (long long)row * out.pitch + at, count, values, wide);
        }
    }
}

// The columns from `first` to `last`, tile after tile: what `load` brings, `use` finds a turn later.
template <class Load, class Use>
__device__ inline void walk(int first, int last, Load load, Use use) {
    if (first < last) load(0, first);
    cp_async_commit();
    NO_UNROLL for (int column0 = first, stage = 0; column0 < last; column0 += COLUMNS, stage ^= 1) {
        cp_async_wait<0>();
        __syncthreads();
        if (column0 + COLUMNS < last) load(stage ^ 1, column0 + COLUMNS);
        cp_async_commit();
        use(stage, column0);
    }
}
#endif
