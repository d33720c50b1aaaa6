// One kernel for all functions of two arrays, and the choice between two. T: dtype in, O: dtype out, N: dtype
// of the arithmetic (int for bool). The order of the names is that of BINARY in elementwise.py.
enum Binary { ADD, SUBTRACT, MULTIPLY, DIVIDE, FLOOR_DIVIDE, MOD, POW, MAXIMUM, MINIMUM, ARCTAN2, LOGADDEXP,
    EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, LOGICAL_AND, LOGICAL_OR, LOGICAL_XOR };

template <class V> __device__ inline V floor_mod(V a, V b) {
    if constexpr (IS_REAL(V)) {
        V r = fmod(a, b);
        return r != 0 && (r < 0) != (b < 0) ? r + b : r;
    } else {
        if (b == 0) return 0;
        V r = a % b;
        return r != 0 && (r < 0) != (b < 0) ? r + b : r;
    }
}

template <class V> __device__ inline V floor_quotient(V a, V b) {
    if constexpr (IS_REAL(V)) return b == 0 ? a / b : rint((a - floor_mod(a, b)) / b);
    else return b == 0 ? (V)0 : (a - floor_mod(a, b)) / b;
}

template <class V> __device__ inline V raise(V a, V b) {
    if constexpr (IS_REAL(V)) return pow(a, b);
    else {
        V result = 1;
        for (; b > 0; b /= 2, a *= a) if (b % 2) result *= a;
        return result;
    }
}

template <class V> __device__ inline V log_add_exp(V a, V b) {
    if (a == b) return a + (V)0.6931471805599453;          // also two equal infinities
    return larger(a, b) + log1p(exp(-fabs(a - b)));
}

template <class V> __device__ inline V function2(int op, V a, V b) {
    switch (op) {
    case ADD: return a + b;                                     case SUBTRACT: return a - b;
    case MULTIPLY: return a * b;                                case DIVIDE: return a / b;
    case FLOOR_DIVIDE: return floor_quotient(a, b);             case MOD: return floor_mod(a, b);
    case MAXIMUM: return larger(a, b);                          case MINIMUM: return smaller(a, b);
    case EQUAL: return a == b;                                  case NOT_EQUAL: return a != b;
    case LESS: return a < b;                                    case LESS_EQUAL: return a <= b;
    case GREATER: return a > b;                                 case GREATER_EQUAL: return a >= b;
    case LOGICAL_AND: return a != 0 && b != 0;                  case LOGICAL_OR: return a != 0 || b != 0;
    case LOGICAL_XOR: return (a != 0) != (b != 0);              case POW: return raise(a, b);
    }
    if constexpr (IS_REAL(V)) return op == ARCTAN2 ? atan2(a, b) : log_add_exp(a, b);
    else return 0;
}

// a, b of any strides -> out (n). `side`: 0 two arrays, 1 a is the number, 2 b is the number
KERNEL(256, 2) binary(const T *a, const T *b, O *out, int op, int side,
        N number, long long n, const __grid_constant__ View view) {
    bool wide = (side == 1 || straight(view, 0) && on_bounds(a)) && (side == 2 || straight(view, 1) && on_bounds(b))
        && on_bounds(out);
    BY_SEVERAL(first, count, n, wide) {
        Several<N> left = {}, right = {};
        if (side != 1) left = converted<N>(fetch(a, wide ? first : place(view, 0, first), count));
        if (side != 2) right = converted<N>(fetch(b, wide ? first : place(view, 1, first), count));
        NO_UNROLL for (int j = 0; j < AT_ONCE; j++) {
            N x = side == 1 ? number : left.at[0], y = side == 2 ? number : right.at[0];
            left.turn(j < count ? function2(op, x, y) : x);
            right.turn(y);
        }
        put(out, first, count, left);
    }
}

// condition, a, b of any strides -> out (n). `sides`: bit 0 a is the number x, bit 1 b is the number y
KERNEL(256) where(const bool *condition, const T *a, const T *b, T *out,
        int sides, Real x, Real y, long long n, const __grid_constant__ View view) {
    GRID_STRIDE(i, n) {
        if (condition[place(view, 0, i)]) out[i] = sides & 1 ? x : (Real)a[place(view, 1, i)];
        else out[i] = sides & 2 ? y : (Real)b[place(view, 2, i)];
    }
}
