// Batch and layer normalization of x (rows, c). xhat = (x - mean) * rstd. Sums over rows: a block is `side`
// columns times 256 / side threads that walk down the rows of its piece (blockIdx.y); a second kernel merges
// the pieces. Both end in a fixed tree in shared memory.
struct Moments { Real count, mean, squares; };                // squares: sum of squared distances from the mean

__device__ inline Moments merged(Moments a, Moments b) {   // Chan's formula
    Real count = a.count + b.count, share = count == 0 ? (Real)0 : b.count / count, shift = b.mean - a.mean;
    return {count, a.mean + shift * share, a.squares + b.squares + shift * shift * a.count * share};
}

struct Sums { Real dgamma, dbeta; };

__device__ inline Sums merged(Sums a, Sums b) { return {a.dgamma + b.dgamma, a.dbeta + b.dbeta}; }

// The first thread of every column gets what all of its 256 / side threads have.
template <class V> __device__ inline V column_merged(V value, int side, V *part) {
    part[threadIdx.x] = value;
    for (int step = 128; step >= side; step /= 2) {
        __syncthreads();
        if (threadIdx.x < step) part[threadIdx.x] = merged(part[threadIdx.x], part[threadIdx.x + step]);
    }
    return part[threadIdx.x];
}

// partial (pieces, 2, c): means and squares of `chunk` rows each
KERNEL(256) column_moments(const T *x, Real *partial, long long rows, int c, long long chunk, int side) {
    __shared__ Moments part[256];
    int column = blockIdx.x * side + threadIdx.x % side, lane = threadIdx.x / side, lanes = 256 / side;
    long long first = blockIdx.y * chunk, last = first + chunk < rows ? first + chunk : rows;
    Moments all = {0, 0, 0};
    NO_UNROLL for (long long row = column < c ? first + lane : last; row < last; row += lanes) {
        Real value = x[row * c + column], shift = value - all.mean;
        all.count += 1;
        all.mean += shift / all.count;
        all.squares += shift * (value - all.mean);
    }
    all = column_merged(all, side, part);
    if (lane == 0 && column < c) {
        partial[(blockIdx.y * 2ll) * c + column] = all.mean;
        partial[(blockIdx.y * 2ll + 1) * c + column] = all.squares;
    }
}

// partial (pieces, 2, c) -> mean, rstd (c), and the moving statistics (c) in place
KERNEL(256) batch_statistics(const Real *partial, Real *mean, Real *rstd, Real *moving_mean, Real *moving_var, Real momentum, Real epsilon,
        long long rows, int c, int pieces, long long chunk, int side) {
    __shared__ Moments part[256];
    int column = blockIdx.x * side + threadIdx.x % side, lane = threadIdx.x / side, lanes = 256 / side;
    Moments all = {0, 0, 0};
    if (column < c) for (long long piece = lane; piece < pieces; piece += lanes) {
        long long left = rows - piece * chunk;
        all = merged(all, {(Real)(left < chunk ? left : chunk), partial[piece * 2 * c + column],
                           partial[(piece * 2 + 1) * c + column]});
    }
    all = column_merged(all, side, part);
    if (lane == 0 && column < c) {
        Real variance = all.squares / all.count;
        mean[column] = all.mean;
        rstd[column] = 1 / sqrt(variance + epsilon);
        moving_mean[column] = momentum * moving_mean[column] + (1 - momentum) * all.mean;
        moving_var[column] = momentum * moving_var[column] + (1 - momentum) * variance;
    }
}

// y = xhat * gamma + beta + residual with statistics by column, no less than 0 with `relu`
KERNEL(256) batch_norm(const T *x, const Real *gamma, const Real *beta, const T *residual, const Real *mean, const Real *rstd,
        T *y, int has_gamma, int has_beta, int has_residual, int relu, int rows, int c) {
    int width = columns_at_once(c, x, residual, y, mean, rstd, gamma, beta);
    ROWS_COLUMNS(row, rows, group, c / width) {
        int column = group * width;
        long long at = (long long)row * c + column;
        Several<Real> values = fetch(x, at, width), center = fetch(mean, column, width), scale = fetch(rstd, column, width);
        Several<Real> times = {}, plus = {}, also = {};
        if (has_gamma) times = fetch(gamma, column, width);
        if (has_beta) plus = fetch(beta, column, width);
        if (has_residual) also = fetch(residual, at, width);
        EACH_OF(j, AT_ONCE) {
            Real value = (values.at[j] - center.at[j]) * scale.at[j];
            if (has_gamma) value *= times.at[j];
            if (has_beta) value += plus.at[j];
            if (has_residual) value += also.at[j];
            values.at[j] = relu && value < 0 ? (Real)0 : value;        // NaN stays
        }
        put(y, at, width, values);
    }
}

// partial (pieces, 2, c): sums of dy * xhat and of dy; statistics by row or by column
KERNEL(256) gradient_sums(const T *dy, const T *x, const Real *mean,
        const Real *rstd, Real *partial, int by_row, long long rows, int c, long long chunk, int side) {
    __shared__ Sums part[256];
    int column = blockIdx.x * side + threadIdx.x % side, lane = threadIdx.x / side, lanes = 256 / side;
    long long first = blockIdx.y * chunk, last = first + chunk < rows ? first + chunk : rows;
    Sums all = {0, 0};
    if (column < c) for (long long row = first + lane; row < last; row += lanes) {
        long long at = row * c + column, which = by_row ? row : column;
        all = merged(all, {dy[at] * ((x[at] - mean[which]) * rstd[which]), dy[at]});
    }
    all = column_merged(all, side, part);
    if (lane == 0 && column < c) {
        partial[(blockIdx.y * 2ll) * c + column] = all.dgamma;
        partial[(blockIdx.y * 2ll + 1) * c + column] = all.dbeta;
    }
}

// partial (pieces, 2, c) -> dgamma, dbeta (c)
KERNEL(256) gradient_totals(const Real *partial, Real *dgamma, Real *dbeta, int c, int pieces, int side) {
    __shared__ Sums part[256];
    int column = blockIdx.x * side + threadIdx.x % side, lane = threadIdx.x / side, lanes = 256 / side;
    Sums all = {0, 0};
    if (column < c) for (long long piece = lane; piece < pieces; piece += lanes)
        all = merged(all, {partial[piece * 2 * c + column], partial[(piece * 2 + 1) * c + column]});
    all = column_merged(all, side, part);
    if (lane == 0 && column < c) {
        dgamma[column] = all.dgamma;
        dbeta[column] = all.dbeta;
    }
}

// dx = gamma * rstd * (dy - mean(dy) - xhat * mean(dy * xhat)), means over the rows
KERNEL(256) batch_norm_dx(const T *dy, const T *x, const Real *gamma, const Real *mean, const Real *rstd, const Real *dgamma,
        const Real *dbeta, T *dx, int has_gamma, int rows, int c) {
    Real share = (Real)1 / rows;
    int width = columns_at_once(c, x, dy, dx, mean, rstd, gamma, dgamma, dbeta);
    ROWS_COLUMNS(row, rows, group, c / width) {
        int column = group * width;
        long long at = (long long)row * c + column;
        Several<Real> values = fetch(x, at, width), center = fetch(mean, column, width), scales = fetch(rstd, column, width);
        Several<Real> of_gamma = fetch(dgamma, column, width), of_beta = fetch(dbeta, column, width), times = {};
        Several<Real> g = fetch(dy, at, width);
        if (has_gamma) times = fetch(gamma, column, width);
        EACH_OF(j, AT_ONCE) {
            Real scale = scales.at[j], xhat = (values.at[j] - center.at[j]) * scale;
            Real value = (g.at[j] - of_beta.at[j] * share - xhat * of_gamma.at[j] * share) * scale;
            values.at[j] = has_gamma ? value * times.at[j] : value;
        }
        put(dx, at, width, values);
    }
}

// y = xhat * gamma + beta; mean and rstd (rows), by two passes
KERNEL(256) layer_norm(const T *x, const Real *gamma, const Real *beta, T *y,
        Real *mean, Real *rstd, Real epsilon, int has_gamma, int has_beta, long long rows, int c, int lanes) {
    __shared__ Real part[8];
    int count = columns_at_once(c, x, y, gamma, beta);
    FOR_EACH_ROW(row, mine) {
        int width = mine ? c : 0;
        const T *a = x + row * c;
        Real total = 0, squares = 0;
        for (int j = lane * count; j < width; j += lanes * count) {
            Several<Real> values = fetch(a, j, count);
            EACH_OF(e, count) total += values.at[e];
        }
        Real center = row_sum(total, lanes, part) / c;
        for (int j = lane * count; j < width; j += lanes * count) {
            Several<Real> values = fetch(a, j, count);
            EACH_OF(e, count) squares += (values.at[e] - center) * (values.at[e] - center);
        }
        Real scale = 1 / sqrt(row_sum(squares, lanes, part) / c + epsilon);
        for (int j = lane * count; j < width; j += lanes * count) {
            Several<Real> values = fetch(a, j, count), times = {}, plus = {};
            if (has_gamma) times = fetch(gamma, j, count);
            if (has_beta) plus = fetch(beta, j, count);
            EACH_OF(e, AT_ONCE) {
                Real value = (values.at[e] - center) * scale;
                if (has_gamma) value *= times.at[e];
                values.at[e] = has_beta ? value + plus.at[e] : value;
            }
            put(y, row * c + j, count, values);
        }
        if (lane == 0 && mine) {
            mean[row] = center;
            rstd[row] = scale;
        }
    }
}

// dx = rstd * (g - mean(g) - xhat * mean(g * xhat)), g = dy * gamma, means over the row
KERNEL(256, 2) layer_norm_dx(const T *dy, const T *x, const Real *gamma,
        const Real *mean, const Real *rstd, T *dx, int has_gamma, long long rows, int c, int lanes) {
    __shared__ Real part[8];
    int count = columns_at_once(c, dy, x, dx, gamma);
    FOR_EACH_ROW(row, mine) {
        long long start = row * c;
        int width = mine ? c : 0;
        Real center = mine ? mean[row] : (Real)0, scale = mine ? rstd[row] : (Real)0, total = 0, dot = 0;
        for (int j = lane * count; j < width; j += lanes * count) {
            Several<Real> values = fetch(x, start + j, count), of_y = fetch(dy, start + j, count), times = {};
            if (has_gamma) times = fetch(gamma, j, count);
            EACH_OF(e, count) {
                Real g = has_gamma ? of_y.at[e] * times.at[e] : of_y.at[e];
                total += g;
                dot += g * ((values.at[e] - center) * scale);
            }
        }
        total = row_sum(total, lanes, part) / c;
        dot = row_sum(dot, lanes, part) / c;
        for (int j = lane * count; j < width; j += lanes * count) {
            Several<Real> values = fetch(x, start + j, count), of_y = fetch(dy, start + j, count), times = {};
            if (has_gamma) times = fetch(gamma, j, count);
            EACH_OF(e, AT_ONCE) {
                Real g = has_gamma ? of_y.at[e] * times.at[e] : of_y.at[e];
                values.at[e] = scale * (g - total - (values.at[e] - center) * scale * dot);
            }
            put(dx, start + j, count, values);
        }
    }
}
