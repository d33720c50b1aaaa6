#include "sequence.cuh"

KERNEL(512) simple_rnn(const T *z, const T *u, const T *h0, T *h, SIZES) {
    SEQUENCE(forward(u, h0, h, 1, n, steps, units, mask, masked, [&](const Step &s, int i, int j, const Product &hu) {
        return simple_unit(s, i, j, hu, z, h0, h);
    });)
}

KERNEL(512) simple_rnn_backward(const T *dh, const T *h, const T *u, const T *h0, T *dz, T *before, T *dh0, SIZES) {
    SEQUENCE(backward(u, nullptr, h, h0, before, dh0, nullptr, 1, n, steps, units, mask, masked,
             [&](const Step &s, int i, int j, Real &next, Real &, auto out) {
        Real value = simple_unit_backward(s, i, j, dh, h, next);
        dz[s.at(i) * units + j] = value, out(0, value);
    });)
}
