// Optimizers: one pass over the flat buffers, in place. hyper[0] is the learning rate, hyper[1] the step
// count from 1; all other arrays are (n). A buffer that is not in use is passed as p, with its flag 0.

// m: momentum, if `slow`
KERNEL(256) sgd(T *p, const T *g, T *m, const float *hyper, T momentum, int slow, int nesterov, long long n) {
    T rate = hyper[0];
    GRID_STRIDE(i, n) {
        T step = -rate * g[i];
        if (slow) {
            T speed = momentum * m[i] + step;
            m[i] = speed;
            step = nesterov ? momentum * speed + step : speed;
        }
        p[i] += step;
    }
}

// `rest` is 1 - rho
KERNEL(256) rmsprop(T *p, const T *g, T *v, T *m, T *mg,
        const float *hyper, T rho, T rest, T momentum, T epsilon, int slow, int centered, long long n) {
    T rate = hyper[0];
    GRID_STRIDE(i, n) {
        T slope = g[i], variance = rho * v[i] + rest * slope * slope;
        v[i] = variance;
        if (centered) {
            T mean = rho * mg[i] + rest * slope;
            mg[i] = mean;
            variance -= mean * mean;
        }
        T step = rate * slope * rsqrt(variance + epsilon);
        if (slow) {
            step += momentum * m[i];
            m[i] = step;
        }
        p[i] -= step;
    }
}

// `log_1`, `log_2`: logarithms of the betas, for 1 - beta**t = -expm1(t * log(beta)) loses no digits;
// `rest_1`, `rest_2`: 1 - beta
KERNEL(256) adam(T *p, const T *g, T *m, T *v, T *vhat,
        const float *hyper, T log_1, T log_2, T rest_1, T rest_2, T epsilon, int largest, long long n) {
    T rate = hyper[0], t = hyper[1];
    rate *= sqrt(-expm1(t * log_2)) / -expm1(t * log_1);
    GRID_STRIDE(i, n) {
        T slope = g[i], mean = m[i], square = v[i];
        mean += (slope - mean) * rest_1;
        square += (slope * slope - square) * rest_2;
        m[i] = mean;
        v[i] = square;
        if (largest) vhat[i] = square = larger(vhat[i], square);
        p[i] -= rate * mean / (sqrt(square) + epsilon);
    }
}
