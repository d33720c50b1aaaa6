// Softmax and its cross-entropy. x, y, dx (rows, c); labels, loss, hits, dloss (rows). A row is read two or
// three times, but from the cache after the first.
#include "blocks.cuh"

// What a row is shifted by: its largest, but 0 for -inf, so that exp(x - shift) is 0 and not NaN.
__device__ inline Real row_shift(const T *x, int c, int count, int lane, int lanes, Real *part) {
    Real top = -infinity<Real>();
    for (int j = lane * count; j < c; j += lanes * count) {
        Several<Real> values = fetch(x, j, count);
        EACH_OF(e, count) top = larger(top, values.at[e]);
    }
    top = row_max(top, lanes, part);
    return top == -infinity<Real>() ? (Real)0 : top;
}

__device__ inline Real row_total(const T *x, Real shift, int c, int count, int lane, int lanes, Real *part) {
    Real total = 0;
    for (int j = lane * count; j < c; j += lanes * count) {
        Several<Real> values = fetch(x, j, count);
        EACH_OF(e, count) total += exp(values.at[e] - shift);
    }
    return row_sum(total, lanes, part);
}

// y = exp(x - shift) / total, or its logarithm
KERNEL(256, 2) softmax(const T *x, T *y, int logarithm, long long rows, int c, int lanes) {
    __shared__ Real part[8];
    int count = columns_at_once(c, x, y);
    FOR_EACH_ROW(row, mine) {
        const T *a = x + row * c;
        int width = mine ? c : 0;
        Real shift = row_shift(a, width, count, lane, lanes, part);
        Real total = row_total(a, shift, width, count, lane, lanes, part);
        Real size = total == 0 ? (Real)0 : log(total), scale = total == 0 ? (Real)0 : 1 / total;
        NO_UNROLL for (int j = lane * count; j < width; j += lanes * count) {
            Several<Real> values = fetch(a, j, count);
            EACH_OF(e, AT_ONCE)
                values.at[e] = logarithm ? values.at[e] - shift - size : exp(values.at[e] - shift) * scale;
            put(y + row * c, j, count, values);
        }
    }
}

// dx = y * (dy - sum(dy * y)), or dy - exp(y) * sum(dy)
KERNEL(256, 2) softmax_backward(const T *dy, const T *y, T *dx, int logarithm, long long rows, int c, int lanes) {
    __shared__ Real part[8];
    int count = columns_at_once(c, dy, y, dx);
    FOR_EACH_ROW(row, mine) {
        const T *g = dy + row * c, *p = y + row * c;
        int width = mine ? c : 0;
        Real total = 0;
        NO_UNROLL for (int j = lane * count; j < width; j += lanes * count) {
            Several<Real> in = fetch(g, j, count), values = fetch(p, j, count);
            EACH_OF(e, count) total += logarithm ? in.at[e] : in.at[e] * values.at[e];
        }
        total = row_sum(total, lanes, part);
        NO_UNROLL for (int j = lane * count; j < width; j += lanes * count) {
            Several<Real> in = fetch(g, j, count), values = fetch(p, j, count);
            EACH_OF(e, AT_ONCE) values.at[e] = logarithm ? in.at[e] - exp(values.at[e]) * total
                : values.at[e] * (in.at[e] - total);
            put(dx, row * c + j, count, values);
        }
    }
}

// Place of the row's first largest number; every lane gets it.
__device__ inline int row_winner(const T *x, int c, int count, int lane, int lanes, Real *part, int *place) {
    Real best = -infinity<Real>();
    int at = c;
    for (int j = lane * count; j < c; j += lanes * count) {
        Several<Real> values = fetch(x, j, count);
        EACH_OF(e, count) if (wins(1, values.at[e], j + e, best, at)) best = values.at[e], at = j + e;
    }
    for (int step = 16; step; step /= 2) {
        Real other = __shfl_xor_sync(FULL_WARP, best, step);
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

// loss = log(total) - (x[label] - shift); hits: is the first largest the label, in a row without NaN?
KERNEL(256, 2) softmax_cross_entropy(const T *x, const int *labels, Real *loss, Real *hits, long long rows, int c, int lanes) {
    __shared__ Real part[8];
    __shared__ int places[8];
    int count = columns_at_once(c, x);
    FOR_EACH_ROW(row, mine) {
        const T *a = x + row * c;
        int width = mine ? c : 0, label = mine ? labels[row] : -1;
        bool inside = label >= 0 && label < width;
        Real shift = row_shift(a, width, count, lane, lanes, part);
        Real total = row_total(a, shift, width, count, lane, lanes, part);
        int winner = row_winner(a, width, count, lane, lanes, part, places);
        if (lane == 0 && mine) {
            loss[row] = inside ? log(total) - (a[label] - shift) : not_a_number<Real>();
            hits[row] = inside && winner == label && total == total ? (Real)1 : (Real)0;
        }
    }
}

// dx = dloss * (softmax(x) - onehot(label))
KERNEL(256, 2) softmax_cross_entropy_backward(const Real *dloss, const T *x,
        const int *labels, T *dx, long long rows, int c, int lanes) {
    __shared__ Real part[8];
    int count = columns_at_once(c, x, dx);
    FOR_EACH_ROW(row, mine) {
        const T *a = x + row * c;
        int width = mine ? c : 0, label = mine ? labels[row] : -1;
        Real shift = row_shift(a, width, count, lane, lanes, part);
        Real total = row_total(a, shift, width, count, lane, lanes, part);
        Real scale = mine ? dloss[row] : (Real)0, share = total == 0 ? (Real)0 : scale / total;
        NO_UNROLL for (int j = lane * count; j < width; j += lanes * count) {
            Several<Real> values = fetch(a, j, count);
            EACH_OF(e, AT_ONCE) values.at[e] = exp(values.at[e] - shift) * share - (j + e == label ? scale : (Real)0);
            put(dx, row * c + j, count, values);
        }
    }
}

__device__ unsigned int blocks_done;

// dx = (softmax(x) - onehot(label)) / rows, loss = the mean over the rows, which needs sums (blocks)
KERNEL(256, 2) softmax_cross_entropy_mean(const T *x, const int *labels, T *dx, Real *sums, Real *loss, long long rows, int c,
        int lanes) {
    __shared__ Real part[8];
    int count = columns_at_once(c, x, dx);
    Real mine_sum = 0, weight = (Real)1 / rows;
    FOR_EACH_ROW(row, mine) {
        const T *a = x + row * c;
        int width = mine ? c : 0, label = mine ? labels[row] : -1;
        Real shift = row_shift(a, width, count, lane, lanes, part);
        Real total = row_total(a, shift, width, count, lane, lanes, part), share = total == 0 ? (Real)0 : weight / total;
        for (int j = lane; j < width; j += lanes)
            dx[row * c + j] = exp(a[j] - shift) * share - (j == label ? weight : (Real)0);
        if (lane == 0 && mine)
            mine_sum += label >= 0 && label < width ? log(total) - (a[label] - shift) : not_a_number<Real>();
    }
    if (summed_by_last(mine_sum, sums, &blocks_done, part) && threadIdx.x == 0) *loss = mine_sum * weight;
}

// x (rows, c), labels (rows) -> out (rows)
KERNEL(256) pick(const T *x, const int *labels, T *out, long long rows, int c) {
    GRID_STRIDE(row, rows) {
        int label = labels[row];
        out[row] = label >= 0 && label < c ? (Real)x[row * c + label] : not_a_number<Real>();
    }
}

// dy (rows), labels (rows) -> dx (rows, c)
KERNEL(256) pick_backward(const T *dy, const int *labels, T *dx, int rows, int c) {
    ROWS_COLUMNS(row, rows, j, c) dx[(long long)row * c + j] = j == labels[row] ? (Real)dy[row] : (Real)0;
}
