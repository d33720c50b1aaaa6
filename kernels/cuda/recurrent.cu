// One step of a recurrent layer after (backward: before) its matrix product: a thread a unit of a sequence.
// States are (n, steps, units); a masked step carries the state on. Backward, dh_next and dc_next bring
// the gradient from the next step, and get what the matrix product will add to.

struct Step {
    int n, steps, units, t;
    const bool *mask;               // (n, steps) or null

    __device__ Step(int n, int steps, int units, int t, const void *mask, int masked)
        : n(n), steps(steps), units(units), t(t), mask(masked ? (const bool *)mask : nullptr) {}
    __device__ bool skip(int i) const { return mask && !mask[(long long)i * steps + t]; }
    __device__ long long at(int i) const { return (long long)i * steps + t; }       // row of sequence i
    // The state that this step starts from
    __device__ T before(const T *states, const T *first, int i, int j) const {
        return t ? states[(at(i) - 1) * units + j] : first[(long long)i * units + j];
    }
};

#define STEP int n, int steps, int units, int t, const void *mask, int masked
#define EACH_UNIT(step) Step step(n, steps, units, t, mask, masked); ROWS_COLUMNS(i, n, j, units)

// gates (n, steps, 4 units) in the order i f c o; hu (n, 4 units) is the product of state and weights
KERNEL(256) lstm_step(const T *z, const T *hu, const T *h0, const T *c0, T *h, T *c, T *gates, STEP) {
    EACH_UNIT(step) {
        const T *x = z + step.at(i) * 4 * units + j, *y = hu + (long long)i * 4 * units + j;
        T *gate = gates + step.at(i) * 4 * units + j;
        T a = sigmoid(x[0] + y[0]), f = sigmoid(x[units] + y[units]);
        T g = tanh(x[2 * units] + y[2 * units]), o = sigmoid(x[3 * units] + y[3 * units]);
        gate[0] = a, gate[units] = f, gate[2 * units] = g, gate[3 * units] = o;
        T c_old = step.before(c, c0, i, j), state = f * c_old + a * g;
        c[step.at(i) * units + j] = step.skip(i) ? c_old : state;
        h[step.at(i) * units + j] = step.skip(i) ? step.before(h, h0, i, j) : o * tanh(state);
    }
}

// dh, c (n, steps, units), gates -> dz (n, steps, 4 units)
KERNEL(256) lstm_step_backward(
        const T *dh, const T *c, const T *gates, const T *c0, T *dz, T *dh_next, T *dc_next, STEP) {
    EACH_UNIT(step) {
        const T *gate = gates + step.at(i) * 4 * units + j;
        T *d = dz + step.at(i) * 4 * units + j;
        T *next = dh_next + (long long)i * units + j, *dc = dc_next + (long long)i * units + j;
        T down = dh[step.at(i) * units + j] + *next;
        if (step.skip(i)) {
            d[0] = d[units] = d[2 * units] = d[3 * units] = 0, *next = down;
            continue;
        }
        T a = gate[0], f = gate[units], g = gate[2 * units], o = gate[3 * units];
        T top = tanh(c[step.at(i) * units + j]);
        T dstate = *dc + down * o * (1 - top * top);
        d[0] = dstate * g * a * (1 - a);
        d[units] = dstate * step.before(c, c0, i, j) * f * (1 - f);
        d[2 * units] = dstate * a * (1 - g * g);
        d[3 * units] = down * top * o * (1 - o);
        *dc = dstate * f, *next = 0;
    }
}

// gates (n, steps, 4 units): update z, reset r, candidate, the candidate's recurrent part; hu and b in z r h
KERNEL(256) gru_step(const T *z, const T *hu, const T *b, const T *h0, T *h, T *gates, STEP) {
    EACH_UNIT(step) {
        const T *x = z + step.at(i) * 3 * units + j, *y = hu + (long long)i * 3 * units + j;
        T *gate = gates + step.at(i) * 4 * units + j;
        T keep = sigmoid(x[0] + y[0] + b[j]), reset = sigmoid(x[units] + y[units] + b[units + j]);
        T inner = y[2 * units] + b[2 * units + j], candidate = tanh(x[2 * units] + reset * inner);
        gate[0] = keep, gate[units] = reset, gate[2 * units] = candidate, gate[3 * units] = inner;
        T h_old = step.before(h, h0, i, j);
        h[step.at(i) * units + j] = step.skip(i) ? h_old : keep * h_old + (1 - keep) * candidate;
    }
}

// dz is the input's share, dy (n, steps, 3 units) the recurrent one: they differ by the reset gate.
KERNEL(256) gru_step_backward(const T *dh, const T *h, const T *gates, const T *h0, T *dz, T *dy, T *dh_next, STEP) {
    EACH_UNIT(step) {
        const T *gate = gates + step.at(i) * 4 * units + j;
        long long at = step.at(i) * 3 * units + j;
        T *next = dh_next + (long long)i * units + j, down = dh[step.at(i) * units + j] + *next;
        T keep = gate[0], reset = gate[units], candidate = gate[2 * units], inner = gate[3 * units];
        T real = step.skip(i) ? 0 : down;
        T outer = real * (1 - keep) * (1 - candidate * candidate);
        dz[at] = dy[at] = real * (step.before(h, h0, i, j) - candidate) * keep * (1 - keep);
        dz[at + units] = dy[at + units] = outer * inner * reset * (1 - reset);
        dz[at + 2 * units] = outer, dy[at + 2 * units] = outer * reset;
        *next = step.skip(i) ? down : down * keep;
    }
}

// h = tanh(z + hu); z, h (n, steps, units), hu (n, units)
KERNEL(256) simple_step(const T *z, const T *hu, const T *h0, T *h, STEP) {
    EACH_UNIT(step) {
        long long at = step.at(i) * units + j;
        h[at] = step.skip(i) ? step.before(h, h0, i, j) : tanh(z[at] + hu[(long long)i * units + j]);
    }
}

// dh, h -> dz, all (n, steps, units)
KERNEL(256) simple_step_backward(const T *dh, const T *h, T *dz, T *dh_next, STEP) {
    EACH_UNIT(step) {
        long long at = step.at(i) * units + j;
        T *next = dh_next + (long long)i * units + j, down = dh[at] + *next;
        dz[at] = step.skip(i) ? 0 : down * (1 - h[at] * h[at]);
        *next = step.skip(i) ? down : 0;
    }
}
