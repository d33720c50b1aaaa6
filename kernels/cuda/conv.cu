// Convolution as a matrix product whose left side is gathered while it is multiplied:
// forward         (pixels, taps * c) @ w (taps * c, f)
// weight gradient (taps * c, pixels) @ dz (pixels, f)
// Groups are a batch; their numbers of a pixel, and of a weight, lie side by side.
#include "gather.cuh"

template <int WIDTH> struct Images : Windows<WIDTH> {
    __device__ Images(const T *x, const Window &g, int first, int start)
        : Windows<WIDTH>(x, {g.oh, g.sh, -g.top, g.dh, g.kh, g.h}, {g.ow, g.sw, -g.left, g.dw, g.kw, g.w}, g.n, g.c,
                         g.groups, first, start) {}
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
            long long from = a < side.g.kh && at.image < side.g.n ? side.source(at, a, b, 0) : -8;
            W::copy(part, i, x + from, from >= 0);
            at.advance(W::STEP, side.oh(), side.ow());
        }
    }
};

KERNEL(128, PLENTIFUL) conv(const T *a, const T *b, O *c, const E *bias, Real *partial,
        const __grid_constant__ Matrices s, const __grid_constant__ View batch, const __grid_constant__ Window g) {
    products<RIGHT>(a, b, c, bias, partial, s, batch, [&](const T *x, int i, int start) { return LEFT(x, g, i, start); });
}
