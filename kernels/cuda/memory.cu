// Filling, casting and moving: what has no arithmetic. S: dtype read, T: dtype written.

// out of any strides
KERNEL(256) fill(T *out, T value, long long n, const __grid_constant__ View view) {
    GRID_STRIDE(i, n) out[place(view, 0, i)] = value;
}

// x and out of any strides
KERNEL(256) copy(const S *x, T *out, long long n, const __grid_constant__ View view) {
    bool wide = straight(view, 0) && straight(view, 1) && on_bounds(x) && on_bounds(out);
    BY_FOUR(first, count, n, wide) {
        Quad<S> in = fetch(x, wide ? first : place(view, 1, first), count);
        put(out, wide ? first : place(view, 0, first), count, {(T)in.x, (T)in.y, (T)in.z, (T)in.w});
    }
}

// out (n)
KERNEL(256) tick(T *out, int n) {
    GRID_STRIDE(i, n) out[i] += 1;
}
