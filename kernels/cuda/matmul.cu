// Matrix products: c = activation(a @ b + bias (+ c)) for matrices of any strides, in batches. A block makes
// a tile of 64 x 64 from slices of 16 of the inner axis in shared memory; a thread makes 4 x 4 of it in
// registers. Where the result has few tiles and the inner axis is long, it is cut into pieces (blockIdx.z),
// which `combine` adds up in order.
#define TILE 64
#define SLICE 16

struct Matrices {                       // strides in elements; c is (m, n) with rows c_row apart
    long long a_row, a_col, b_row, b_col, c_row;
    int m, n, k, chunk, batches, pieces, has_bias, accumulate, activation;
};

// (64, 16) of x -> part[16][64], zeros outside; neighbouring threads read what lies together
__device__ inline void load(const T *x, long long row, long long col, int rows, int cols,
                            int first_row, int first_col, T (*part)[TILE + 4]) {
    bool rows_first = row < col;
    for (int e = threadIdx.x; e < TILE * SLICE; e += 256) {
        int i = rows_first ? e % TILE : e / SLICE, j = rows_first ? e / TILE : e % SLICE;
        bool inside = first_row + i < rows && first_col + j < cols;
        part[j][i] = inside ? x[(first_row + i) * row + (first_col + j) * col] : (T)0;
    }
}

__device__ inline T finished(T total, T before, const T *bias, int j, const Matrices &s) {
    if (s.accumulate) total += before;
    if (s.has_bias) total += bias[j];
    return activated(s.activation, total);
}

extern "C" __global__ void __launch_bounds__(256) matmul(const T *a, const T *b, T *c, const T *bias,
        T *partial, const __grid_constant__ Matrices s, const __grid_constant__ View batch) {
    __shared__ T pool[TILE * (TILE + 1)];                  // two slices, then the finished tile
    T (*rows)[TILE + 4] = (T (*)[TILE + 4])pool, (*columns)[TILE + 4] = rows + SLICE;
    int across = (s.n + TILE - 1) / TILE;
    int first_i = blockIdx.x / across * TILE, first_j = blockIdx.x % across * TILE;
    int i = threadIdx.x / 16 * 4, j = threadIdx.x % 16 * 4;
    int start = blockIdx.z * s.chunk, stop = min(s.k, start + s.chunk);
    for (int index = blockIdx.y; index < s.batches; index += gridDim.y) {
        const T *a_here = a + place(batch, 0, index), *b_here = b + place(batch, 1, index);
        T total[4][4] = {};
        for (int p = start; p < stop; p += SLICE) {
            load(a_here, s.a_row, s.a_col, s.m, stop, first_i, p, rows);
            load(b_here, s.b_col, s.b_row, s.n, stop, first_j, p, columns);
            __syncthreads();
            #pragma unroll
            for (int q = 0; q < SLICE; q++)
                #pragma unroll
                for (int y = 0; y < 4; y++)
                    #pragma unroll
                    for (int x = 0; x < 4; x++) total[y][x] += rows[q][i + y] * columns[q][j + x];
            __syncthreads();
        }
        #pragma unroll
        for (int y = 0; y < 4; y++)
            #pragma unroll
            for (int x = 0; x < 4; x++) pool[(i + y) * (TILE + 1) + j + x] = total[y][x];
        __syncthreads();
        T *c_here = c + place(batch, 2, index);
        T *piece = partial + ((long long)blockIdx.z * s.batches + index) * s.m * s.n;
        #pragma unroll 1
        for (int e = threadIdx.x; e < TILE * TILE; e += 256) {
            int row = first_i + e / TILE, column = first_j + e % TILE;
            if (row >= s.m || column >= s.n) continue;
            T value = pool[e / TILE * (TILE + 1) + e % TILE];
            long long at = row * s.c_row + column;
            if (s.pieces > 1) piece[(long long)row * s.n + column] = value;
            else c_here[at] = finished(value, s.accumulate ? c_here[at] : (T)0, bias, column, s);
        }
        __syncthreads();
    }
}

extern "C" __global__ void __launch_bounds__(256) combine(const T *partial, T *c, const T *bias,
        const __grid_constant__ Matrices s, const __grid_constant__ View batch) {
    long long size = (long long)s.m * s.n, all = size * s.batches;
    GRID_STRIDE(i, all) {
        T total = 0;
        for (int piece = 0; piece < s.pieces; piece++) total += partial[piece * all + i];
        int column = i % s.n;
        T *here = c + place(batch, 2, i / size) + i % size / s.n * s.c_row + column;
        *here = finished(total, s.accumulate ? *here : (T)0, bias, column, s);
    }
}

extern "C" __global__ void __launch_bounds__(256) activation_backward(const T *dy, const T *y, T *dz,
        int activation, long long n) {
    GRID_STRIDE(i, n) dz[i] = dy[i] * activated_slope(activation, y[i]);
}
