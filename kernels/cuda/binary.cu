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
    BY_FOUR(first, count, n, wide) {
        Quad<T> left = {}, right = {};
        if (side != 1) left = fetch(a, wide ? first : place(view, 0, first), count);
        if (side != 2) right = fetch(b, wide ? first : place(view, 1, first), count);
        Quad<O> result;
        NO_UNROLL for (int j = 0; j < count; j++)
            result.set(j, (O)function2(op, side == 1 ? number : (N)left.get(j), side == 2 ? number : (N)right.get(j)));
        put(out, first, count, result);
    }
}

// condition, a, b of any strides -> out (n). `sides`: bit 0 a is the number x, bit 1 b is the number y
KERNEL(256) where(const bool *condition, const T *a, const T *b, T *out,
        int sides, T x, T y, long long n, const __grid_constant__ View view) {
    GRID_STRIDE(i, n) {
        if (condition[place(view, 0, i)]) out[i] = sides & 1 ? x : a[place(view, 1, i)];
        else out[i] = sides & 2 ? y : b[place(view, 2, i)];
    }
}
