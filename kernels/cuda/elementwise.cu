// One kernel for all functions of one array, one for their derivatives: the code of the operation is the same
// for all threads, so its branch costs nothing beside the memory traffic. T: dtype in, O: dtype out, N: dtype
// of the arithmetic (int for bool). The order of the names is that of UNARY in elementwise.py.
enum Unary { ABS, NEGATIVE, SIGN, EXP, EXPM1, LOG, LOG1P, LOG2, LOG10, SQRT, RSQRT, SQUARE, RECIPROCAL,
    SIN, COS, TAN, ARCSIN, ARCCOS, ARCTAN, SINH, COSH, TANH, ARCSINH, ARCCOSH, ARCTANH,
    FLOOR, CEIL, ROUND, TRUNC, ERF, SIGMOID, LOG_SIGMOID, RELU, RELU6, LEAKY_RELU, ELU, CELU, SELU,
    GELU, SILU, MISH, SOFTPLUS, SOFTSIGN, HARD_SIGMOID, HARD_SILU, EXPONENTIAL, BINARY_STEP, CLIP, POWER,
    ROUND_FLOAT16, ROUND_BFLOAT16,
    LOGICAL_NOT, ISNAN, ISINF, ISFINITE };

#define SELU_SCALE (V)1.0507009873554805
#define SELU_ALPHA (V)1.6732632423543772
#define ROOT_2_OVER_PI (V)0.7978845608028654

template <class V> __device__ inline V softplus(V x) { return larger(x, (V)0) + log1p(exp(-fabs(x))); }
template <class V> __device__ inline V clip(V x, V low, V high) { return x < low ? low : x > high ? high : x; }
template <class V> __device__ inline V sign(V x) { return x > 0 ? (V)1 : x < 0 ? (V)-1 : x; }
template <class V> __device__ inline V normal_cdf(V x) { return (V)0.5 * erfc(-x * (V)0.7071067811865476); }
template <class V> __device__ inline V gelu_tanh(V x) { return tanh(ROOT_2_OVER_PI * (x + (V)0.044715 * x * x * x)); }

// The nearest number with 11 bits (float16: below 2^-14 a multiple of 2^-24) or 8 (bfloat16), ties to even.
__device__ inline float round_float16(float x) {
    int bits = __float_as_int(x);
    if (!(fabsf(x) < 65520.0f)) return x * __int_as_float(0x7f800000);
    if (fabsf(x) < 6.103515625e-05f) return (x + 0.75f) - 0.75f;
    return __int_as_float((bits + 4095 + (bits >> 13 & 1)) & -8192);
}
__device__ inline float round_bfloat16(float x) {
    int bits = __float_as_int(x);
    return x == x ? __int_as_float((bits + 32767 + (bits >> 16 & 1)) & -65536) : x;
}

// What integers and bools have too.
template <class V> __device__ inline V exact(int op, V x, V low, V high) {
    switch (op) {
    case ABS: return x < 0 ? -x : x;                            case NEGATIVE: return -x;
    case SIGN: return sign(x);                                  case SQUARE: return x * x;
    case RELU: return x <= 0 ? (V)0 : x;                        case RELU6: return clip(x, (V)0, (V)6);
    case CLIP: return clip(x, low, high);                       case BINARY_STEP: return x > 0 ? (V)1 : (V)0;
    case LOGICAL_NOT: return x == 0;                            case ISNAN: return x != x;
    case ISINF: return x == x && x - x != 0;                    case ISFINITE: return x - x == 0;
    }
    return x;                                              // floor, ceil, round and trunc of an integer
}

template <class V> __device__ inline V real(int op, V x, V alpha, V beta) {
    switch (op) {
    case ABS: return fabs(x);                                   case EXP: case EXPONENTIAL: return exp(x);
    case EXPM1: return expm1(x);                                case LOG: return log(x);
    case LOG1P: return log1p(x);                                case LOG2: return log2(x);
    case LOG10: return log10(x);                                case SQRT: return sqrt(x);
    case RSQRT: return 1 / sqrt(x);                             case RECIPROCAL: return 1 / x;
    case SIN: return sin(x);                                    case COS: return cos(x);
    case TAN: return tan(x);                                    case ARCSIN: return asin(x);
    case ARCCOS: return acos(x);                                case ARCTAN: return atan(x);
    case SINH: return sinh(x);                                  case COSH: return cosh(x);
    case TANH: return tanh(x);                                  case ARCSINH: return asinh(x);
    case ARCCOSH: return acosh(x);                              case ARCTANH: return atanh(x);
    case FLOOR: return floor(x);                                case CEIL: return ceil(x);
    case ROUND: return rint(x);                                 case TRUNC: return trunc(x);
    case ERF: return erf(x);                                    case SIGMOID: return sigmoid(x);
    case LOG_SIGMOID: return -softplus(-x);                     case LEAKY_RELU: return x > 0 ? x : alpha * x;
    case ELU: return x > 0 ? x : alpha * expm1(x);              case CELU: return x > 0 ? x : alpha * expm1(x / alpha);
    case SELU: return x > 0 ? SELU_SCALE * x : SELU_SCALE * SELU_ALPHA * expm1(x);
    case GELU: return alpha != 0 ? (V)0.5 * x * (1 + gelu_tanh(x)) : x * normal_cdf(x);
    case SILU: return x * sigmoid(x);                           case MISH: return x * tanh(softplus(x));
    case SOFTPLUS: return softplus(x);                          case SOFTSIGN: return x / (1 + fabs(x));
    case HARD_SIGMOID: return clip(x / 6 + (V)0.5, (V)0, (V)1);
    case HARD_SILU: return x * clip(x / 6 + (V)0.5, (V)0, (V)1);
    case POWER: return pow(x, alpha);
    case ROUND_FLOAT16: return round_float16(x);                case ROUND_BFLOAT16: return round_bfloat16(x);
    }
    return exact(op, x, alpha, beta);
}

template <class V> __device__ inline V function(int op, V x, V alpha, V beta) {
    if constexpr (IS_REAL(V)) return real(op, x, alpha, beta);
    else return exact(op, x, alpha, beta);
}

template <class V> __device__ inline V gelu_slope(V x, V alpha) {
    if (alpha == 0) return normal_cdf(x) + x * (V)0.3989422804014327 * exp((V)-0.5 * x * x);
    V t = gelu_tanh(x);
    return (V)0.5 * (1 + t + x * (1 - t * t) * ROOT_2_OVER_PI * (1 + (V)0.134145 * x * x));
}

// dy/dx from the input x and the output y
template <class V> __device__ inline V slope(int op, V x, V y, V alpha, V beta) {
    switch (op) {
    case ABS: return sign(x);                                   case NEGATIVE: return -1;
    case EXP: case EXPONENTIAL: return y;                       case EXPM1: return exp(x);
    case LOG: return 1 / x;                                     case LOG1P: return 1 / (1 + x);
    case LOG2: return (V)1.4426950408889634 / x;                case LOG10: return (V)0.4342944819032518 / x;
    case SQRT: return (V)0.5 / y;                               case RSQRT: return (V)-0.5 * y * y * y;
    case SQUARE: return 2 * x;                                  case RECIPROCAL: return -y * y;
    case SIN: return cos(x);                                    case COS: return -sin(x);
    case TAN: return 1 + y * y;                                 case ARCSIN: return 1 / sqrt((1 - x) * (1 + x));
    case ARCCOS: return -1 / sqrt((1 - x) * (1 + x));           case ARCTAN: return 1 / (1 + x * x);
    case SINH: return cosh(x);                                  case COSH: return sinh(x);
    case TANH: return (1 - y) * (1 + y);                        case ARCSINH: return 1 / sqrt(1 + x * x);
    case ARCCOSH: return 1 / sqrt((x - 1) * (x + 1));           case ARCTANH: return 1 / ((1 - x) * (1 + x));
    case ERF: return (V)1.1283791670955126 * exp(-x * x);       case SIGMOID: return y * (1 - y);
    case LOG_SIGMOID: return sigmoid(-x);                       case RELU: return x > 0;
    case RELU6: return x > 0 && x < 6;                          case LEAKY_RELU: return x > 0 ? (V)1 : alpha;
    case ELU: return x > 0 ? (V)1 : alpha * exp(x);             case CELU: return x > 0 ? (V)1 : exp(x / alpha);
    case SELU: return x > 0 ? SELU_SCALE : SELU_SCALE * SELU_ALPHA * exp(x);
    case GELU: return gelu_slope(x, alpha);
    case SILU: { V s = sigmoid(x); return s * (1 + x * (1 - s)); }
    case MISH: { V t = tanh(softplus(x)); return t + x * sigmoid(x) * (1 - t * t); }
    case SOFTPLUS: return sigmoid(x);
    case SOFTSIGN: { V a = 1 + fabs(x); return 1 / (a * a); }
    case HARD_SIGMOID: return x > -3 && x < 3 ? (V)1 / 6 : (V)0;
    case HARD_SILU: return x <= -3 ? (V)0 : x >= 3 ? (V)1 : x / 3 + (V)0.5;
    case CLIP: return x >= alpha && x <= beta;
    case POWER: return alpha == 0 ? (V)0 : alpha * pow(x, alpha - 1);
    case ROUND_FLOAT16: case ROUND_BFLOAT16: return 1;
    }
    return 0;                                              // steps: sign, floor, comparisons
}

// x of any strides -> out (n)
KERNEL(256, 2) unary(const T *x, O *out, int op, N alpha, N beta, long long n, const __grid_constant__ View view) {
    bool wide = straight(view, 0) && on_bounds(x) && on_bounds(out);
    BY_SEVERAL(first, count, n, wide) {
        Several<N> values = converted<N>(fetch(x, wide ? first : place(view, 0, first), count));
        NO_UNROLL for (int j = 0; j < AT_ONCE; j++)
            values.turn(j < count ? function(op, values.at[0], alpha, beta) : values.at[0]);
        put(out, first, count, values);
    }
}

// dy, x, y (n) -> dx (n)
KERNEL(256, 2) unary_backward(const T *dy, const T *x, const T *y, T *dx, int op, N alpha, N beta, long long n) {
    bool wide = on_bounds(dy) && on_bounds(x) && on_bounds(y) && on_bounds(dx);
    if constexpr (IS_REAL(N)) BY_SEVERAL(first, count, n, wide) {
        Several<N> of_y = converted<N>(fetch(dy, first, count));
        Several<N> in = converted<N>(fetch(x, first, count)), result = converted<N>(fetch(y, first, count));
        NO_UNROLL for (int j = 0; j < AT_ONCE; j++) {
            of_y.turn(j < count ? of_y.at[0] * slope(op, in.at[0], result.at[0], alpha, beta) : of_y.at[0]);
            in.turn(in.at[0]), result.turn(result.at[0]);
        }
        put(dx, first, count, of_y);
    }
}
