// Softmax and its cross-entropy. x, y, dx (rows, c); labels, loss, hits, dloss (rows). A row is read two or
// three times, but from the cache after the first.

// What a row is shifted by: its largest, but 0 for -inf, so that exp(x - shift) is 0 and not NaN.
__device__ inline T row_shift(const T *x, int c, int lane, int lanes, T *part) {
    T top = -infinity<T>();
    for (int j = lane; j < c; j += lanes) top = larger(top, x[j]);
    top = row_max(top, lanes, part);
    return top == -infinity<T>() ? (T)0 : top;
}

__device__ inline T row_total(const T *x, T shift, int c, int lane, int lanes, T *part) {
    T total = 0;
    for (int j = lane; j < c; j += lanes) total += exp(x[j] - shift);
    return row_sum(total, lanes, part);
}

// y = exp(x - shift) / total, or its logarithm
KERNEL(256) softmax(const T *x, T *y, int logarithm, long long rows, int c, int lanes) {
    __shared__ T part[8];
    FOR_EACH_ROW(row, mine) {
        const T *a = x + row * c;
        int width = mine ? c : 0;
        T shift = row_shift(a, width, lane, lanes, part);
        T total = row_total(a, shift, width, lane, lanes, part);
        T size = total == 0 ? (T)0 : log(total), scale = total == 0 ? (T)0 : 1 / total;
        for (int j = lane; j < width; j += lanes)
            y[row * c + j] = logarithm ? a[j] - shift - size : exp(a[j] - shift) * scale;
    }
}

// dx = y * (dy - sum(dy * y)), or dy - exp(y) * sum(dy)
KERNEL(256) softmax_backward(const T *dy, const T *y, T *dx, int logarithm, long long rows, int c, int lanes) {
    __shared__ T part[8];
    FOR_EACH_ROW(row, mine) {
        const T *g = dy + row * c, *p = y + row * c;
        int width = mine ? c : 0;
        T total = 0;
        for (int j = lane; j < width; j += lanes) total += logarithm ? g[j] : g[j] * p[j];
        total = row_sum(total, lanes, part);
        for (int j = lane; j < width; j += lanes)
            dx[row * c + j] = logarithm ? g[j] - exp(p[j]) * total : p[j] * (g[j] - total);
    }
}

// Place of the row's first largest number; every lane gets it.
__device__ inline int row_winner(const T *x, int c, int lane, int lanes, T *part, int *place) {
    T best = -infinity<T>();
    int at = c;
    for (int j = lane; j < c; j += lanes) if (wins(1, x[j], j, best, at)) best = x[j], at = j;
    for (int step = 16; step; step /= 2) {
        T other = __shfl_xor_sync(FULL_WARP, best, step);
        int there = __shfl_xor_sync(FULL_WARP, at, step);
        if (wins(1, other, there, best, at)) best = other, at = there;
    }
    if (lanes == 32) return at;
    __syncthreads();
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = best, place[threadIdx.x / 32] = at;
    __syncthreads();
    for (int warp = 0; warp < 8; warp++)
        if (wins(1, part[warp], place[warp], best, at)) best = part[warp], at = place[warp];
    return at;
}

// loss = log(total) - (x[label] - shift); hits: is the first largest the label?
KERNEL(256) softmax_cross_entropy(const T *x, const int *labels, T *loss, T *hits, long long rows, int c, int lanes) {
    __shared__ T part[8];
    __shared__ int places[8];
    FOR_EACH_ROW(row, mine) {
        const T *a = x + row * c;
        int width = mine ? c : 0, label = mine ? labels[row] : -1;
        bool inside = label >= 0 && label < width;
        T shift = row_shift(a, width, lane, lanes, part);
        T total = row_total(a, shift, width, lane, lanes, part);
        int winner = row_winner(a, width, lane, lanes, part, places);
        if (lane == 0 && mine) {
            loss[row] = inside ? log(total) - (a[label] - shift) : not_a_number<T>();
            hits[row] = inside && winner == label ? (T)1 : (T)0;
        }
    }
}

// dx = dloss * (softmax(x) - onehot(label))
KERNEL(256) softmax_cross_entropy_backward(const T *dloss, const T *x,
        const int *labels, T *dx, long long rows, int c, int lanes) {
    __shared__ T part[8];
    FOR_EACH_ROW(row, mine) {
        const T *a = x + row * c;
        int width = mine ? c : 0, label = mine ? labels[row] : -1;
        T shift = row_shift(a, width, lane, lanes, part);
        T total = row_total(a, shift, width, lane, lanes, part);
        T scale = mine ? dloss[row] : (T)0, share = total == 0 ? (T)0 : scale / total;
        for (int j = lane; j < width; j += lanes)
            dx[row * c + j] = exp(a[j] - shift) * share - (j == label ? scale : (T)0);
    }
}

// x (rows, c), labels (rows) -> out (rows)
KERNEL(256) pick(const T *x, const int *labels, T *out, long long rows, int c) {
    GRID_STRIDE(row, rows) {
        int label = labels[row];
        out[row] = label >= 0 && label < c ? x[row * c + label] : not_a_number<T>();
    }
}

// dy (rows), labels (rows) -> dx (rows, c)
KERNEL(256) pick_backward(const T *dy, const int *labels, T *dx, int rows, int c) {
    ROWS_COLUMNS(row, rows, j, c) dx[(long long)row * c + j] = j == labels[row] ? dy[row] : (T)0;
}
