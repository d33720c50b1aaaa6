// Rows by number. S: dtype read, T: dtype written.

// out (count, width)[i] = table (rows, width)[ids[i]]; `missing` for a number outside
KERNEL(256) gather(const T *table, const int *ids, T *out, T missing, int count, int rows, int width) {
    ROWS_COLUMNS(i, count, j, width) {
        int row = ids[i];
        out[(long long)i * width + j] = row >= 0 && row < rows ? table[(long long)row * width + j] : missing;
    }
}

// dy (count, width), ids (count) -> out (rows, width). A block owns `share` rows of out: it
// looks at 256 ids at a time, lists its own in their order, and adds those rows of dy one after the other; a
// thread owns its columns, so duplicates are summed in order of appearance without atomics.
KERNEL(256) scatter_add(const T *dy, const int *ids, T *out, int count, int rows, int share, int width) {
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
            const T *from = dy + (long long)mine[k] * width;
            T *to = out + (long long)ids[mine[k]] * width;
            NO_UNROLL for (int j = thread; j < width; j += 256) to[j] += from[j];
        }
        __syncthreads();
    }
}

// out (count, width)[i] = x (rows, width)[order[cursor[0] + i]], cast; zeros outside
KERNEL(256) gather_batch(const S *x, const int *order,
        const int *cursor, T *out, int count, int rows, int length, int width) {
    ROWS_COLUMNS(i, count, j, width) {
        long long place = (long long)cursor[0] + i;
        int row = place >= 0 && place < length ? order[place] : -1;
        out[(long long)i * width + j] = row >= 0 && row < rows ? (T)x[(long long)row * width + j] : (T)0;
    }
}
