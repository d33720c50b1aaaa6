// How the left side of a convolution's product is gathered while it is multiplied. Both directions look alike: a line
// of the result sees, through tap after tap, lines of the source that lie evenly apart.
#include "tiles.cuh"
#include "side.cuh"
// who copies one number at a time keeps eight pixels: their registers
#define PLENTIFUL LEFT::COPIES > 4 ? RESIDENT - 1 : RESIDENT

// Line q of the result reads line q * stride + start + i * gap of the source's `length` through the i-th of its taps.
struct Axis { int lines, stride, start, gap, taps, length; };

// Where in the depth (taps, channels) of a product a thread is
struct Depth {
    int a, b, channel;
    __device__ Depth(int k, int channels, int across)
        : a(k / channels / max(across, 1)), b(k / channels % max(across, 1)), channel(k % channels) {}
    __device__ void advance(int channels, int across) {
        for (channel += DEPTH; channel >= channels; channel -= channels)
            if (++b == across) b = 0, a++;
    }
};

// (pixels, taps * channels): what each result pixel sees of x, whose pixels are `pitch` apart. A thread keeps its pixels
// and walks along the taps.
template <int WIDTH> struct Windows : Walk<TILE_M, true, WIDTH> {
    typedef Walk<TILE_M, true, WIDTH> W;
    Axis rows, columns;
    const T *x;
    int channels, pitch;
    Pixel own[W::COPIES];
    Depth at;

    __device__ Windows(const T *x, Axis rows, Axis columns, int images, int channels, int groups, int first, int start)
        : rows(rows), columns(columns), x(x), channels(channels), pitch(groups * channels),
          at(start + W::depth(0), channels, columns.taps) {
        int last = images * rows.lines * columns.lines - 1;
        UNROLL for (int i = 0; i < W::COPIES; i++) {
            own[i] = Pixel(min(first + W::row(i), last), rows.lines, columns.lines);
            own[i].y = own[i].y * rows.stride + rows.start, own[i].x = own[i].x * columns.stride + columns.start;
        }
    }
    __device__ void next(T *part) {
        UNROLL for (int i = 0; i < W::COPIES; i++) {
            int line = own[i].y + at.a * rows.gap, column = own[i].x + at.b * columns.gap;
            bool inside = at.a < rows.taps && (unsigned)line < (unsigned)rows.length
                && (unsigned)column < (unsigned)columns.length;
            long long from = ((long long)(own[i].image * rows.length + line) * columns.length + column) * pitch;
            W::copy(part, i, x + from + at.channel, inside);
        }
        at.advance(channels, columns.taps);
    }
};
