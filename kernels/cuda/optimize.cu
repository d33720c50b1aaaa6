// One step of an optimizer: one pass over the flat buffers, in place. formulas.py holds the formulas; optimize.py makes
// of each the macros BEFORE, FETCH, LOAD, EACH, STORE and PUT, in which slots a_ to d_ (n) and constants c0 ... have
// their names.
// shadow: p once more, as S; PUT writes it where there is one.
// hyper: rate; the bits of an int, how many batches there were; momentum; 0 for a step that is to change nothing; how
// many batches make a step; gain.
#define choose(condition, a, b) ((condition) ? (a) : (b))

__device__ inline T sign(T x) { return x > 0 ? (T)1 : x < 0 ? (T)-1 : x; }
__device__ inline T clip(T x, T low, T high) { return x < low ? low : x > high ? high : x; }

KERNEL(256) optimize(T *p_, T *g_, T *a_, T *b_, T *c_, T *d_, const float *hyper, T decay,
        T c0, T c1, T c2, T c3, T c4, T c5, T c6, T c7, T c8, T c9, long long n, S *shadow) {
    if (hyper[3] == 0) return;
    T rate = hyper[0], t = __float_as_int(hyper[1]) / (int)hyper[4] + 1, momentum = hyper[2], gain = hyper[5];
    T keep = 1 - rate * decay;
    BEFORE
    bool wide = on_bounds(p_) && on_bounds(g_) && on_bounds(a_) && on_bounds(b_) && on_bounds(c_)
        && on_bounds(d_) && on_bounds(shadow);
    BY_SEVERAL(first, count, n, wide) {
        FETCH
        UNROLL for (int j = 0; j < AT_ONCE; j++) {
            LOAD
            EACH
            STORE
        }
        PUT
    }
}
