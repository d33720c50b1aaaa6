#include "sequence.cuh"

KERNEL(512) gru(const T *z, const T *u, const Real *b, const T *h0, T *h, T *gates, SIZES) {
    SEQUENCE(forward(u, h0, h, 3, n, steps, units, mask, masked, [&](const Step &s, int i, int j, const Product &hu) {
        return gru_unit(s, i, j, hu, z, b, h0, h, gates);
    });)
}

KERNEL(512) gru_backward(const T *dh, const T *h, const T *gates, const T *u, const T *h0, T *dz, T *dy,
        T *before, T *dh0, SIZES) {
    SEQUENCE(backward(u, nullptr, h, h0, before, dh0, nullptr, 3, n, steps, units, mask, masked,
             [&](const Step &s, int i, int j, Real &next, Real &, auto out) {
        gru_unit_backward(s, i, j, dh, h, gates, h0, next, [&](int q, Real value, Real inner) {
            long long at = (s.at(i) * 3 + q) * units + j;
            dz[at] = value, dy[at] = inner, out(q, inner);
        });
    });)
}
