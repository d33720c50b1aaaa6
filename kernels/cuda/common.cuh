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

// The floats of 16 bits are for memory alone: they turn into float as they are read, and back, rounded to nearest with
// ties to even, as they are written.
#ifndef GPUNN_HOST
#define CONVERT(word, what, ...) asm(what : "=" word(made) : __VA_ARGS__); return made;
__device__ inline float from_float16(unsigned short bits) { float made; CONVERT("f", "cvt.f32.f16 %0, %1;", "h"(bits)) }
__device__ inline unsigned short to_float16(float x) {
    unsigned short made;
    CONVERT("h", "cvt.rn.f16.f32 %0, %1;", "f"(x))
}
#if __CUDA_ARCH__ >= 800
__device__ inline unsigned pack_float16(float low, float high) {
    unsigned made;
    CONVERT("r", "cvt.rn.f16x2.f32 %0, %1, %2;", "f"(high), "f"(low))
}
__device__ inline unsigned pack_bf16(float low, float high) {
    unsigned made;
    CONVERT("r", "cvt.rn.bf16x2.f32 %0, %1, %2;", "f"(high), "f"(low))
}
#else
__device__ inline unsigned pack_float16(float low, float high) { return to_float16(low) | to_float16(high) << 16; }
__device__ inline unsigned upper_half(float x) {
    unsigned bits = __float_as_uint(x);
    return x == x ? (bits + 32767 + (bits >> 16 & 1)) >> 16 : 0x7fffu;
}
__device__ inline unsigned pack_bf16(float low, float high) { return upper_half(low) | upper_half(high) << 16; }
#endif
#endif

struct float16 {
    unsigned short bits;
    float16() = default;
    __device__ float16(float x) : bits(to_float16(x)) {}
    __device__ operator float() const { return from_float16(bits); }
    __device__ static unsigned pack(float low, float high) { return pack_float16(low, high); }
    __device__ static float unpack(unsigned word, int high) { return from_float16(high ? word >> 16 : word); }
};

struct bfloat16 {
    unsigned short bits;
    bfloat16() = default;
    __device__ bfloat16(float x) : bits(pack_bf16(x, 0)) {}
    __device__ operator float() const { return __uint_as_float((unsigned)bits << 16); }
    __device__ static unsigned pack(float low, float high) { return pack_bf16(low, high); }
    __device__ static float unpack(unsigned word, int high) {
        return __uint_as_float(high ? word & 0xffff0000u : word << 16);
    }
};

// What a dtype is calculated in
template <class V> struct Arithmetic { typedef V type; static constexpr bool half = false; };
template <> struct Arithmetic<float16> { typedef float type; static constexpr bool half = true; };
template <> struct Arithmetic<bfloat16> { typedef float type; static constexpr bool half = true; };
template <class V> using Reckoned = typename Arithmetic<V>::type;
typedef Reckoned<T> Real;
constexpr bool HALF = Arithmetic<T>::half;

// Neighbours of an array that are moved at once: 16 bytes of floats. There are as many of all arrays of a kernel.
constexpr int AT_ONCE = HALF ? 8 : 4;
constexpr int room(int bytes) { return bytes < 16 ? bytes : 16; }
template <class V> struct alignas(room(AT_ONCE * sizeof(V))) Several {
    V at[AT_ONCE];
    // The first goes, `last` comes: a loop that is not unrolled, but has no index either
    __device__ void turn(V last) {
        UNROLL for (int j = 1; j < AT_ONCE; j++) at[j - 1] = at[j];
        at[AT_ONCE - 1] = last;
    }
};
template <class To, class V> __device__ inline Several<To> converted(const Several<V> &values) {
    Several<To> made;
    UNROLL for (int j = 0; j < AT_ONCE; j++) made.at[j] = (To)values.at[j];
    return made;
}
struct alignas(2 * AT_ONCE) Packed { unsigned at[AT_ONCE / 2]; };        // the same of 16 bits each

template <class V> __device__ inline bool on_bounds(const V *x) {
    return (unsigned long long)x % room(AT_ONCE * sizeof(V)) == 0;
}

// How many columns of rows of c are moved at once: several, if all rows begin on bounds
template <class... V> __device__ inline int columns_at_once(int c, const V *...x) {
    return c % AT_ONCE == 0 && (on_bounds(x) && ...) ? AT_ONCE : 1;
}
#define EACH_OF(e, count) UNROLL for (int e = 0; e < AT_ONCE; e++) if (e < (count))

// Elements `first` to `first + count` of n are a thread's: several, or fewer at the end; one where not `wide`.
#define BY_SEVERAL(first, count, n, wide) \
    NO_UNROLL for (long long thread = (long long)blockIdx.x * blockDim.x + threadIdx.x, first, count; \
         first = thread * ((wide) ? AT_ONCE : 1), \
         count = (wide) && (n) - first < AT_ONCE ? (n) - first : (wide) ? AT_ONCE : 1, \
         first < (n); thread += (long long)gridDim.x * blockDim.x)

template <class V>
__device__ inline Several<Reckoned<V>> fetch(const V *x, long long first, int count, bool wide = true) {
    Several<Reckoned<V>> found = {};
    if (count == AT_ONCE && wide) {
        if constexpr (Arithmetic<V>::half) {
            Packed words = *(const Packed *)(x + first);
            UNROLL for (int j = 0; j < AT_ONCE; j++) found.at[j] = V::unpack(words.at[j / 2], j % 2);
            return found;
        } else return *(const Several<V> *)(x + first);
    }
    UNROLL for (int j = 0; j < AT_ONCE; j++) if (j < count) found.at[j] = x[first + j];
    return found;
}

// In so many words: the compiler takes some of these stores apart.
template <class V> __device__ inline void store(V *x, const Several<V> &v) { *(Several<V> *)x = v; }
__device__ inline void store(float *x, const Several<float> &v) {
    UNROLL for (int j = 0; j < AT_ONCE; j += 4)
        __stwb((float4 *)(x + j), make_float4(v.at[j], v.at[j + 1], v.at[j + 2], v.at[j + 3]));
}
__device__ inline void store_words(void *x, const unsigned (&w)[4]) {
    __stwb((uint4 *)x, make_uint4(w[0], w[1], w[2], w[3]));
}
__device__ inline void store_words(void *x, const unsigned (&w)[2]) { __stwb((uint2 *)x, make_uint2(w[0], w[1])); }

template <class V, class W>
__device__ inline void put(V *x, long long first, int count, Several<W> values, bool wide = true) {
    if (count == AT_ONCE && wide) {
        if constexpr (Arithmetic<V>::half) {
            Packed words;
            UNROLL for (int j = 0; j < AT_ONCE; j += 2)
                words.at[j / 2] = V::pack((float)values.at[j], (float)values.at[j + 1]);
            store_words(x + first, words.at);
        } else store(x + first, converted<V>(values));
    } else NO_UNROLL for (int j = 0; j < count; j++, values.turn(values.at[0])) x[first + j] = (V)values.at[0];
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
