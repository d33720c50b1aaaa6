// What follows a matrix product where it is not part of it.
#include "ending.cuh"

// c = activation(sum of the pieces + bias (+ c)); partial is (pieces, batches, m, n), bias (batches, n)
KERNEL(256, 2) combine(const Real *partial, O *c, const E *bias,
        const __grid_constant__ Matrices s, const __grid_constant__ View batch) {
    const int rows = s.batches * s.m;
    ROWS_COLUMNS(row, rows, column, s.n) {
        Real total = 0;
        for (int piece = 0; piece < s.pieces; piece++)
            total += partial[((long long)piece * rows + row) * s.n + column];
        O *here = c + place(batch, 2, row / s.m) + row % s.m * s.c_row + column;
        const E *extra = bias + row / s.m * s.n + row % s.m * (long long)s.bias_row;
        *here = finished(total, s.accumulate ? (Real)*here : (Real)0, extra, column, s);
    }
}

// dz = dy * slope(y), all (n)
KERNEL(256) activation_backward(const T *dy, const T *y, T *dz, int activation, long long n) {
    BY_SEVERAL(first, count, n, on_bounds(dy) && on_bounds(y) && on_bounds(dz)) {
        Several<Real> in = fetch(dy, first, count), result = fetch(y, first, count);
        UNROLL for (int j = 0; j < AT_ONCE; j++) result.at[j] = in.at[j] * activated_slope(activation, result.at[j]);
        put(dz, first, count, result);
    }
}
