// What every kernel file begins with. No includes: NVRTC compiles a file in tens of milliseconds, and no CUDA
// headers are needed. Dtypes are text macros (#define T float). Scalars that change from step to step are
// read from device memory, never passed by value.
#define KERNEL(...) extern "C" __global__ void __launch_bounds__(__VA_ARGS__)
#define UNROLL _Pragma("unroll")
#define UNROLL_BY_4 _Pragma("unroll 4")
#define NO_UNROLL _Pragma("unroll 1")
#define GRID_STRIDE(i, n) \
    NO_UNROLL for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < (n); \
                   i += (long long)gridDim.x * blockDim.x)
#define FULL_WARP 0xffffffffu

// Four neighbours of an array, moved at once
template <class V> struct alignas(sizeof(V) < 4 ? 4 * sizeof(V) : 16) Quad {
    V x, y, z, w;
    __device__ V get(int j) const { return j == 0 ? x : j == 1 ? y : j == 2 ? z : w; }
    __device__ void set(int j, V v) { (j == 0 ? x : j == 1 ? y : j == 2 ? z : w) = v; }
};

template <class V> __device__ inline bool on_bounds(const V *x) {
    return (unsigned long long)x % alignof(Quad<V>) == 0;
}

// How many columns of rows of c are moved at once: four, if all rows begin on bounds
template <class... V> __device__ inline int columns_at_once(int c, const V *...x) {
    return c % 4 == 0 && (on_bounds(x) && ...) ? 4 : 1;
}
#define EACH_OF(e, count) UNROLL for (int e = 0; e < 4; e++) if (e < (count))

// Elements `first` to `first + count` of n are a thread's: four, or fewer at the end; one where not `wide`.
#define BY_FOUR(first, count, n, wide) \
    NO_UNROLL for (long long thread = (long long)blockIdx.x * blockDim.x + threadIdx.x, first, count; \
         first = thread * ((wide) ? 4 : 1), count = (wide) && (n) - first < 4 ? (n) - first : (wide) ? 4 : 1, \
         first < (n); thread += (long long)gridDim.x * blockDim.x)

template <class V> __device__ inline Quad<V> fetch(const V *x, long long first, int count, bool wide = true) {
    if (count == 4 && wide) return *(const Quad<V> *)(x + first);
    Quad<V> found = {};
    UNROLL for (int j = 0; j < 4; j++) if (j < count) found.set(j, x[first + j]);
    return found;
}

// In so many words: the compiler takes some of these stores apart.
template <class V> __device__ inline void store(Quad<V> *to, const Quad<V> &v) { *to = v; }
__device__ inline void store(Quad<float> *to, const Quad<float> &v) {
    __stwb((float4 *)to, make_float4(v.x, v.y, v.z, v.w));
}

template <class V>
__device__ inline void put(V *x, long long first, int count, const Quad<V> &values, bool wide = true) {
    if (count == 4 && wide) store((Quad<V> *)(x + first), values);
    else NO_UNROLL for (int j = 0; j < count; j++) x[first + j] = values.get(j);
}

// The shape and the strides (in elements) of up to three operands; views.py fills it in after joining axes
// that lie together.
struct View {
    long long stride[3][8];
    unsigned int shape[8], ndim;
};

// Where element i, counted in C order, lies in an operand. One axis (contiguous, or a number): no division.
// More: i is below 2^32.
__device__ inline long long place(const View &view, int operand, long long i) {
    long long at = 0;
    NO_UNROLL for (int axis = view.ndim - 1; axis > 0; axis--) {
        unsigned int size = view.shape[axis], rest = (unsigned int)i / size;
        at += (long long)((unsigned int)i - rest * size) * view.stride[operand][axis];
        i = rest;
    }
    return at + i * view.stride[operand][0];
}

// Do the elements lie as in C order, or, for a number, all in one place?
__device__ inline bool straight(const View &v, int operand) { return v.ndim == 1 && v.stride[operand][0] == 1; }

// 0.5 is 0 for an integer, and 1 for a bool
#define IS_REAL(V) ((V)0.5 != (V)0 && (V)0.5 != (V)1)

template <class V> __device__ inline V infinity() { return (V)__int_as_float(0x7f800000); }
template <class V> __device__ inline V not_a_number() { return (V)__int_as_float(0x7fc00000); }

// NaN wins, as in NumPy
template <class V> __device__ inline V larger(V a, V b) { return a > b || a != a ? a : b; }
template <class V> __device__ inline V smaller(V a, V b) { return a < b || a != a ? a : b; }

// Does x at i come before y at j? NaN is the greatest and the least; of equals the first wins.
template <class V> __device__ inline bool wins(int greatest, V x, long long i, V y, long long j) {
    bool x_nan = x != x, y_nan = y != y;
    if (x_nan || y_nan) return x_nan && (!y_nan || i < j);
    if (x == y) return i < j;
    return greatest ? x > y : x < y;
}

// A row is served by a warp (lanes = 32) or, if it is long, by a block of 256 (lanes = 256). Threads without
// a row walk along, `mine` is 0 for them: all of a block's threads meet in row_sum.
#define FOR_EACH_ROW(row, mine) \
    int lane = threadIdx.x % lanes, side = 256 / lanes; \
    long long groups = (rows + side - 1) / side; \
    NO_UNROLL for (long long group = blockIdx.x, row, mine; \
         row = group * side + threadIdx.x / lanes, mine = row < rows, group < groups; group += gridDim.x)

// Every lane gets what joins the values of the row's lanes, in a fixed order. All threads of the block must
// call it; `part` is shared memory for eight values.
template <class V, class Join> __device__ inline V row_joined(V value, int lanes, V *part, Join join) {
    for (int step = 16; step; step /= 2) value = join(value, __shfl_xor_sync(FULL_WARP, value, step));
    if (lanes == 32) return value;
    __syncthreads();
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = value;
    __syncthreads();
    value = part[0];
    for (int warp = 1; warp < 8; warp++) value = join(value, part[warp]);
    return value;
}

template <class V> __device__ inline V row_sum(V value, int lanes, V *part) {
    return row_joined(value, lanes, part, [](V a, V b) { return a + b; });
}

template <class V> __device__ inline V row_max(V value, int lanes, V *part) {
    return row_joined(value, lanes, part, [](V a, V b) { return larger(a, b); });
}

// Threads of x take the columns of a row, threads of y and blocks take rows: indices stay in 32 bits.
#define ROWS_COLUMNS(row, rows, column, columns) \
    NO_UNROLL for (int row = blockIdx.x * blockDim.y + threadIdx.y; row < (rows); row += gridDim.x * blockDim.y) \
        NO_UNROLL for (int column = threadIdx.x; column < (columns); column += blockDim.x)

// The windows of a convolution or a pooling: (n, h, w, groups * c) -> (n, oh, ow, groups * f)
struct Window {
    int n, h, w, c, oh, ow, f, groups, kh, kw, sh, sw, top, left, dh, dw;
};

template <class V> __device__ inline V sigmoid(V x) {
    V e = exp(-fabs(x));                                   // never overflows
    return (x < 0 ? e : (V)1) / (1 + e);
}

// The activations that matrix products and convolutions end with; the order is that of ACTIVATIONS in launch.py.
enum Activation { LINEAR, RELU_ACTIVATION, SIGMOID_ACTIVATION, TANH_ACTIVATION };

template <class V> __device__ inline V activated(int activation, V x) {
    if (activation == RELU_ACTIVATION) return x <= 0 ? (V)0 : x;
    if (activation == SIGMOID_ACTIVATION) return sigmoid(x);
    if (activation == TANH_ACTIVATION) return tanh(x);
    return x;
}

// dy/dx from the output y
template <class V> __device__ inline V activated_slope(int activation, V y) {
    if (activation == RELU_ACTIVATION) return y > 0 ? (V)1 : (V)0;
    if (activation == SIGMOID_ACTIVATION) return y * (1 - y);
    if (activation == TANH_ACTIVATION) return (1 - y) * (1 + y);
    return 1;
}
