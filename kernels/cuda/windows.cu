// What looks through windows without being a matrix product: im2col, its transpose, depthwise convolution.
#include "side.cuh"

// (n, h, w, groups * c) -> (n, oh, ow, groups, kh, kw, c)
KERNEL(256) im2col(const T *x, T *columns, Window g) {
    Side<false> side{g};
    ROWS_COLUMNS(p, side.pixels(), j, g.groups * g.kh * g.kw * g.c) {
        int channel = j % g.c, tap = j / g.c, b = tap % g.kw, a = tap / g.kw % g.kh;
        long long from = side.source(side.pixel(p), a, b, tap / g.kw / g.kh);
        columns[(long long)p * (g.groups * g.kh * g.kw * g.c) + j] = from < 0 ? (Real)0 : (Real)x[from + channel];
    }
}

// The transpose of im2col: every image pixel gathers its places in the windows, so no two threads meet.
KERNEL(256) col2im(const T *columns, T *x, Window g) {
    ROWS_COLUMNS(p, g.n * g.h * g.w, j, g.groups * g.c) {
        Pixel q(p, g.h, g.w);
        int group = j / g.c;
        Real sum = 0;
        for (int a = 0; a < g.kh; a++) {
            int oy = reach<true>(q.y, a, g.sh, g.dh, g.top, g.oh);
            for (int b = 0; b < g.kw && oy >= 0; b++) {
                int ox = reach<true>(q.x, b, g.sw, g.dw, g.left, g.ow);
                if (ox < 0) continue;
                long long window = (long long)((q.image * g.oh + oy) * g.ow + ox) * g.groups + group;
                sum += columns[((window * g.kh + a) * g.kw + b) * g.c + j % g.c];
            }
        }
        x[(long long)p * (g.groups * g.c) + j] = sum;
    }
}

// ---- depthwise (one channel a group): too thin for tiles, a thread makes one result ----
template <bool TRANSPOSED>
__device__ inline void depthwise(const T *x, const T *w, const Real *bias, T *y, Side<TRANSPOSED> side,
                                 int biased, int activation) {
    const Window &g = side.g;
    ROWS_COLUMNS(p, side.pixels(), j, g.groups * side.f()) {
        Pixel q = side.pixel(p);
        int group = j / side.f(), filter = j % side.f();
        Real sum = 0;
        NO_UNROLL for (int tap = 0; tap < g.kh * g.kw; tap++) {
            long long from = side.source(q, tap / g.kw, tap % g.kw, group);
            NO_UNROLL for (int k = 0; k < side.c() && from >= 0; k++)
                sum += x[from + k] * w[side.weight(tap, k, filter, group)];
        }
        y[(long long)p * g.groups * side.f() + j] = activated(activation, biased ? sum + bias[j] : sum);
    }
}

// x (n, h, w, groups), w (kh, kw, 1, groups * f) -> y (n, oh, ow, groups * f)
KERNEL(256) depthwise_forward(const T *x, const T *w, const Real *bias, T *y, Window g, int biased, int activation) {
    depthwise(x, w, bias, y, Side<false>{g}, biased, activation);
}

// dz (n, oh, ow, groups * f), w -> dx (n, h, w, groups)
KERNEL(256) depthwise_backward(const T *dz, const T *w, T *dx, Window g) {
    depthwise(dz, w, (const Real *)0, dx, Side<true>{g}, 0, 0);
}

// Eight threads share a weight; grid (groups * f / 32, slices, taps). -> parts (slices, kh, kw, groups * f)
KERNEL(256) depthwise_weight(const T *x, const T *dz, Real *parts, Window g, int slice) {
    __shared__ Real shared[8][32];
    Side<false> side{g};
    const int lane = threadIdx.x % 32, line = threadIdx.x / 32, width = g.groups * g.f;
    const int j = blockIdx.x * 32 + lane, tap = blockIdx.z;
    const int first = blockIdx.y * slice, last = min(first + slice, side.pixels());
    Real sum = 0;
    for (int p = first + line; p < last && j < width; p += 8) {
        long long from = side.source(side.pixel(p), tap / g.kw, tap % g.kw, j / g.f);
        if (from >= 0) sum += x[from] * dz[(long long)p * width + j];
    }
    shared[line][lane] = sum;
    __syncthreads();
    if (line || j >= width) return;
    for (int i = 1; i < 8; i++) sum += shared[i][lane];
    parts[(long long)(blockIdx.y * g.kh * g.kw + tap) * width + j] = sum;
}

// (slices, size) -> (size,)
KERNEL(256) add_slices(const Real *parts, Real *out, int slices, long long size) {
    GRID_STRIDE(i, size) {
        Real sum = parts[i];
        for (int s = 1; s < slices; s++) sum += parts[s * size + i];
        out[i] = sum;
    }
}
