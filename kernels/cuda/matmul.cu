// Matrix products: c = activation(a @ b + bias (+ c)) for matrices of any strides, in batches. A block makes
// a tile of 64 x 64 from slices of 16 of the inner axis in shared memory; a thread makes 4 x 4 of it in
// registers. Where the result has few tiles and the inner axis is long, it is cut into pieces (blockIdx.z),
// which `combine` adds up in order.
#define TILE 64
#define SLICE 16
#define RESIDENT (sizeof(T) == 4 ? 2 : 1)       // blocks that share the registers of a multiprocessor

struct Matrices {                       // strides in elements; c is (m, n) with rows c_row apart
    long long a_row, a_col, b_row, b_col, c_row;
    int m, n, k, chunk, batches, pieces, has_bias, accumulate, activation;
};

struct alignas(16) Four { T at[4]; };   // one load from shared memory

// A thread moves four numbers of a slice (64, 16) of x: from memory to registers, and, when the slice before
// is used up, to part[16][64]. Outside are zeros; neighbouring threads read what lies together.
struct Slice {
    long long row, col;
    int rows, cols, i, j, down, along;  // the first of the four, and the way to the next

    __device__ Slice(long long row, long long col, int rows, int cols) : row(row), col(col), rows(rows), cols(cols) {
        bool upright = row < col;
        i = upright ? threadIdx.x % TILE : threadIdx.x / SLICE, down = upright ? 0 : 256 / SLICE;
        j = upright ? threadIdx.x / TILE : threadIdx.x % SLICE, along = upright ? 256 / TILE : 0;
    }
    __device__ Four fetch(const T *x, int first_row, int first_col) const {
        Four held;
        int y = first_row + i, z = first_col + j;
        x += y * row + z * col;
        UNROLL for (int e = 0; e < 4; e++, y += down, z += along, x += down * row + along * col)
            held.at[e] = y < rows && z < cols ? *x : (T)0;
        return held;
    }
    __device__ void store(const Four &held, T (*part)[TILE + 4]) const {
        UNROLL for (int e = 0; e < 4; e++) part[j + e * along][i + e * down] = held.at[e];
    }
};

__device__ inline T finished(T total, T before, const T *bias, int j, const Matrices &s) {
    if (s.accumulate) total += before;
    if (s.has_bias) total += bias[j];
    return activated(s.activation, total);
}

// A finished tile -> c, or the sum over a piece of the inner axis -> partial
__device__ inline void write_tile(const T *tile, int first_i, int first_j, T *c, T *partial, const T *bias,
                                  const Matrices &s) {
    NO_UNROLL for (int e = threadIdx.x; e < TILE * TILE; e += 256) {
        int row = first_i + e / TILE, column = first_j + e % TILE;
        if (row >= s.m || column >= s.n) continue;
        T value = tile[e / TILE * (TILE + 4) + e % TILE], *here = c + row * s.c_row + column;
        if (s.pieces > 1) partial[(long long)row * s.n + column] = value;
        else *here = finished(value, s.accumulate ? *here : (T)0, bias, column, s);
    }
}

// a (batches, m, k), b (batches, k, n) -> c (batches, m, n) or partial (pieces, batches, m, n)
KERNEL(256, RESIDENT) matmul(const T *a, const T *b, T *c,
        const T *bias, T *partial, const __grid_constant__ Matrices s, const __grid_constant__ View batch) {
    __shared__ Four memory[TILE * (TILE + 4) / 4];         // two slices, then the finished tile
    T *pool = memory[0].at, (*rows)[TILE + 4] = (T (*)[TILE + 4])pool, (*columns)[TILE + 4] = rows + SLICE;
    int across = (s.n + TILE - 1) / TILE;
    int first_i = blockIdx.x / across * TILE, first_j = blockIdx.x % across * TILE;
    int i = threadIdx.x / 16 * 4, j = threadIdx.x % 16 * 4;
    int start = blockIdx.z * s.chunk, stop = min(s.k, start + s.chunk);
    Slice left(s.a_row, s.a_col, s.m, stop), right(s.b_col, s.b_row, s.n, stop);
    for (int index = blockIdx.y; index < s.batches; index += gridDim.y) {
        const T *a_here = a + place(batch, 0, index), *b_here = b + place(batch, 1, index);
        Four of_a = left.fetch(a_here, first_i, start), of_b = right.fetch(b_here, first_j, start);
        T total[4][4] = {};
        for (int p = start; p < stop; p += SLICE) {
            left.store(of_a, rows);
            right.store(of_b, columns);
            __syncthreads();
            of_a = left.fetch(a_here, first_i, p + SLICE);  // the next slice travels while this one is used
            of_b = right.fetch(b_here, first_j, p + SLICE);
            UNROLL_BY_4 for (int q = 0; q < SLICE; q++) {
                Four u = *(const Four *)&rows[q][i], v = *(const Four *)&columns[q][j];
                UNROLL for (int y = 0; y < 4; y++)
                    UNROLL for (int x = 0; x < 4; x++) total[y][x] += u.at[y] * v.at[x];
            }
            __syncthreads();
        }
        UNROLL for (int y = 0; y < 4; y++)
            UNROLL for (int x = 0; x < 4; x++) pool[(i + y) * (TILE + 4) + j + x] = total[y][x];
        __syncthreads();
        write_tile(pool, first_i, first_j, c + place(batch, 2, index),
                   partial + ((long long)blockIdx.z * s.batches + index) * s.m * s.n, bias, s);
        __syncthreads();
    }
}

// c = activation(sum of the pieces + bias (+ c)); partial is (pieces, batches, m, n)
KERNEL(256) combine(const T *partial, T *c, const T *bias,
        const __grid_constant__ Matrices s, const __grid_constant__ View batch) {
    const int rows = s.batches * s.m;
    ROWS_COLUMNS(row, rows, column, s.n) {
        T total = 0;
        for (int piece = 0; piece < s.pieces; piece++)
            total += partial[((long long)piece * rows + row) * s.n + column];
        T *here = c + place(batch, 2, row / s.m) + row % s.m * s.c_row + column;
        *here = finished(total, s.accumulate ? *here : (T)0, bias, column, s);
    }
}

// dz = dy * slope(y), all (n)
KERNEL(256) activation_backward(const T *dy, const T *y, T *dz, int activation, long long n) {
    GRID_STRIDE(i, n) dz[i] = dy[i] * activated_slope(activation, y[i]);
}
