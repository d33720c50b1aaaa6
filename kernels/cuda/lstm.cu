#include "sequence.cuh"

KERNEL(512) lstm(const T *z, const T *u, const T *h0, const T *c0, T *h, T *c, T *gates, SIZES) {
    SEQUENCE(forward(u, h0, h, 4, n, steps, units, mask, masked, [&](const Step &s, int i, int j, const Product &hu) {
        return lstm_unit(s, i, j, hu, z, h0, c0, h, c, gates);
    });)
}

KERNEL(512) lstm_backward(const T *dh, const T *dc_last, const T *c, const T *gates, const T *u, const T *h,
        const T *h0, const T *c0, T *dz, T *before, T *dh0, T *dc0, int given, SIZES) {
    SEQUENCE(backward(u, given ? dc_last : nullptr, h, h0, before, dh0, dc0, 4, n, steps, units, mask, masked,
             [&](const Step &s, int i, int j, Real &next, Real &dc, auto out) {
        lstm_unit_backward(s, i, j, dh, c, gates, c0, next, dc, [&](int q, Real value) {
            dz[(s.at(i) * 4 + q) * units + j] = value, out(q, value);
        });
    });)
}
