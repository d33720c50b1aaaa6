// Philox4x32-10: a random number is a function of (key, stream, clock, index), the same bits on every device. What
// follows from the bits is multiplied and added with a rounding each (no fused multiply-add), as on the CPU.
struct Words { unsigned int at[4]; };

__device__ inline Words philox(const unsigned int *key, const unsigned int *clock, unsigned int stream,
                               unsigned long long block) {
    unsigned int c0 = block, c1 = block >> 32, c2 = stream, c3 = clock[0], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        unsigned int high0 = __umulhi(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
        unsigned int high1 = __umulhi(0xCD9E8D57u, c2), low1 = 0xCD9E8D57u * c2;
        c0 = high1 ^ c1 ^ k0;
        c1 = low1;
        c2 = high0 ^ c3 ^ k1;
        c3 = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {c0, c1, c2, c3};
}

// 2**-24
__device__ inline float uniform(unsigned int bits) { return (float)(bits >> 8) * 5.9604644775390625e-8f; }

__device__ inline float product(float a, float b) { return __fmul_rn(a, b); }
__device__ inline double product(double a, double b) { return __dmul_rn(a, b); }
__device__ inline float sum(float a, float b) { return __fadd_rn(a, b); }
__device__ inline double sum(double a, double b) { return __dadd_rn(a, b); }

// out (n) = make(word, x): a thread draws four words, or eight
template <class V, class Make>
__device__ inline void each_word(const unsigned int *key, const unsigned int *clock, unsigned int stream, const V *x,
                                 V *out, long long n, Make make) {
    bool wide = on_bounds(x) && on_bounds(out);
    BY_SEVERAL(first, count, n, true) {
        Several<Reckoned<V>> values = {};
        if (x) values = fetch(x, first, count, wide);
        UNROLL for (int j = 0; j < AT_ONCE; j += 4) {
            Words words = philox(key, clock, stream, (first + j) / 4);
            UNROLL for (int i = 0; i < 4; i++) values.at[j + i] = make(words.at[i], values.at[j + i]);
        }
        put(out, first, count, values, wide);
    }
}

KERNEL(256) random_bits(const unsigned int *key, const unsigned int *clock, unsigned int stream, unsigned int *out,
        long long n) {
    each_word(key, clock, stream, (const unsigned int *)0, out, n, [](unsigned word, unsigned) { return word; });
}

// out (n) = low + span * u
KERNEL(256) random_uniform(const unsigned int *key, const unsigned int *clock, unsigned int stream, Real low, Real span,
        T *out, long long n) {
    each_word(key, clock, stream, (const T *)0, out, n,
              [=](unsigned int word, Real) { return sum(low, product(span, (Real)uniform(word))); });
}

// out (n) = x * scale where u >= rate
KERNEL(256) dropout(const T *x, float rate, float scale, const unsigned int *key, const unsigned int *clock,
        unsigned int stream, T *out, long long n) {
    each_word(key, clock, stream, x, out, n,
              [=](unsigned int word, Real value) { return uniform(word) >= rate ? value * (Real)scale : (Real)0; });
}
