// Attention without a table of scores in memory: a block owns 64 rows and walks the columns 32 at a time.
// Forward and for dq, rows are queries and columns keys; for dk and dv it is the other way round.
// grid.y counts 64s of the result's width. flash.cuh does the same on tensor cores.
#include "attention.cuh"

struct Tiles {
    Real a[16][68], b[16][36];                 // 16 of the depth of 64 rows and 32 columns
    Real weight[32][68], value[16][68];        // column by row; column by place
};

// What a block works on; a thread owns rows line * 4 + i and columns lane + 16 * j.
struct Place {
    int image, head, row0, x0, lane, line;
    __device__ Place(const Attention &g, int rows) {
        int tiles = (rows + 63) / 64, matrix = blockIdx.x / tiles;
        image = matrix / g.heads, head = matrix % g.heads;
        row0 = blockIdx.x % tiles * 64, x0 = blockIdx.y * 64;
        lane = threadIdx.x % 16, line = threadIdx.x / 16;
    }
};

// sum += a b^T for 64 rows of a and 32 of b
__device__ inline void multiply(Real (&sum)[4][2], const Input &a, const Input &b, const Place &at, Tiles &s) {
    for (int x = at.lane; x - at.lane < a.width; x += 16) {
        UNROLL for (int i = at.line; i < 64; i += 16) s.a[at.lane][i] = a.at(i, x);
        UNROLL for (int j = at.line; j < 32; j += 16) s.b[at.lane][j] = b.at(j, x);
        __syncthreads();
        UNROLL_BY_4 for (int k = 0; k < 16; k++)
            UNROLL for (int i = 0; i < 4; i++)
                UNROLL for (int j = 0; j < 2; j++) sum[i][j] += s.a[k][at.line * 4 + i] * s.b[k][at.lane + 16 * j];
        __syncthreads();
    }
}

// sums += s.weight^Real values for 32 rows of values and 64 of their width
__device__ inline void add_weighted(Real (&sums)[4][4], const Input &values, const Place &at, Tiles &s) {
    for (int k0 = 0; k0 < 32; k0 += 16) {
        int x = threadIdx.x % 64;
        UNROLL for (int k = threadIdx.x / 64; k < 16; k += 4) s.value[k][x] = values.at(k0 + k, at.x0 + x);
        __syncthreads();
        UNROLL_BY_4 for (int k = 0; k < 16; k++)
            UNROLL for (int i = 0; i < 4; i++)
                UNROLL for (int j = 0; j < 4; j++)
                    sums[i][j] += s.weight[k0 + k][at.line * 4 + i] * s.value[k][at.lane + 16 * j];
        __syncthreads();
    }
}

// out = every row of the block times its factor
__device__ inline void store(const Real (&sums)[4][4], const Real (&factor)[4], Rows<T> out, const Place &at) {
    UNROLL for (int i = 0; i < 4; i++)
        UNROLL for (int j = 0; j < 4; j++) {
            int row = at.line * 4 + i, x = at.x0 + at.lane + 16 * j;
            if (row < out.count && x < out.width) out.data[row * out.pitch + x] = sums[i][j] * factor[i];
        }
}

// y (n, tq, heads, e) and lse (n, heads, tq): the logarithm of the sum of exp(scores). Left to itself (0), the compiler
// spills registers for 16 bits.
KERNEL(256, HALF ? 2 : 0) attention(const T *q, const T *k, const T *v, T *y, Real *lse, const void *mask, Real scale,
        Attention g) {
    __shared__ Tiles s;
    Place at(g, g.tq);
    Input queries = Input(q, g, at.image, at.head, g.tq, g.d).from(at.row0);
    Input keys(k, g, at.image, at.head, g.tk, g.d), values(v, g, at.image, at.head, g.tk, g.e);
    Real sums[4][4] = {}, total[4] = {}, top[4], factor[4];
    for (int i = 0; i < 4; i++) top[i] = -infinity<Real>();
    int last = g.causal ? min(g.tk, at.row0 + 64) : g.tk;
    for (int column0 = 0; column0 < last; column0 += 32) {
        Real score[4][2] = {};
        multiply(score, queries, keys.from(column0), at, s);
        UNROLL for (int i = 0; i < 4; i++) {       // a row's largest so far is `top`: where it grows, the sums fade
            int row = at.line * 4 + i;
            Real best = top[i];
            for (int j = 0; j < 2; j++) {
                int column = column0 + at.lane + 16 * j;
                bool allowed = g.allowed((const bool *)mask, at.image, at.head, at.row0 + row, column);
                score[i][j] = allowed ? score[i][j] * scale : -infinity<Real>();
                best = larger(best, score[i][j]);
            }
            for (int step = 8; step; step /= 2) best = larger(best, __shfl_xor_sync(FULL_WARP, best, step));
            Real fade = top[i] == best ? (Real)1 : exp(top[i] - best);
            top[i] = best, total[i] *= fade;
            for (int j = 0; j < 2; j++) {
                Real weight = score[i][j] == -infinity<Real>() ? (Real)0 : exp(score[i][j] - best);
                s.weight[at.lane + 16 * j][row] = weight, total[i] += weight;
            }
            for (int j = 0; j < 4; j++) sums[i][j] *= fade;
        }
        add_weighted(sums, values.from(column0), at, s);
    }
    UNROLL for (int i = 0; i < 4; i++) {
        int row = at.row0 + at.line * 4 + i;
        for (int step = 8; step; step /= 2) total[i] += __shfl_xor_sync(FULL_WARP, total[i], step);
        factor[i] = total[i] == 0 ? (Real)0 : 1 / total[i];
        if (row < g.tq && at.x0 + at.lane == 0)
            lse[(at.image * g.heads + at.head) * g.tq + row] = top[i] + log(total[i]);
    }
    store(sums, factor, Rows<T>(y, g, at.image, at.head, g.tq, g.e).from(at.row0), at);
}

// delta (n, heads, tq) = sum of dy * y (n, tq, heads, e) over e: a warp a row
KERNEL(256) attention_delta(const T *dy, const T *y, Real *delta, Attention g, int rows) {
    for (int row = blockIdx.x * 8 + threadIdx.x / 32; row < rows; row += gridDim.x * 8) {
        Real sum = 0;
        for (int x = threadIdx.x % 32; x < g.e; x += 32)
            sum += (Real)dy[(long long)row * g.e + x] * (Real)y[(long long)row * g.e + x];
        sum = row_sum(sum, 32, (Real *)nullptr);
        int image = row / (g.tq * g.heads), query = row / g.heads % g.tq, head = row % g.heads;
        if (threadIdx.x % 32 == 0) delta[(image * g.heads + head) * g.tq + query] = sum;
    }
}

// out (rows) = weights (rows, columns) values (columns). The weights are the probabilities, remade from lse;
// for `scores`, what flows back to the scores. `by_key`: rows are keys, columns are queries.
KERNEL(256) attention_grad(const T *a, const T *b, const T *da, const T *db, const T *values, T *out, const Real *lse,
        const Real *delta, const void *mask, Real scale, int by_key, int scores, Attention g) {
    __shared__ Tiles s;
    const int row_count = by_key ? g.tk : g.tq, column_count = by_key ? g.tq : g.tk;
    const int width = scores ? g.d : g.e;
    const Place at(g, row_count);
    const Input rows = Input(a, g, at.image, at.head, row_count, g.d).from(at.row0);
    const Input slope_rows = Input(da, g, at.image, at.head, row_count, g.e).from(at.row0);
    const Input columns(b, g, at.image, at.head, column_count, g.d);
    const Input slope_columns(db, g, at.image, at.head, column_count, g.e);
    const Input weighted(values, g, at.image, at.head, column_count, width);
    const int statistics = (at.image * g.heads + at.head) * g.tq;
    Real sums[4][4] = {}, factor[4] = {1, 1, 1, 1};
    int first = g.causal && by_key ? at.row0 : 0;
    int last = g.causal && !by_key ? min(column_count, at.row0 + 64) : column_count;
    for (int column0 = first; column0 < last; column0 += 32) {
        Real score[4][2] = {}, slope[4][2] = {};
        multiply(score, rows, columns.from(column0), at, s);
        if (scores) multiply(slope, slope_rows, slope_columns.from(column0), at, s);
        UNROLL for (int i = 0; i < 4; i++)
            UNROLL for (int j = 0; j < 2; j++) {
                int row = at.row0 + at.line * 4 + i, column = column0 + at.lane + 16 * j;
                int query = by_key ? column : row, key = by_key ? row : column;
                bool allowed = g.allowed((const bool *)mask, at.image, at.head, query, key);
                Real weight = allowed ? exp(score[i][j] * scale - lse[statistics + query]) : (Real)0;
                if (scores && weight != 0) weight *= (slope[i][j] - delta[statistics + query]) * scale;
                s.weight[at.lane + 16 * j][at.line * 4 + i] = weight;
            }
        add_weighted(sums, weighted.from(column0), at, s);
    }
    store(sums, factor, Rows<T>(out, g, at.image, at.head, row_count, width).from(at.row0), at);
}
