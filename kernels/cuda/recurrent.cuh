// What one unit of one sequence does in a step of time, but for its matrix product, which `hu` and `next` bring.
// States are (n, steps, units); a masked step carries the state on.

struct Step {
    int n, steps, units, t;
    const bool *mask;               // (n, steps) or null

    __device__ Step(int n, int steps, int units, int t, const void *mask, int masked)
        : n(n), steps(steps), units(units), t(t), mask(masked ? (const bool *)mask : nullptr) {}
    __device__ bool skip(int i) const { return mask && !mask[(long long)i * steps + t]; }
    __device__ long long at(int i) const { return (long long)i * steps + t; }       // row of sequence i
    // The state that this step starts from
    __device__ Real before(const T *states, const T *first, int i, int j) const {
        return t ? states[(at(i) - 1) * units + j] : first[(long long)i * units + j];
    }
};

// gates (n, steps, 4 units) in the order i f c o; hu (4 units) is the product of state and weights. -> h
template <class Product> __device__ inline Real lstm_unit(const Step &s, int i, int j, Product hu, const T *z,
        const T *h0, const T *c0, const T *h, T *c, T *gates) {
    const int units = s.units;
    const T *x = z + s.at(i) * 4 * units + j;
    T *gate = gates + s.at(i) * 4 * units + j;
    Real a = sigmoid(x[0] + hu[j]), f = sigmoid(x[units] + hu[units + j]);
    Real g = tanh(x[2 * units] + hu[2 * units + j]), o = sigmoid(x[3 * units] + hu[3 * units + j]);
    gate[0] = a, gate[units] = f, gate[2 * units] = g, gate[3 * units] = o;
    Real c_old = s.before(c, c0, i, j), state = f * c_old + a * g;
    c[s.at(i) * units + j] = s.skip(i) ? c_old : state;
    return s.skip(i) ? s.before(h, h0, i, j) : o * tanh(state);
}

// dh, c (n, steps, units), gates -> out(gate, dz)
template <class Out> __device__ inline void lstm_unit_backward(const Step &s, int i, int j, const T *dh, const T *c,
        const T *gates, const T *c0, Real &next, Real &dc, Out out) {
    const T *gate = gates + s.at(i) * 4 * s.units + j;
    Real down = dh[s.at(i) * s.units + j] + next;
    if (s.skip(i)) {
        UNROLL for (int q = 0; q < 4; q++) out(q, 0);
        next = down;
        return;
    }
    Real a = gate[0], f = gate[s.units], g = gate[2 * s.units], o = gate[3 * s.units];
    Real top = tanh((Real)c[s.at(i) * s.units + j]), dstate = dc + down * o * (1 - top * top);
    out(0, dstate * g * a * (1 - a));
    out(1, dstate * s.before(c, c0, i, j) * f * (1 - f));
    out(2, dstate * a * (1 - g * g));
    out(3, down * top * o * (1 - o));
    dc = dstate * f, next = 0;
}

// gates (n, steps, 4 units): update z, reset r, candidate, the candidate's recurrent part; hu and b in z r h
template <class Product> __device__ inline Real gru_unit(const Step &s, int i, int j, Product hu, const T *z,
        const Real *b, const T *h0, const T *h, T *gates) {
    const int units = s.units;
    const T *x = z + s.at(i) * 3 * units + j;
    T *gate = gates + s.at(i) * 4 * units + j;
    Real keep = sigmoid(x[0] + hu[j] + b[j]), reset = sigmoid(x[units] + hu[units + j] + b[units + j]);
    Real inner = hu[2 * units + j] + b[2 * units + j], candidate = tanh(x[2 * units] + reset * inner);
    gate[0] = keep, gate[units] = reset, gate[2 * units] = candidate, gate[3 * units] = inner;
    Real h_old = s.before(h, h0, i, j);
    return s.skip(i) ? h_old : keep * h_old + (1 - keep) * candidate;
}

// -> out(gate, the input's share, the recurrent one): they differ by the reset gate.
template <class Out> __device__ inline void gru_unit_backward(const Step &s, int i, int j, const T *dh, const T *h,
        const T *gates, const T *h0, Real &next, Out out) {
    const T *gate = gates + s.at(i) * 4 * s.units + j;
    Real down = dh[s.at(i) * s.units + j] + next, real = s.skip(i) ? 0 : down;
    Real keep = gate[0], reset = gate[s.units], candidate = gate[2 * s.units], inner = gate[3 * s.units];
    Real outer = real * (1 - keep) * (1 - candidate * candidate);
    Real update = real * (s.before(h, h0, i, j) - candidate) * keep * (1 - keep);
    Real of_reset = outer * inner * reset * (1 - reset);
    out(0, update, update), out(1, of_reset, of_reset), out(2, outer, outer * reset);
    next = s.skip(i) ? down : down * keep;
}

// h = tanh(z + hu); z, h (n, steps, units)
template <class Product> __device__ inline Real simple_unit(const Step &s, int i, int j, Product hu, const T *z,
        const T *h0, const T *h) {
    return s.skip(i) ? s.before(h, h0, i, j) : tanh(z[s.at(i) * s.units + j] + hu[j]);
}

// dh, h -> dz
__device__ inline Real simple_unit_backward(const Step &s, int i, int j, const T *dh, const T *h, Real &next) {
    long long at = s.at(i) * s.units + j;
    Real down = dh[at] + next, state = h[at];
    next = s.skip(i) ? down : 0;
    return s.skip(i) ? 0 : down * (1 - state * state);
}
