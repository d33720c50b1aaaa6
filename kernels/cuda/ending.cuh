// What a matrix product of T is asked for, and what becomes of its sums: O, with E added to them, or looked at.

// c = activation(a @ b + bias (+ c)), or, with BENDS, a @ b times relu's slope at `bias`, here (m, n). Strides in
// elements; c is (m, n) with rows c_row apart, bias has rows bias_row apart. The depth is cut into `pieces` of `chunk`.
struct Matrices {
    long long a_row, a_col, b_row, b_col, c_row;
    int m, n, k, chunk, batches, pieces, bias_row, has_bias, accumulate, activation, wide;
};

enum Extra { NOTHING, ADDS, BENDS };

__device__ inline Real finished(Real total, Real before, const E *bias, int j, const Matrices &s) {
    if (s.accumulate) total += before;
    if (s.has_bias == ADDS) total += bias[j];
    if (s.has_bias == BENDS) total *= activated_slope(RELU_ACTIVATION, (Real)bias[j]);
    return activated(s.activation, total);
}
