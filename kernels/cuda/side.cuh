// The geometry of a convolution. Two views share it: forward, a result pixel looks through its window at the image;
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
    __device__ void advance(int steps, int h, int w) {
        for (x += steps; x >= w; x -= w)
            if (++y == h) y = 0, image++;
    }
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

    // Where the channels of `group` begin in the pixel that result q reads through tap (a, b); below 0: padding
    __device__ long long source(const Pixel &q, int a, int b, int group) const {
        int y = reach<TRANSPOSED>(q.y, a, g.sh, g.dh, g.top, h());
        int x = reach<TRANSPOSED>(q.x, b, g.sw, g.dw, g.left, w());
        return y < 0 || x < 0 ? -8 : (((long long)(q.image * h() + y) * w() + x) * g.groups + group) * c();
    }

    __device__ long long weight(int tap, int channel, int filter, int group) const {
        int row = tap * g.c + (TRANSPOSED ? filter : channel), column = TRANSPOSED ? channel : filter;
        return ((long long)row * g.groups + group) * g.f + column;
    }
};
