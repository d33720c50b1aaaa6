// Pooling. Backward, a pixel gathers from the windows that hold it: no two threads meet. I: the index's type.

// The taps [first, last) of a window on the real image along one axis; a `start` < 0 is before the image.
struct Taps {
    int first, last;
    __device__ Taps(int start, int taps, int length) : first(max(0, -start)), last(min(taps, length - start)) {}
    __device__ int count() const { return max(0, last - first); }
};

// The windows [first, last) that hold line `at` of the image, along one axis.
struct Holders {
    int first, last;
    __device__ Holders(int at, int taps, int stride, int windows)
        : first(at < taps ? 0 : (at - taps) / stride + 1), last(min(at / stride + 1, windows)) {}
};

// x (n, h, w, c) -> y, index (n, oh, ow, c)
KERNEL(256) max_pool(const T *x, T *y, I *index, Window g, int relu) {
    ROWS_COLUMNS(p, g.n * g.oh * g.ow, j, g.c) {
        int image = p / g.ow / g.oh, line = p / g.ow % g.oh * g.sh - g.top, column = p % g.ow * g.sw - g.left;
        Taps rows(line, g.kh, g.h), columns(column, g.kw, g.w);
        Real best = -infinity<Real>();
        int place = min(rows.first, g.kh) * g.kw + min(columns.first, g.kw);
        for (int a = rows.first; a < rows.last; a++) {
            const T *pixels = x + ((long long)(image * g.h + line + a) * g.w + column) * g.c + j;
            NO_UNROLL for (int b = columns.first; b < columns.last; b++) {
                Real value = pixels[(long long)b * g.c];
                if (!(value <= best) && best == best) best = value, place = a * g.kw + b;       // NaN wins
            }
        }
        y[(long long)p * g.c + j] = relu && best <= 0 ? (Real)0 : best;
        index[(long long)p * g.c + j] = (I)place;
    }
}

// dy, index, y (n, oh, ow, c) -> dx (n, h, w, c)
KERNEL(256, 2) max_pool_backward(const T *dy, const I *index, const T *y, T *dx, Window g, int relu) {
    ROWS_COLUMNS(p, g.n * g.h * g.w, j, g.c) {
        int image = p / (g.h * g.w), line = p / g.w % g.h + g.top, column = p % g.w + g.left;
        Holders rows(line, g.kh, g.sh, g.oh), columns(column, g.kw, g.sw, g.ow);
        Real sum = 0;
        for (int oy = rows.first; oy < rows.last; oy++)
            NO_UNROLL for (int ox = columns.first; ox < columns.last; ox++) {
                long long at = ((long long)(image * g.oh + oy) * g.ow + ox) * g.c + j;
                if (index[at] == (line - oy * g.sh) * g.kw + column - ox * g.sw && (!relu || y[at] > 0)) sum += dy[at];
            }
        dx[(long long)p * g.c + j] = sum;
    }
}

// x (n, h, w, c) -> y (n, oh, ow, c)
KERNEL(256) average_pool(const T *x, T *y, Window g) {
    ROWS_COLUMNS(p, g.n * g.oh * g.ow, j, g.c) {
        int image = p / g.ow / g.oh, line = p / g.ow % g.oh * g.sh - g.top, column = p % g.ow * g.sw - g.left;
        Taps rows(line, g.kh, g.h), columns(column, g.kw, g.w);
        Real sum = 0;
        for (int a = rows.first; a < rows.last; a++) {
            Real part = 0;                                 // a sum of line sums: the error grows with the side
            for (int b = columns.first; b < columns.last; b++)
                part += x[((long long)(image * g.h + line + a) * g.w + column + b) * g.c + j];
            sum += part;
        }
        y[(long long)p * g.c + j] = sum / max(1, rows.count() * columns.count());
    }
}

// dy (n, oh, ow, c) -> dx (n, h, w, c)
KERNEL(256) average_pool_backward(const T *dy, T *dx, Window g) {
    ROWS_COLUMNS(p, g.n * g.h * g.w, j, g.c) {
        int image = p / (g.h * g.w), line = p / g.w % g.h + g.top, column = p % g.w + g.left;
        Holders rows(line, g.kh, g.sh, g.oh), columns(column, g.kw, g.sw, g.ow);
        Real sum = 0;
        for (int oy = rows.first; oy < rows.last; oy++)
            NO_UNROLL for (int ox = columns.first; ox < columns.last; ox++) {
                Taps down(oy * g.sh - g.top, g.kh, g.h), across(ox * g.sw - g.left, g.kw, g.w);
                long long at = ((long long)(image * g.oh + oy) * g.ow + ox) * g.c + j;
                sum += dy[at] / (down.count() * across.count());
            }
        dx[(long long)p * g.c + j] = sum;
    }
}
