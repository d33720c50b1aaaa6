// Convolution. Two views share their kernels: forward, a result pixel looks through its window at the image;
// TRANSPOSED (input gradient), an image pixel looks back at the results whose windows hold it.
// Weights are (kh, kw, c, groups * f).

// Line `q` of the result reads through tap `a` this line of the source; -1: none. Serves rows and columns.
template <bool TRANSPOSED>
__device__ inline int reach(int q, int a, int stride, int dilation, int before, int length) {
    int line = TRANSPOSED ? q + before - a * dilation : q * stride + a * dilation - before;
    if (TRANSPOSED && stride > 1) {
        if (line % stride) return -1;
        line /= stride;
    }
    return line < length ? max(line, -1) : -1;
}

struct Pixel {
    int image, y, x;
    __device__ Pixel() {}
    __device__ Pixel(int p, int h, int w) : image(p / w / h), y(p / w % h), x(p % w) {}
};

// One side of a convolution, by the direction in which it is walked.
template <bool TRANSPOSED> struct Side {
    const Window &g;
    __device__ int h() const { return TRANSPOSED ? g.oh : g.h; }            // source
    __device__ int w() const { return TRANSPOSED ? g.ow : g.w; }
    __device__ int c() const { return TRANSPOSED ? g.f : g.c; }
    __device__ int oh() const { return TRANSPOSED ? g.h : g.oh; }           // result
    __device__ int ow() const { return TRANSPOSED ? g.w : g.ow; }
    __device__ int f() const { return TRANSPOSED ? g.c : g.f; }
    __device__ int pixels() const { return g.n * oh() * ow(); }
    __device__ Pixel pixel(int p) const { return Pixel(p, oh(), ow()); }

    // Where the channels of `group` begin in the pixel that result q reads through tap (a, b); -1: padding
    __device__ long long source(const Pixel &q, int a, int b, int group) const {
        int y = reach<TRANSPOSED>(q.y, a, g.sh, g.dh, g.top, h());
        int x = reach<TRANSPOSED>(q.x, b, g.sw, g.dw, g.left, w());
        return y < 0 || x < 0 ? -1 : (((long long)(q.image * h() + y) * w() + x) * g.groups + group) * c();
    }

    __device__ long long weight(int tap, int channel, int filter, int group) const {
        int row = tap * g.c + (TRANSPOSED ? filter : channel), column = TRANSPOSED ? channel : filter;
        return ((long long)row * g.groups + group) * g.f + column;
    }
};

// (n, h, w, groups * c) -> (n, oh, ow, groups, kh, kw, c)
KERNEL(256) im2col(const T *x, T *columns, Window g) {
    Side<false> side{g};
    ROWS_COLUMNS(p, side.pixels(), j, g.groups * g.kh * g.kw * g.c) {
        int channel = j % g.c, tap = j / g.c, b = tap % g.kw, a = tap / g.kw % g.kh;
        long long from = side.source(side.pixel(p), a, b, tap / g.kw / g.kh);
        columns[(long long)p * (g.groups * g.kh * g.kw * g.c) + j] = from < 0 ? (T)0 : x[from + channel];
    }
}

// The transpose of im2col: every image pixel gathers its places in the windows, so no two threads meet.
KERNEL(256) col2im(const T *columns, T *x, Window g) {
    ROWS_COLUMNS(p, g.n * g.h * g.w, j, g.groups * g.c) {
        Pixel q(p, g.h, g.w);
        int group = j / g.c;
        T sum = 0;
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

// ---- implicit matrix product: a block makes 64 x 64 results, a thread 4 x 4, 16 of the depth at a time ----
struct Tiles {
    T a[16][68], b[16][68];         // 68: rows start on other banks, and stay aligned for 16-byte loads
};

struct WeightTiles : Tiles {
    Pixel pixel[2][16];             // of this depth and of the next
};

__device__ inline void multiply(T (&sums)[4][4], const Tiles &s) {
    __syncthreads();
    int row = threadIdx.x / 16 * 4, column = threadIdx.x % 16 * 4;
    UNROLL_BY_4 for (int k = 0; k < 16; k++)
        UNROLL for (int i = 0; i < 4; i++)
            UNROLL for (int j = 0; j < 4; j++) sums[i][j] += s.a[k][row + i] * s.b[k][column + j];
    __syncthreads();
}

// Rows: result pixels; depth: (tap, channel); columns: filters; grid (pixels / 64, filters / 64, groups).
template <bool TRANSPOSED>
__device__ inline void conv_tile(const T *x, const T *w, const T *bias, T *y, Side<TRANSPOSED> side,
                                 int biased, int activation, Tiles &s) {
    const Window &g = side.g;
    const int group = blockIdx.z, pixels = side.pixels(), depth = g.kh * g.kw * side.c();
    const int row0 = blockIdx.x * 64, column0 = blockIdx.y * 64;
    const int lane = threadIdx.x % 16, line = threadIdx.x / 16;
    Pixel own[4];                                       // of rows line, line + 16, ...
    for (int i = 0; i < 4; i++) own[i] = side.pixel(min(row0 + line + 16 * i, pixels - 1));
    T sums[4][4] = {};
    for (int k0 = 0; k0 < depth; k0 += 16) {
        int k = k0 + lane, tap = k / side.c(), channel = k % side.c(), a = tap / g.kw, b = tap % g.kw;
        UNROLL for (int i = 0; i < 4; i++) {
            long long from = k < depth ? side.source(own[i], a, b, group) : -1;
            s.a[lane][line + 16 * i] = from < 0 ? (T)0 : x[from + channel];
        }
        UNROLL for (int i = 0; i < 4; i++) {                   // neighbouring threads read neighbouring weights
            int row = TRANSPOSED ? lane : threadIdx.x / 64 + 4 * i;
            int column = TRANSPOSED ? line + 16 * i : threadIdx.x % 64, filter = column0 + column;
            long long from = TRANSPOSED ? side.weight(tap, channel, filter, group)
                : side.weight(0, k0 + row, filter, group);      // row k of all taps and channels
            s.b[row][column] = k0 + row < depth && filter < side.f() ? w[from] : (T)0;
        }
        multiply(sums, s);
    }
    UNROLL for (int i = 0; i < 4; i++)
        UNROLL for (int j = 0; j < 4; j++) {
            int p = row0 + line * 4 + i, filter = column0 + lane * 4 + j, q = group * side.f() + filter;
            if (p >= pixels || filter >= side.f()) continue;
            T sum = biased ? sums[i][j] + bias[q] : sums[i][j];
            y[(long long)p * g.groups * side.f() + q] = activated(activation, sum);
        }
}

// x (n, h, w, groups * c), w -> y (n, oh, ow, groups * f)
KERNEL(256, 2) conv_forward(const T *x, const T *w, const T *bias, T *y, Window g, int biased, int activation) {
    __shared__ Tiles s;
    conv_tile(x, w, bias, y, Side<false>{g}, biased, activation, s);
}

// dz (n, oh, ow, groups * f), w -> dx (n, h, w, groups * c)
KERNEL(256, 2) conv_backward(const T *dz, const T *w, T *dx, Window g) {
    __shared__ Tiles s;
    conv_tile(dz, w, dz, dx, Side<true>{g}, 0, 0, s);
}

// Rows: (tap, channel); depth: the pixels of one slice; columns: filters; grid (tiles, slices, groups).
// -> parts (slices, kh, kw, c, groups * f)
KERNEL(256, 2) conv_weight(const T *x, const T *dz, T *parts, Window g, int slice) {
    __shared__ WeightTiles s;
    Side<false> side{g};
    const int across = (g.f + 63) / 64, row0 = blockIdx.x / across * 64, column0 = blockIdx.x % across * 64;
    const int rows = g.kh * g.kw * g.c, group = blockIdx.z;
    const int first = blockIdx.y * slice, last = min(first + slice, side.pixels());
    const int lane = threadIdx.x % 64, row = row0 + lane, tap = row / g.c, filter = column0 + lane;
    const int a = tap / g.kw, b = tap % g.kw;
    if (threadIdx.x < 16 && first < last) s.pixel[0][threadIdx.x] = side.pixel(first + threadIdx.x);
    __syncthreads();
    T sums[4][4] = {};
    for (int p0 = first, turn = 0; p0 < last; p0 += 16, turn ^= 1) {
        if (threadIdx.x < 16) s.pixel[turn ^ 1][threadIdx.x] = side.pixel(p0 + 16 + threadIdx.x);
        UNROLL for (int k = threadIdx.x / 64; k < 16; k += 4) {
            int p = p0 + k;
            long long from = row < rows && p < last ? side.source(s.pixel[turn][k], a, b, group) : -1;
            bool real = filter < g.f && p < last;
            s.a[k][lane] = from < 0 ? (T)0 : x[from + row % g.c];
            s.b[k][lane] = real ? dz[((long long)p * g.groups + group) * g.f + filter] : (T)0;
        }
        multiply(sums, s);
    }
    UNROLL for (int i = 0; i < 4; i++)
        UNROLL for (int j = 0; j < 4; j++) {
            int r = row0 + threadIdx.x / 16 * 4 + i, f = column0 + threadIdx.x % 16 * 4 + j;
            long long at = ((long long)(blockIdx.y * rows + r) * g.groups + group) * g.f + f;
            if (r < rows && f < g.f) parts[at] = sums[i][j];
        }
}

// ---- depthwise (one channel a group): too thin for tiles, a thread makes one result ----
template <bool TRANSPOSED>
__device__ inline void depthwise(const T *x, const T *w, const T *bias, T *y, Side<TRANSPOSED> side,
                                 int biased, int activation) {
    const Window &g = side.g;
    ROWS_COLUMNS(p, side.pixels(), j, g.groups * side.f()) {
        Pixel q = side.pixel(p);
        int group = j / side.f(), filter = j % side.f();
        T sum = 0;
        NO_UNROLL for (int tap = 0; tap < g.kh * g.kw; tap++) {
            long long from = side.source(q, tap / g.kw, tap % g.kw, group);
            NO_UNROLL for (int k = 0; k < side.c() && from >= 0; k++)
                sum += x[from + k] * w[side.weight(tap, k, filter, group)];
        }
        y[(long long)p * g.groups * side.f() + j] = activated(activation, biased ? sum + bias[j] : sum);
    }
}

// x (n, h, w, groups), w (kh, kw, 1, groups * f) -> y (n, oh, ow, groups * f)
KERNEL(256) depthwise_forward(const T *x, const T *w, const T *bias, T *y, Window g, int biased, int activation) {
    depthwise(x, w, bias, y, Side<false>{g}, biased, activation);
}

// dz (n, oh, ow, groups * f), w -> dx (n, h, w, groups)
KERNEL(256) depthwise_backward(const T *dz, const T *w, T *dx, Window g) {
    depthwise(dz, w, dz, dx, Side<true>{g}, 0, 0);
}

// Eight threads share a weight; grid (groups * f / 32, slices, taps). -> parts (slices, kh, kw, groups * f)
KERNEL(256) depthwise_weight(const T *x, const T *dz, T *parts, Window g, int slice) {
    __shared__ T shared[8][32];
    Side<false> side{g};
    const int lane = threadIdx.x % 32, line = threadIdx.x / 32, width = g.groups * g.f;
    const int j = blockIdx.x * 32 + lane, tap = blockIdx.z;
    const int first = blockIdx.y * slice, last = min(first + slice, side.pixels());
    T sum = 0;
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
KERNEL(256) add_slices(const T *parts, T *out, int slices, long long size) {
    GRID_STRIDE(i, size) {
        T sum = parts[i];
        for (int s = 1; s < slices; s++) sum += parts[s * size + i];
        out[i] = sum;
    }
}
