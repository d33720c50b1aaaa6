// Filling, casting and moving: what has no arithmetic. S: dtype read, T: dtype written.

// out of any strides
KERNEL(256) fill(T *out, Real value, long long n, const __grid_constant__ View view) {
    GRID_STRIDE(i, n) out[place(view, 0, i)] = value;
}

// x and out of any strides
KERNEL(256) copy(const S *x, T *out, long long n, const __grid_constant__ View view) {
    bool wide = straight(view, 0) && straight(view, 1) && on_bounds(x) && on_bounds(out);
    BY_SEVERAL(first, count, n, wide) {
        put(out, wide ? first : place(view, 0, first), count, fetch(x, wide ? first : place(view, 1, first), count));
    }
}

// What grows, by how many times what (nothing: one), and its type: 0 for int, 1 for float, 2 for double.
struct Tally {
    unsigned long long target[8], source[8];
    double factor[8];
    int kind[8], count;
};

template <class V> __device__ inline void grow(const Tally &all, int i) {
    const V *source = (const V *)all.source[i];
    *(V *)all.target[i] += (V)all.factor[i] * (source ? *source : (V)1);
}

KERNEL(32) tally(const __grid_constant__ Tally all) {
    int i = threadIdx.x;
    if (i >= all.count) return;
    if (all.kind[i] == 0) grow<int>(all, i);
    else if (all.kind[i] == 1) grow<float>(all, i);
    else grow<double>(all, i);
}
