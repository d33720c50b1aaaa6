// Rows by number. S: dtype read, T: dtype written.

// out (count, width)[i] = table (rows, width)[ids[i]]; `missing` for a number outside
KERNEL(256) gather(const T *table, const int *ids, T *out, Real missing, int count, int rows, int width) {
    ROWS_COLUMNS(i, count, j, width) {
        int row = ids[i];
        out[(long long)i * width + j] = row >= 0 && row < rows ? (Real)table[(long long)row * width + j] : missing;
    }
}

// dy (count, width), ids (count) -> out (rows, width). A block owns `share` rows of out: it
// looks at 256 ids at a time, lists its own in their order, and adds those rows of dy one after the other; a
// thread owns its columns, so duplicates are summed in order of appearance without atomics.
KERNEL(256) scatter_add(const S *dy, const int *ids, T *out, int count, int rows, int share, int width) {
    __shared__ int mine[256], found[8];
    int thread = threadIdx.x, warp = thread / 32;
    int first = blockIdx.x * share, stop = min(rows, first + share);
    for (long long i = (long long)first * width + thread; i < (long long)stop * width; i += 256) out[i] = 0;
    __syncthreads();                                       // these rows get other owners below
    for (int start = 0; start < count; start += 256) {
        int id = thread < count - start ? ids[start + thread] : -1;
        bool hit = id >= first && id < stop;
        unsigned int votes = __ballot_sync(FULL_WARP, hit);
        if (thread % 32 == 0) found[warp] = __popc(votes);
        __syncthreads();
        int place = __popc(votes & ((1u << thread % 32) - 1)), total = 0;
        for (int other = 0; other < 8; other++) {
            if (other < warp) place += found[other];
            total += found[other];
        }
        if (hit) mine[place] = start + thread;
        __syncthreads();
        NO_UNROLL for (int k = 0; k < total; k++) {
            const S *from = dy + (long long)mine[k] * width;
            T *to = out + (long long)ids[mine[k]] * width;
            NO_UNROLL for (int j = thread; j < width; j += 256) to[j] = (Real)to[j] + (Real)from[j];
        }
        __syncthreads();
    }
}

template <class V> __device__ inline void gather_rows(const V *x, V *y, const int *order, long long first,
        int width, int count, int rows, int length) {
    ROWS_COLUMNS(i, count, j, width) {
        long long place = first + i;
        int row = place >= 0 && place < length ? order[place] : -1;
        y[(long long)i * width + j] = row >= 0 && row < rows ? x[(long long)row * width + j] : V{};
    }
}

#define GATHER_AS(V, x, y, bytes) \
    if (((unsigned long long)x | (unsigned long long)y | bytes) % sizeof(V) == 0) \
        return gather_rows((const V *)x, (V *)y, order, first, bytes / (int)sizeof(V), count, rows, length);

// In pieces as large as a row's place and length allow
__device__ inline void gather_bytes(const void *x, void *y, int bytes, const int *order, long long first,
        int count, int rows, int length) {
    GATHER_AS(uint4, x, y, bytes)
    GATHER_AS(int, x, y, bytes)
    GATHER_AS(char, x, y, bytes)
}

// y (count, bytes)[i] = x (rows, bytes)[order[cursor[0] + i]], zeros outside; for up to three x
KERNEL(256) gather_batches(const void *x0, const void *x1, const void *x2, void *y0, void *y1, void *y2,
        const int *order, const int *cursor, int bytes0, int bytes1, int bytes2, int count, int rows, int length) {
    gather_bytes(x0, y0, bytes0, order, cursor[0], count, rows, length);
    if (bytes1) gather_bytes(x1, y1, bytes1, order, cursor[0], count, rows, length);
    if (bytes2) gather_bytes(x2, y2, bytes2, order, cursor[0], count, rows, length);
}
