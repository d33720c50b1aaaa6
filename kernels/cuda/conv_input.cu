// The input gradient of a convolution: (pixels, taps * f) @ w (taps * f, c), the weights of a tap turned. Where the
// windows step by a stride, the image's lines fall into as many phases, each of which sees taps of its own: every phase
// is a product that multiplies by no tap in vain, all of them are one launch.
#include "gather.cuh"

// Lines first, first + stride, ... of an image see taps tap, tap + step, ... of `size`: those that leave `rest`
struct Phase : Axis {
    int first, tap, step;
    __device__ Phase(int rest, int image, int size, int stride, int dilation, int before, int length) {
        first = (rest + stride - before % stride) % stride;
        for (tap = 0; tap < size && tap * dilation % stride != rest;) tap++;
        for (step = 1; step * dilation % stride;) step++;
        *(Axis *)this = {max(0, (image - first + stride - 1) / stride), 1, (first + before - tap * dilation) / stride,
                         -(step * dilation / stride), (size - tap + step - 1) / step, length};
    }
};

// (c, taps * f) of w (kh, kw, c, groups * f), those taps that a phase sees
template <int WIDTH> struct Turned : Walk<TILE_N, true, WIDTH> {
    typedef Walk<TILE_N, true, WIDTH> W;
    const Window &g;
    Phase rows, columns;
    const T *from;
    int left;
    Depth at;

    __device__ Turned(const T *w, const Window &g, const Phase &rows, const Phase &columns, int first, int start)
        : g(g), rows(rows), columns(columns), from(w + (long long)(first + W::row(0)) * g.groups * g.f),
          left(g.c - first - W::row(0)), at(start + W::depth(0), g.f, columns.taps) {}
    __device__ void next(T *part) {
        int tap = (rows.tap + at.a * rows.step) * g.kw + columns.tap + at.b * columns.step;
        UNROLL for (int i = 0; i < W::COPIES; i++)
            W::copy(part, i, from + ((long long)tap * g.c + W::ahead(i)) * g.groups * g.f + at.channel,
                    W::ahead(i) < left && at.a < rows.taps);
        at.advance(g.f, columns.taps);
    }
};

KERNEL(128, PLENTIFUL) conv_input(const T *dz, const T *w, O *dx, const E *bias, Real *partial,
        const __grid_constant__ Matrices s, const __grid_constant__ View batch, const __grid_constant__ Window g) {
    for (int index = blockIdx.y; index < s.batches * g.sh * g.sw; index += gridDim.y) {
        int phase = index / s.batches, group = index % s.batches;
        Phase rows(phase / g.sw, g.h, g.kh, g.sh, g.dh, g.top, g.oh);
        Phase columns(phase % g.sw, g.w, g.kw, g.sw, g.dw, g.left, g.ow);
        Tile tile(g.n * rows.lines * columns.lines, s);
        if (!tile.any) continue;
        int start = blockIdx.z * s.chunk, depth = min(start + s.chunk, rows.taps * columns.taps * g.f);
        LEFT left(dz + place(batch, 0, group), rows, columns, g.n, g.f, g.groups, tile.i, start);
        RIGHT right(w + place(batch, 1, group), g, rows, columns, tile.j, start);
        make_tile(left, right, (depth - start + DEPTH - 1) / DEPTH, dx + place(batch, 2, group),
                  partial + ((long long)blockIdx.z * s.batches + group) * s.m * s.n, bias, nullptr, tile, s,
                  [&](int i) {
                      Pixel q(i, rows.lines, columns.lines);
                      return (q.image * g.h + rows.first + q.y * g.sh) * g.w + columns.first + q.x * g.sw;
                  });
    }
}
