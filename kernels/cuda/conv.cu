// Convolution as a matrix product whose left side is gathered while it is multiplied:
// forward         (pixels, taps * c) @ w (taps * c, f)
// input gradient  (pixels, taps * f) @ w (taps * f, c), the weights of a tap turned
// weight gradient (taps * c, pixels) @ dz (pixels, f)
// Groups are a batch; their numbers of a pixel, and of a weight, lie side by side.
#include "tiles.cuh"
#include "side.cuh"

// (pixels, taps * channels): what each result pixel sees. A thread keeps its pixels and walks along the taps.
template <bool TRANSPOSED, int WIDTH> struct Windows : Walk<TILE_M, true, WIDTH> {
    typedef Walk<TILE_M, true, WIDTH> W;
    Side<TRANSPOSED> side;
    const T *x;
    Pixel own[W::COPIES];
    int a, b, channel;

    __device__ Windows(const T *x, const Window &g, int first, int start) : side{g}, x(x) {
        int k = start + W::depth(0), tap = k / side.c();
        channel = k % side.c(), a = tap / g.kw, b = tap % g.kw;
        UNROLL for (int i = 0; i < W::COPIES; i++) own[i] = side.pixel(min(first + W::row(i), side.pixels() - 1));
    }
    __device__ void next(T *part) {
        UNROLL for (int i = 0; i < W::COPIES; i++) {
            long long from = a < side.g.kh ? side.source(own[i], a, b, 0) : -4;
            W::copy(part, i, x + from + channel, from >= 0);
        }
        for (channel += DEPTH; channel >= side.c(); channel -= side.c())
            if (++b == side.g.kw) b = 0, a++;
    }
};

// (taps * channels, pixels). A thread keeps its tap and channel and walks along the pixels.
template <int WIDTH> struct Patches : Walk<TILE_M, false, WIDTH> {
    typedef Walk<TILE_M, false, WIDTH> W;
    Side<false> side;
    const T *x;
    Pixel at;
    int a, b;

    __device__ Patches(const T *x, const Window &g, int first, int start)
        : side{g}, x(x + (first + W::row(0)) % g.c), at(side.pixel(start + W::depth(0))) {
        int tap = (first + W::row(0)) / g.c;
        a = tap / g.kw, b = tap % g.kw;
    }
    __device__ void next(T *part) {
        UNROLL for (int i = 0; i < W::COPIES; i++) {
            long long from = a < side.g.kh && at.image < side.g.n ? side.source(at, a, b, 0) : -4;
            W::copy(part, i, x + from, from >= 0);
            at.advance(W::STEP, side.oh(), side.ow());
        }
    }
};

KERNEL(128, RESIDENT) conv(const T *a, const T *b, T *c, const T *bias, T *partial, const __grid_constant__ Matrices s,
        const __grid_constant__ View batch, const __grid_constant__ Window g) {
    products(a, b, c, bias, partial, s, batch, [&](const T *x, int i, int start) { return LEFT(x, g, i, start); });
}
