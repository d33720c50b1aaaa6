// One step of a recurrent layer after (backward: before) its matrix product: a thread a unit of a sequence. Backward,
// dh_next and dc_next bring the gradient from the next step, and get what the matrix product will add to.
#include "recurrent.cuh"

#define STEP int n, int steps, int units, int t, const void *mask, int masked
#define EACH_UNIT(s) Step s(n, steps, units, t, mask, masked); ROWS_COLUMNS(i, n, j, units)

KERNEL(256) lstm_step(const T *z, const Real *hu, const T *h0, const T *c0, T *h, T *c, T *gates, STEP) {
    EACH_UNIT(s) h[s.at(i) * units + j] = lstm_unit(s, i, j, hu + (long long)i * 4 * units, z, h0, c0, h, c, gates);
}

KERNEL(256) lstm_step_backward(const T *dh, const T *c, const T *gates, const T *c0, T *dz, Real *dh_next,
        Real *dc_next, STEP) {
    EACH_UNIT(s) {
        long long at = (long long)i * units + j;
        lstm_unit_backward(s, i, j, dh, c, gates, c0, dh_next[at], dc_next[at], [&](int q, Real value) {
            dz[(s.at(i) * 4 + q) * units + j] = value;
        });
    }
}

KERNEL(256, 4) gru_step(const T *z, const Real *hu, const Real *b, const T *h0, T *h, T *gates, STEP) {
    EACH_UNIT(s) h[s.at(i) * units + j] = gru_unit(s, i, j, hu + (long long)i * 3 * units, z, b, h0, h, gates);
}

// dz (n, steps, 3 units) is the input's share, dy the recurrent one
KERNEL(256) gru_step_backward(const T *dh, const T *h, const T *gates, const T *h0, T *dz, T *dy, Real *dh_next,
        STEP) {
    EACH_UNIT(s) gru_unit_backward(s, i, j, dh, h, gates, h0, dh_next[(long long)i * units + j],
                                   [&](int q, Real value, Real inner) {
        dz[(s.at(i) * 3 + q) * units + j] = value, dy[(s.at(i) * 3 + q) * units + j] = inner;
    });
}

KERNEL(256) simple_step(const T *z, const Real *hu, const T *h0, T *h, STEP) {
    EACH_UNIT(s) h[s.at(i) * units + j] = simple_unit(s, i, j, hu + (long long)i * units, z, h0, h);
}

KERNEL(256) simple_step_backward(const T *dh, const T *h, T *dz, Real *dh_next, STEP) {
    EACH_UNIT(s) dz[s.at(i) * units + j] = simple_unit_backward(s, i, j, dh, h, dh_next[(long long)i * units + j]);
}
